#!/usr/bin/env python3
"""The wheel in every Python that it claims, with the packages that pip finds for each; writes what it showed as Markdown: `make pythons`.

usage: tests/support/python/run tests/integration/spark/prove_pythons.py [--only NAME] [--summary FILE]
           NAME: 3.8, 3.9, 3.10, 3.11, 3.12, 3.13, or 3.8-oldest

Each Python is that of a release of Debian or Ubuntu (tests/support/pythons/setup). Into a new environment of it goes the wheel, by pip, before 3.12 with its
extra `spark`, as integrations/spark/README.md has it. What runs there: test_aggregate.py, test_frames.py and prove_installed.py, without a server; and,
before 3.12, Spark in one process. HIRESTREAM_BINARY and HIRESTREAM_KERNEL name what was built, else it is that of build/.
"""
import argparse
import collections
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CACHE = pathlib.Path(os.environ.get("HIRESTREAM_PYTHONS_CACHE") or ROOT / ".cache" / "pythons") / "pip"
TESTS = ("test_aggregate.py", "test_frames.py", "prove_installed.py")
SHOWN = {"pyarrow": "pyarrow", "pandas": "pandas", "polars": "Polars", "duckdb": "DuckDB", "pyspark": "PySpark"}
# Names of the trials → what is asked of pip besides the wheel. `oldest`: the first that the wheel's own metadata let in.
OTHERS = ["pytest", "pandas", "polars", "duckdb"]
TRIALS = {"3.8": OTHERS, "3.8-oldest": [*OTHERS, "pyarrow==14.0.*", "pandas==1.5.*"],
          **{version: OTHERS for version in ("3.9", "3.10", "3.11", "3.12", "3.13")}}


class Failed(Exception):
    pass


def call(*command, check=True, **options):
    done = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **options)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-6000:]}")
    return done


def built(name, file):
    path = pathlib.Path(os.environ.get(name) or ROOT / "build" / file).resolve()
    if not path.is_file():
        sys.exit(f"{path} is missing: build it, or name it in {name}")
    return path


def make_wheel(folder):
    shutil.copy(built("HIRESTREAM_KERNEL", "libhirestream_kernel.so"), folder / "libhirestream_kernel.so")
    call(ROOT / "integrations" / "spark" / "build_wheel", folder)
    return next(folder.glob("hirestream-*-py3-none-linux_*.whl"))


class Environment:
    """A new environment of one Python; nothing of the repository or of this process's Python is seen in it."""

    def __init__(self, version, folder):
        setup = subprocess.run([str(ROOT / "tests" / "support" / "pythons" / "setup"), version], text=True, stdout=subprocess.PIPE, check=False)
        if setup.returncode != 0:
            raise Failed(f"Python {version} cannot be had")
        self.version, self.folder = version, folder
        call(setup.stdout.strip(), "-m", "venv", "--without-pip", folder)
        self.python = folder / "bin" / "python"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HIRESTREAM_", "PYTHON", "PYSPARK_", "SPARK_", "VIRTUAL_ENV"))}
        self.variables = {**kept, "HIRESTREAM_BINARY": str(built("HIRESTREAM_BINARY", "hirestream")), "PYSPARK_PYTHON": str(self.python),
                          "PATH": f"{folder}/bin:{os.environ['PATH']}", "SPARK_LOCAL_IP": "127.0.0.1"}

    def has_spark(self):
        return tuple(map(int, self.version.split("."))) < (3, 12)

    def install(self, wheel, others):
        """By the pip of this Python: an archive that can be run as it is. Nothing is compiled; PySpark is there as an archive of Python alone."""
        place = self.folder / "pip"
        call(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--python-version",
             self.version, "--dest", place, "pip")
        wanted = f"{wheel}[spark]" if self.has_spark() else str(wheel)
        call(self.python, next(place.glob("pip-*.whl")) / "pip", "install", "--quiet", "--disable-pip-version-check", "--cache-dir", CACHE,
             "--only-binary=:all:", "--no-binary=pyspark", wanted, *others, env=self.variables)

    def packages(self):
        text = call(self.python, "-c", "import importlib.metadata as m, platform; print('python', platform.python_version())\n"
                    "for d in m.distributions(): print(d.metadata['Name'].lower(), d.version)", env=self.variables).stdout
        return dict(line.split() for line in text.splitlines())

    def test(self):
        """Per test: outcome, and why it was skipped or what it met."""
        results = self.folder / "results.xml"
        done = call(self.python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", "-o", "junit_family=xunit2", f"--junitxml={results}",
                    *(HERE / name for name in TESTS), check=False, cwd=self.folder, env=self.variables)
        print(done.stdout[-6000:], flush=True)
        if done.returncode not in (0, 1):
            raise Failed(f"pytest ended with {done.returncode}")
        return [outcome_of(case) for case in xml.etree.ElementTree.parse(results).iter("testcase")]


def outcome_of(case):
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            return ("skipped" if kind == "skipped" else "failed"), case.get("name"), found.get("message", "")
    return "passed", case.get("name"), ""


def run(name, wheel):
    """Its line of the table, what else is to be said, and how many tests passed, failed and were skipped."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(name.split("-")[0], pathlib.Path(folder) / "python")
        environment.install(wheel, TRIALS[name])
        outcomes, versions = environment.test(), environment.packages()
    count = {kind: sum(outcome == kind for outcome, _, _ in outcomes) for kind in ("passed", "failed", "skipped")}
    if not count["passed"]:
        raise Failed("no test ran")
    label = versions["python"] + (", the oldest packages" if "-" in name else "")
    cells = [label, *(versions.get(each, "–") for each in SHOWN), *count.values(), f"{time.monotonic() - began:.0f}"]
    skipped = collections.Counter(reason for outcome, _, reason in outcomes if outcome == "skipped")
    notes = [f"- {label}: {number} skipped: {reason}" for reason, number in skipped.items()]
    notes += [f"- {label}: `{test}` failed" for outcome, test, _ in outcomes if outcome == "failed"]
    return f"| {' | '.join(map(str, cells))} |", notes, count


def summary(rows, notes, counts, wheel):
    commit = call("git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=10", check=False).stdout.strip()
    failed = sum(count["failed"] for count in counts)
    total = sum(count["passed"] for count in counts)
    lines = ["# The Python package in every Python that it claims", "",
             f"Written by `make pythons`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit}, on "
             f"{platform.freedesktop_os_release()['PRETTY_NAME']}.", "",
             f"**{total:,} tests passed, {failed} failed**, in {len(rows)} environments. `{wheel.name}`, installed by pip; each Python is that of a release of Debian or Ubuntu. "
             "Without a server; before 3.12 with Spark in one process.", "",
             "| Python | " + " | ".join(SHOWN.values()) + " | passed | failed | skipped | s |",
             "|---|" + "---|" * len(SHOWN) + "---:|" * 4, *rows]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(TRIALS), action="append", help="may come several times")
    parser.add_argument("--summary", metavar="FILE")
    given = parser.parse_args()
    rows, notes, counts, missing = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        wheel = make_wheel(pathlib.Path(folder))
        for name in given.only or TRIALS:
            print(f"== Python {name}", flush=True)
            try:
                row, said, count = run(name, wheel)
            except Failed as error:
                print(error, flush=True)
                missing.append(name)
                notes.append(f"- {name} was not tried: {str(error).splitlines()[0]}")
                continue
            rows.append(row)
            notes += said
            counts.append(count)
        text = summary(rows, notes, counts, wheel)
    print(text)
    if given.summary:
        pathlib.Path(given.summary).write_text(text, encoding="utf-8")
    sys.exit(1 if missing or any(count["failed"] for count in counts) else 0)


if __name__ == "__main__":
    main()
