"""Engines that wait for each other: one counts, the others go on when it has ended, and never two in turn."""

import os
import random
import signal
import threading
import time

import pytest

from conftest import assert_equal

SEED = int(os.environ.get("HIRESTREAM_E2E_SEED", "1"))
LEASE_S = 2


class Unit:
    """What a service manager does: a process that is started again whenever it ends."""

    def __init__(self, hirestream, arguments):
        self.hirestream, self.arguments, self.lines, self.stopped = hirestream, arguments, [], False
        self.start()

    def start(self):
        self.stopped = False
        self.process = self.hirestream.start(*self.arguments)
        threading.Thread(target=self.read, args=(self.process,), daemon=True).start()

    def read(self, process):
        for line in process.stderr:
            self.lines.append((time.monotonic(), line))

    def count(self, text):
        return sum(text in line for _, line in self.lines)

    def send(self, which):
        self.process.send_signal(which)
        self.stopped = which == signal.SIGSTOP

    def ensure_running(self):
        if self.process.poll() is not None:
            self.start()

    def end(self):
        if self.stopped:
            self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) in (0, -signal.SIGKILL)


def wait_for(what, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def active(units):
    """Who says that it counts now: the last one to say so that is neither dead nor stopped."""
    latest = max(((at, unit) for unit in units for at, line in unit.lines if "active: this engine counts" in line), key=lambda pair: pair[0], default=None)
    return latest[1] if latest else None


def activations(units):
    return sum(unit.count("active: this engine counts") for unit in units)


@pytest.fixture
def arguments(dataset, mysql, mysql_database, tmp_path):
    raw_log = dataset.write(f"sqlite:{tmp_path}/raw.db")
    return ["run", "--standby", "--lease", f"{LEASE_S}s", "--source", raw_log, "--warehouse", mysql.uri(mysql_database), "--jobs", dataset.jobs,
            "--rows-per-commit", "5000"]


def test_one_of_three_counts_and_they_do_not_take_it_from_each_other(hirestream, arguments):
    units = [Unit(hirestream, arguments) for _ in range(3)]
    try:
        wait_for(lambda: activations(units) >= 1 and sum(unit.count("standby:") for unit in units) == 2)
        time.sleep(4 * LEASE_S)
        assert activations(units) == 1
        # One that ends by itself gives its lease up at once.
        first = active(units)
        began = time.monotonic()
        first.end()
        units.remove(first)
        wait_for(lambda: activations(units) == 1)
        assert time.monotonic() - began < LEASE_S + 5
    finally:
        for unit in units:
            unit.end()


def test_killed_and_stopped_engines_are_followed_and_nothing_is_lost_or_doubled(hirestream, arguments, dataset, mysql, mysql_database):
    choose = random.Random(SEED)
    units = [Unit(hirestream, arguments) for _ in range(3)]
    delays = []
    try:
        wait_for(lambda: active(units) is not None)
        for _ in range(5):
            unit, before, began = active(units), activations(units), time.monotonic()
            gave_way = unit.count("another engine has taken over")
            which = choose.choice([signal.SIGKILL, signal.SIGSTOP])
            unit.send(which)
            wait_for(lambda before=before: activations(units) > before)
            delays.append(time.monotonic() - began)
            if which == signal.SIGSTOP:
                time.sleep(choose.uniform(0, 1))
                unit.send(signal.SIGCONT)
                # It finds out by itself, and waits.
                wait_for(lambda unit=unit, gave_way=gave_way: unit.count("another engine has taken over") > gave_way or unit.process.poll() is not None)
                assert unit.process.poll() is None
            unit.ensure_running()
            time.sleep(choose.uniform(0, 0.5))
        print(f"SEED={SEED}: another one counted after", " ".join(f"{delay:.1f}" for delay in delays), "s")
        assert max(delays) < LEASE_S + 10
    finally:
        for unit in units:
            unit.end()
    hirestream("run", "--once", *[argument for argument in arguments[1:] if argument not in ("--standby", "--lease", f"{LEASE_S}s")])
    assert_equal(dataset.recount(), mysql.events(mysql_database))
