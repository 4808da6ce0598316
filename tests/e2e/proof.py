"""`--proof FILE`: what was compared with a recount, test by test, as Markdown."""

import datetime
import os
import platform
import subprocess

import pytest


def pytest_addoption(parser):
    parser.addoption("--proof", metavar="FILE", help="write what was compared, test by test, as Markdown")


class Proof:
    """Comparisons that came out equal, of the test that runs."""

    def __init__(self):
        self.compared = {}  # test → [(rows, cells)]
        self.results = {}  # test → (outcome, seconds)
        self.current = None

    def add(self, rows, cells):
        self.compared.setdefault(self.current, []).append((rows, cells))


proof = Proof()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    proof.current = item.name
    return (yield)


def pytest_runtest_logreport(report):
    name = report.nodeid.split("::")[-1]
    outcome, seconds = proof.results.get(name, ("passed", 0.0))
    proof.results[name] = (outcome if report.passed else report.outcome, seconds + report.duration)


def pytest_terminal_summary(config):
    path = config.getoption("--proof")
    if not path:
        return
    version = subprocess.run([os.environ["HIRESTREAM_BINARY"], "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
    described = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=10"], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, check=False)
    version += f" (commit {described.stdout.strip() or 'unknown'})"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    failed = sum(outcome != "passed" for outcome, _ in proof.results.values())
    lines = [
        "# Every source, every warehouse: equal to a recount", "",
        f"Written by `make sources`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, with {version} on {os.cpu_count()} "
        f"CPUs, {memory:.0f} GiB, kernel {platform.release()}.", "",
        f"**{len(proof.results)} tests, {failed} failed.** Each comparison is of all cells of `events`, all measures to the last digit, the "
        "average bid, the company and the classes of rows, with a recount of the writer's journal of acknowledged rows by SQL in DuckDB.", "",
        "| test | result | s | raw rows | cells compared |", "|---|---|---:|---:|---:|"]
    for name, (outcome, seconds) in proof.results.items():
        pairs = proof.compared.get(name, [])
        lines.append(f"| `{name}` | {outcome} | {seconds:.0f} | {', '.join(str(rows) for rows, _ in pairs)} | "
                     f"{', '.join(str(cells) for _, cells in pairs)} |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
