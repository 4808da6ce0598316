#!/usr/bin/env python3
"""Runs what takes too long for the suite, and writes what it showed as Markdown: `make spark`.

usage: tests/support/services/services.sh run cassandra mysql -- tests/support/spark/run tests/integration/spark/prove.py
           [--rows N] [--faults-rows N] [--summary FILE] [--only differential|faults|yarn]

differential   every way to read one table gives the engine's events: the engine itself, native ranges and the connector on both layouts, Parquet,
               CSV, NDJSON, plain Spark SQL; then a rebuild. Cell by cell, on so many rows
faults         on a standalone cluster of one master and two workers, and with a MySQL that is killed
yarn           the README's lines on a real YARN, which is fetched first, and a container that is killed

With --only, the summary keeps what it says of the other parts.
"""
import argparse
import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys

import pyspark
import pytest

HERE = pathlib.Path(__file__).resolve().parent
PARTS = {
    "differential": ["test_job.py", "-k", "every_way_to_read or plain_spark_sql or rebuild_replaces"],
    "faults": ["test_cluster.py", "prove_cluster.py", "test_job.py", "-k", "not test_job or tried_again or another_process or live_engine"],
    "yarn": ["prove_yarn.py"],
}
TITLES = {"differential": "Differential", "faults": "Faults", "yarn": "YARN"}


class Results:
    def __init__(self):
        self.lines = {}  # test → (outcome, seconds)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::")[-1]
        outcome, seconds = self.lines.get(name, ("passed", 0.0))
        self.lines[name] = (outcome if report.passed else report.outcome, seconds + report.duration)


def run(part, rows):
    """In a process of its own: the rows are a constant there."""
    results = Results()
    os.environ["HIRESTREAM_SPARK_ROWS"] = str(rows)
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(read)
        files = [str(HERE / word) if word.endswith(".py") else word for word in PARTS[part]]
        status = pytest.main(["-q", "-p", "no:cacheprovider", "-rs", "--durations", "5", *files], plugins=[results])
        with os.fdopen(write, "w", encoding="utf-8") as out:
            out.writelines(f"{name}\t{outcome}\t{seconds:.0f}\n" for name, (outcome, seconds) in results.lines.items())
        os._exit(int(status))
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as told:
        lines = [line.rstrip("\n").split("\t") for line in told]
    return lines, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def text_of(*command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.strip()


def section(part, told, rows):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = text_of("git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=10")
    lines = [f"## {TITLES[part]}, {rows:,} rows", "",
             f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, with {text_of(os.environ['HIRESTREAM_BINARY'], '--version').splitlines()[0]}, "
             f"commit {commit}, PySpark {pyspark.__version__}, Python {platform.python_version()}, on {os.cpu_count()} CPUs, {memory:.0f} GiB, "
             f"kernel {platform.release()}, load {os.getloadavg()[1]:.0f}.", "", "| test | result | s |", "|---|---|---:|"]
    return "\n".join(lines + [f"| `{name}` | {outcome} | {seconds} |" for name, outcome, seconds in told]) + "\n"


def sections_of(text):
    """Part → its section."""
    found = [f"## {part.rstrip()}\n" for part in re.split("^## ", text, flags=re.MULTILINE)[1:]]
    return {part: each for part, title in TITLES.items() for each in found if each.startswith(f"## {title},")}


def summary(sections):
    outcomes = re.findall(r"^\| `[^`]+` \| (\w+) \|", "".join(sections.values()), re.MULTILINE)
    lines = ["# On Apache Spark: every way to read, and what happens to its processes", "",
             "Written by `make spark`; each part says when and with what it was run last (`prove.py --only PART`).", "",
             f"**{len(outcomes)} tests, {sum(outcome != 'passed' for outcome in outcomes)} failed.** They compare all cells of `events`, all measures, the "
             "company and the classes of rows with what the engine made of the same rows, and that with a recount of the writer's journal by SQL in DuckDB."]
    return "\n".join([*lines, "", "\n".join(sections[part] for part in PARTS if part in sections)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--faults-rows", type=int, default=400_000)
    parser.add_argument("--summary", metavar="FILE")
    parser.add_argument("--only", choices=tuple(PARTS))
    given = parser.parse_args()
    rows = {"differential": given.rows, "faults": given.faults_rows, "yarn": given.faults_rows}
    file = pathlib.Path(given.summary or os.devnull)
    sections, statuses = sections_of(file.read_text(encoding="utf-8")) if file.exists() else {}, []
    for part in PARTS:
        if given.only in (None, part):
            told, status = run(part, rows[part])
            sections[part] = section(part, told, rows[part])
            statuses.append(status)
    file.write_text(summary(sections), encoding="utf-8")
    sys.exit(max(statuses))


if __name__ == "__main__":
    main()
