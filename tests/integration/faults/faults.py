"""The faults themselves. Each scenario takes a Trial with a live writer, does its harm and leaves everything able to work again."""

import asyncio
import collections
import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import time

import attacks
import proxy
from proxy import Cut

LIBFAKETIME = [path for path in pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]


# --- kill -9 of the engine


class Kill:
    """A hook that kills the engine at a point of its work. What phase that was is read off the proxies, not taken from the aim."""

    POINTS = {proxy.READING: "request", proxy.COUNTING: "rows", proxy.IN_TRANSACTION: "statement", "COMMIT held back": "commit",
              proxy.COMMIT_SENT: "commit_sent", proxy.AFTER_COMMIT: "committed"}

    def __init__(self, network, pid, aim, skip, pause_s):
        self.network, self.pid, self.aim, self.skip, self.pause_s = network, pid, aim, skip, pause_s
        self.phase = None
        self.done = asyncio.Event()

    async def hook(self, point, link, _):
        if self.phase is not None:
            raise Cut
        if self.aim == proxy.COMMIT_SENT and point == "commit" and self.skip <= 0:
            link.answers.clear()  # the answer must not be faster than the kill
        if point != self.POINTS[self.aim] or not self.take_turn():
            return
        if self.aim in (proxy.COMMIT_SENT, proxy.IN_TRANSACTION):
            await asyncio.sleep(self.pause_s)
        if self.phase is None:
            self.kill()
        if point == "commit":
            raise Cut

    def take_turn(self):
        self.skip -= 1
        return self.skip < 0

    def kill(self):
        self.phase = self.network.phase()
        os.kill(self.pid, signal.SIGKILL)
        self.done.set()

    async def wait(self, limit_s):
        try:
            await asyncio.wait_for(self.done.wait(), limit_s)
        except asyncio.TimeoutError:
            return None
        finally:
            self.network.hook = None
        return self.phase


async def kill_at(network, pid, aim, skip, pause_s, limit_s=30):
    kill = Kill(network, pid, aim, skip, pause_s)
    network.hook = kill.hook
    return await kill.wait(limit_s)


async def kill_now(network, pid):
    """Stops the engine first, so that what it has sent is seen before the phase is read."""
    os.kill(pid, signal.SIGSTOP)
    for link in list(network.cassandra.links) + list(network.mysql.links):
        link.answers.clear()
    await asyncio.sleep(0.004)
    phase = network.phase()
    os.kill(pid, signal.SIGKILL)
    return phase


def engine_kills(trial, choose, kills):
    """Half of the kills at random moments, half where the proxies see the engine in a wanted phase; each is followed by a start."""
    aims = list(Kill.POINTS)
    plan = [aims[number // 2 % len(aims)] if number % 2 else None for number in range(kills)]
    choose.shuffle(plan)
    for aim in plan:
        kill_engine(trial, choose, aim)
    trial.start_engine()
    trial.wait_for_progress()


def kill_engine(trial, choose, aim):
    """Starts an engine if none runs, and kills it: at once when it starts, or after it worked for a while."""
    if trial.engine is None or trial.engine.poll() is not None:
        trial.start_engine()
    if choose.random() < 0.7 and not trial.wait_for_progress():
        return
    pid = trial.engine.pid
    if aim is None:
        time.sleep(choose.uniform(0.0, 1.0))
        phase = trial.network.call(kill_now(trial.network, pid))
    else:
        phase = trial.network.call(kill_at(trial.network, pid, aim, choose.randrange(4), choose.uniform(0.0, 0.004)))
    if phase is None:
        trial.outcome.problems.append(f"the engine was never seen '{aim}' within 30 s: {trial.log('engine')}")
        return
    trial.engine.wait(timeout=30)
    trial.outcome.kills[phase] += 1
    trial.outcome.faults["engine: kill -9"] += 1


# --- COMMITs with an unknown outcome


class CommitFault:
    """Spoils one COMMIT: lost before the server got it, its answer lost, or delivered only after the engine has come back."""

    def __init__(self, network, kind, late_s):
        self.network, self.kind, self.late_s = network, kind, late_s
        self.done = asyncio.Event()
        self.began = False

    async def hook(self, point, link, data):
        if point == "commit" and not self.began:
            self.began = True
            if self.kind == "COMMIT lost":
                self.done.set()
                raise Cut
            if self.kind == "COMMIT delivered late":
                link.keep_server = True
                asyncio.get_running_loop().create_task(self.deliver_late(link.server, data))
                raise Cut
            self.link = link
        if point == "answer" and self.began and self.kind == "answer to COMMIT lost" and link is self.link:
            self.done.set()
            raise Cut

    async def deliver_late(self, server, data):
        """The engine has lost its connection; its transaction still stands and is committed seconds later."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(self.late_s)
            await loop.sock_sendall(server, data)
            await asyncio.wait_for(loop.sock_recv(server, 4096), 30)
        finally:
            server.close()
            self.done.set()


async def spoil_commit(network, kind, late_s):
    fault = CommitFault(network, kind, late_s)
    network.hook = fault.hook
    try:
        await asyncio.wait_for(fault.done.wait(), 45)
        return True
    except asyncio.TimeoutError:
        return False
    finally:
        network.hook = None


COMMIT_FAULTS = ["COMMIT lost", "answer to COMMIT lost", "COMMIT delivered late"]


def unknown_commits(trial, choose, times):
    trial.start_engine()
    for _ in range(times):
        for kind in choose.sample(COMMIT_FAULTS, len(COMMIT_FAULTS)):
            if not trial.wait_for_progress():
                return
            time.sleep(choose.uniform(0.0, 0.5))
            if trial.network.call(spoil_commit(trial.network, kind, choose.uniform(0.5, 4.0))):
                trial.outcome.faults[kind] += 1
            else:
                trial.outcome.problems.append(f"no COMMIT within 45 s: {trial.log('engine')}")
    trial.wait_for_progress()


# --- the network

NETWORK_FAULTS = ["cut", "refuse", "blackhole", "delay", "trickle"]


def spoil_network(trial, choose, kind, side, seconds):
    target = getattr(trial.network, side)
    if kind == "cut":
        for _ in range(choose.randint(1, 4)):
            target.cut()
            time.sleep(choose.uniform(0.05, 0.6))
    else:
        if kind == "delay":
            target.spoil(delay_s=choose.uniform(0.02, 0.3))
        elif kind == "trickle":
            target.spoil(trickle=choose.randint(16, 64))
        else:
            getattr(target, kind)()
        time.sleep(seconds)
    target.heal()
    if kind == "blackhole" and choose.random() < 0.5:
        target.cut()  # or what was held back arrives after all
    trial.outcome.faults[f"connection to {side}: {kind}"] += 1


def bad_network(trial, choose, times, seconds=(0.5, 2.0)):
    trial.start_engine()
    plan = [(kind, side) for kind in NETWORK_FAULTS for side in ("cassandra", "mysql")] * times
    choose.shuffle(plan)
    for kind, side in plan:
        trial.wait_for_progress()
        spoil_network(trial, choose, kind, side, choose.uniform(*seconds))
        trial.expect_engine_alive()
    trial.wait_for_progress()


# --- the servers


def kill_server(trial, choose, name):
    trial.servers.kill(name)
    time.sleep(choose.uniform(0.0, 1.5))
    trial.servers.restart(name)
    trial.outcome.faults[f"{name}: kill -9, restart"] += 1


def pause_server(trial, choose, name, seconds):
    trial.servers.pause(name)
    try:
        time.sleep(choose.uniform(*seconds))
    finally:
        trial.servers.resume(name)
    trial.outcome.faults[f"{name}: SIGSTOP, SIGCONT"] += 1


def mysql_faults(trial, choose, times):
    trial.start_engine()
    for _ in range(times):
        trial.wait_for_progress()
        pause_server(trial, choose, "mysql", (0.5, 3.0))
        trial.wait_for_progress()
        kill_server(trial, choose, "mysql")
        trial.expect_engine_alive()
    trial.wait_for_progress()


def cassandra_faults(trial, choose, times, pause_s=(1.0, 4.0)):
    trial.start_engine()
    for _ in range(times):
        trial.wait_for_progress()
        pause_server(trial, choose, "cassandra", pause_s)
        trial.wait_for_progress()
        kill_server(trial, choose, "cassandra")
        trial.expect_engine_alive()
    trial.wait_for_progress(limit_s=120)


# --- the HTTP server's clients

ATTACK_MEMORY_MAX_MB = 96  # by how much the engine may grow: answers for stalled readers are among it
ATTACK_PROBE_MAX_S = 2  # in which health checks are answered; the attackers take their share of the processor


def memory_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def http_attacks(trial, choose, times, seconds=15):
    """All attacks at once: the engine counts on, health checks are answered, memory stays, and it ends when it is told to."""
    port = attacks.free_port()
    trial.start_engine("--http", f"127.0.0.1:{port}")
    trial.wait_for_progress()
    for _ in range(times):
        before = memory_mb(trial.engine.pid)
        with attacks.Attack(port, choose.random()) as attack:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                status, took_s = attacks.probe(port)
                if status != 200 or took_s > ATTACK_PROBE_MAX_S:
                    trial.outcome.problems.append(f"/livez: status {status} after {took_s:.2f} s")
                if not trial.wait_for_progress():
                    return
            grown = memory_mb(trial.engine.pid) - before
            trial.outcome.faults["HTTP: all attacks at once"] += 1
        if grown > ATTACK_MEMORY_MAX_MB:
            trial.outcome.problems.append(f"the engine grew by {grown:.0f} MB")
        trial.outcome.notes.append(f"attacks for {seconds} s: the engine grew by {grown:.0f} MB, attackers began again {attack.rounds} times")
        trial.expect_engine_alive()
    if attacks.probe(port)[0] != 200:
        trial.outcome.problems.append("nobody answers after the attacks")


# --- two engines


def two_engines(trial, choose, times):
    """The one that came later goes on; the other must stop with code 4 and have done no harm."""
    trial.start_engine()
    for _ in range(times):
        trial.wait_for_progress()
        time.sleep(choose.uniform(0.0, 1.0))
        first = trial.engine
        trial.start_engine()
        try:
            code = first.wait(timeout=60)
        except subprocess.TimeoutExpired:
            first.kill()
            code = first.wait()
        if code != 4:
            trial.outcome.problems.append(f"the fenced engine ended with {code}, not 4")
        trial.outcome.faults["second engine"] += 1
    trial.wait_for_progress()


# --- full disk


class SmallDisk:
    """A tmpfs of a few MB, where mounting is allowed; otherwise a limit on the size of the engine's files (RLIMIT_FSIZE)."""

    def __init__(self, directory):
        self.directory = directory / "disk"
        self.directory.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(self.directory)], capture_output=True, check=False)
        self.mounted = done.returncode == 0
        self.kind = "tmpfs" if self.mounted else "RLIMIT_FSIZE"
        self.filler = self.directory / "filler"

    def engine_options(self):
        """SIGXFSZ, ignored by Python, stays ignored in the engine, which then gets EFBIG."""
        return {} if self.mounted else {"restore_signals": False}

    def fill(self, engine):
        if self.mounted:
            with open(self.filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 12))
        else:
            size = max(path.stat().st_size for path in self.directory.iterdir())
            resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free(self, engine):
        if self.mounted:
            self.filler.unlink(missing_ok=True)
            subprocess.run(["mount", "-o", "remount,size=512m", str(self.directory)], check=True)
        else:
            resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def shrink(self):
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,size=48m", str(self.directory)], check=False)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.directory)], check=False)


def full_disk(trial, choose, times, disk):
    """The engine stays alive while nothing can be written, and goes on by itself when there is room again."""
    trial.start_engine(**disk.engine_options())
    for _ in range(times):
        trial.wait_for_progress()
        warnings = trial.warnings()
        disk.fill(trial.engine)
        deadline = time.monotonic() + 60
        while trial.warnings() == warnings and time.monotonic() < deadline:  # until a write has truly failed
            time.sleep(0.05)
        if trial.warnings() == warnings:
            trial.outcome.problems.append("the disk was full and no write failed: the fault was none")
        time.sleep(choose.uniform(0.5, 2.0))
        trial.expect_engine_alive()
        disk.free(trial.engine)
        trial.wait_for_progress()
        trial.outcome.faults[f"warehouse's disk full ({disk.kind})"] += 1
        disk.shrink()
    disk.free(trial.engine)


# --- clock steps


class SteppedClock:
    """The engine's wall clock, set by libfaketime while it runs; its monotonic clock goes on."""

    def __init__(self, directory):
        self.file = directory / "clock"
        self.step(0)

    def environment(self):
        return {"LD_PRELOAD": str(LIBFAKETIME[0]), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def step(self, seconds):
        replacement = self.file.with_suffix(".new")
        replacement.write_text(f"{seconds:+d}\n")
        replacement.replace(self.file)


def clock_steps(trial, choose, times):
    """Forward and backward, by seconds and by an hour; at the end the clock is right again."""
    clock = SteppedClock(trial.directory)
    trial.start_engine(environment=clock.environment())
    trial.wait_for_progress()
    for _ in range(times):
        for seconds in choose.sample([-3600, -17, 45, 3600], 4):
            clock.step(seconds)
            time.sleep(choose.uniform(1.0, 3.0))
            clock.step(0)
            trial.outcome.faults["engine's clock stepped"] += 1
            trial.wait_for_progress()
            trial.expect_engine_alive()


def phases_missing(kills: collections.Counter):
    """Phases that every long run must have hit."""
    return [phase for phase in proxy.PHASES if phase != proxy.WAITING and not kills[phase]]
