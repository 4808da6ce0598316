"""The closing line that .ci/run counts, and `--proof FILE`: what the stack went through, test by test, as Markdown."""

import datetime
import os
import platform
import subprocess

from stack import DOCKER, ROOT

IMAGES = {"prebuilt": "takes build/hirestream", "compiled": "compiles the program"}
steps = {}  # test → (outcome, seconds)


def pytest_addoption(parser):
    parser.addoption("--proof", metavar="FILE", help="write what the stack went through as Markdown")


def pytest_runtest_logreport(report):
    name = report.nodeid.split("::")[-1]
    outcome, seconds = steps.get(name, ("passed", 0.0))
    steps[name] = (outcome if report.passed else report.outcome, seconds + report.duration)


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False).stdout.strip()


def write_proof(path, counts):
    engine, compose = output_of(DOCKER, "version", "--format", "{{.Server.Version}}"), output_of(DOCKER, "compose", "version", "--short")
    lines = [
        "# The stack in containers", "",
        f"Written by `make compose`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, on {os.cpu_count()} CPUs, kernel "
        f"{platform.release()}, Docker Engine {engine}, Compose {compose}; the program's image {IMAGES[os.environ['HIRESTREAM_BUILD']]}.", "",
        f"- Commit: {output_of('git', 'describe', '--always', '--dirty', '--abbrev=10')}",
        f"- {counts['passed']} tests passed, {counts['failed'] + counts['error']} failed, one after the other on one stack",
        "- What stood in for the official images: [compose.md](../compose.md#what-was-run-and-what-was-not)", "", "| test | result | s |", "|---|---|---:|"]
    lines += [f"| `{name}` | {outcome} | {seconds:.0f} |" for name, (outcome, seconds) in steps.items()]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def pytest_terminal_summary(terminalreporter, config):
    counts = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error")}
    terminalreporter.write_line(f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed")
    if config.getoption("--proof"):
        write_proof(config.getoption("--proof"), counts)
