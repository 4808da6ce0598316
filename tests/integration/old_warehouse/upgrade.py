"""What both tests of an upgrade do: the program of today takes a warehouse of before over in place, and goes on."""

import os
import subprocess
import threading
import time
from pathlib import Path

from oracle.recount import Recount, open_warehouse, read_accounting, read_events
from stored import SQL_PASSWORD

STORED = Path(__file__).parent
# Of slices: as long as they are kept, every number can be recounted; by default those that are settled freeze at once.
RETENTIONS = ["0s", "7d"]
# Still in slices that the older engine did not freeze.
LATE = ["--from", "2026-06-01 05:00:00", "--span", "1h"]
NOW = ["--span", "2min"]


class Program:
    def __init__(self, warehouse, jobs, sources, retention):
        self.warehouse, self.jobs, self.sources, self.retention = warehouse, jobs, sources, retention
        self.binary = os.environ["HIRESTREAM_BINARY"]

    def call(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        done = subprocess.run([self.binary, *map(str, arguments)], env=environment | {"HIRESTREAM_MYSQL_PASSWORD": SQL_PASSWORD},
                              capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{arguments}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self):
        for source in self.sources:
            self.call("run", "--once", "--source", source, "--warehouse", self.warehouse, "--jobs", self.jobs,
                      "--retention", self.retention)

    def verify(self, *options):
        for source in self.sources:
            assert "no difference" in self.call("verify", "--quiet", "--source", source, "--warehouse", self.warehouse,
                                                "--jobs", self.jobs, *options)

    def generate(self, uri, journal, seed, arrivals):
        self.call("generate", "--to", uri, "--rows", 60, "--seed", seed, "--dirty", 0.05, "--journal", journal, *arrivals)


class Watcher(threading.Thread):
    """Looks at `events` all the time: it must always be what it was."""

    def __init__(self, uri, before):
        super().__init__(daemon=True)
        self.uri, self.before, self.looks, self.stopped, self.other = uri, before, 0, False, None
        self.start()

    def run(self):
        try:
            while not self.stopped and self.other is None:
                now = content(self.uri)
                self.looks += 1
                self.other = None if now == self.before else now
                time.sleep(0.01)
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.other = error

    def stop(self):
        self.stopped = True
        self.join(30)
        assert self.other is None, f"after {self.looks} looks events was {self.other}"
        assert self.looks > 3


def content(uri):
    """{key: (measures, company)} of `events`; the password is in the environment."""
    warehouse = open_warehouse(uri)
    try:
        return {key: (measures, company) for key, (measures, company, _) in read_events(warehouse).items()}
    finally:
        warehouse.connection.close()


def accounting(uri):
    warehouse = open_warehouse(uri)
    try:
        return read_accounting(warehouse)
    finally:
        warehouse.connection.close()


def with_rows(before, cells):
    """Measures of `events` when these cells come on top."""
    sums = {key: measures for key, (measures, _) in before.items()}
    for key, measures in cells.items():
        sums[key] = tuple(a + b for a, b in zip(sums.get(key, (0,) * 6), measures))
    return sums


def check_upgrade(program, add_rows):
    """`add_rows` writes the rows of a seed and times of arrival to every raw log, with a journal for each."""
    before, classes = content(program.warehouse), accounting(program.warehouse)
    assert len(before) > 50 and classes["rejected"] > 5, "little proves nothing"
    watcher = Watcher(program.warehouse, before)
    program.run()
    assert accounting(program.warehouse) == classes
    program.verify()
    program.run()
    watcher.stop()
    assert content(program.warehouse) == before

    late = program.retention == "0s"
    journals = []
    for seed, arrivals in [(901, NOW)] + ([(902, LATE)] if late else []):
        journals += add_rows(seed, arrivals)
    recounts = [Recount([str(journal)]) for journal in journals]
    expected = before
    for recount in recounts:
        expected = {key: (measures, None) for key, measures in with_rows(expected, recount.cells()).items()}
    program.run()
    if late:
        program.verify("--repair")
    for _ in range(2):
        assert {key: (measures, None) for key, (measures, _) in content(program.warehouse).items()} == expected
        for name, count in classes.items():
            assert accounting(program.warehouse)[name] == count + sum(recount.classes().get(name, 0) for recount in recounts)
        program.verify()
        program.run()
