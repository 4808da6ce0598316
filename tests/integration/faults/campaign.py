"""Runs trials: what the short suite, `prove` and `soak` share."""

import os
import pathlib
import platform
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile

import faults
from proxy import Network
from servers import Servers
from trial import Trial


def find_binary():
    binary = os.environ.get("HIRESTREAM_BINARY")
    assert binary and os.access(binary, os.X_OK), "HIRESTREAM_BINARY must name the program to test"
    return binary


def new_seed():
    return int(os.environ.get("HIRESTREAM_FAULTS_SEED") or secrets.randbelow(10**9))


def stop_servers_on_sigterm():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Campaign:
    """Servers and a folder for several trials. Each trial has its own generator, seeded by the seed and its name."""

    def __init__(self, seed, say=print):
        self.seed, self.say = seed, say
        self.binary = find_binary()
        self.servers = Servers()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hirestream_faults_"))
        self.failed = False

    def __enter__(self):
        self.say(f"seed {self.seed} (HIRESTREAM_FAULTS_SEED={self.seed} repeats it); logs and journals in {self.directory}")
        try:
            self.servers.start()
            self.versions = self.servers.versions()
        except BaseException:
            self.servers.wipe()
            raise
        return self

    def __exit__(self, *_):
        self.servers.wipe()
        if not self.failed:
            shutil.rmtree(self.directory, ignore_errors=True)

    def trial(self, name, scenario, *arguments, rate=500, number=0, once=False):
        """Its Outcome; scenario(trial, choose, *arguments)."""
        choose = random.Random(f"{self.seed} {name} {number}")
        network = Network(self.servers.cassandra, self.servers.mysql)
        disk = faults.SmallDisk(self.directory / f"{name}{number}_disk") if scenario is faults.full_disk else None
        trial = Trial(name, self.binary, self.servers, network, self.directory, self.say,
                      sqlite=disk and disk.directory / "counts.db")
        try:
            trial.start_writer(rate, choose.randrange(10**6))
            scenario(trial, choose, *arguments, *([disk] if disk else []))
            outcome = trial.finish(once=once)
        except BaseException:
            self.failed = True
            raise
        finally:
            trial.abandon()
            network.close()
            if disk:
                disk.close()
        self.failed = self.failed or bool(outcome.problems) or outcome.lost + outcome.doubled > 0
        self.say(f"{name}: {sum(outcome.faults.values())} faults, {outcome.rows} rows, {outcome.cells} cells, {outcome.lost} lost, "
                 f"{outcome.doubled} doubled, {outcome.samples} looks on the way, equal {outcome.caught_up_s:.1f} s after the last row"
                 + (f"; kills: {dict(outcome.kills)}" if outcome.kills else ""))
        for problem in outcome.problems:
            self.say(f"  {problem}")
        return outcome


def machine():
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.readline().split()[1]) / 2**20
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} CPUs, {memory:.0f} GiB, {name}, kernel {platform.release()}"


def program_version(binary):
    return subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
