#!/usr/bin/env python3
"""Runs one behavior case (see README.md) and says what differs."""

import argparse
import gzip
import json
import os
import pathlib
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EVENTS_COLUMNS = (
    "dates hours job_id publisher_id company_id campaign_id group_id impressions clicks conversion "
    "qualified_application disqualified_application bid_set spend_hour"
).split()
TIMEOUT_S = 60


class Failure(Exception):
    pass


class Step:
    """One line of the case and the indented lines below it."""

    def __init__(self, number, text):
        self.number = number
        self.text = text
        self.body = []


def parse(text):
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            if not steps:
                raise Failure(f"line {number}: indented line without a step")
            steps[-1].body.append(line[2:].rstrip())
        else:
            steps.append(Step(number, line.strip()))
    return steps


def shown(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6f}"
    return str(value)


class Case:
    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.result = None  # of the last command
        self.code_checked = True

    # --- commands

    def run(self, command, interrupt_after_s=None):
        self.check_code()
        words = shlex.split(command)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HIRESTREAM_")}
        environment["TZ"] = "America/New_York"  # must not matter
        while words and "=" in words[0] and not words[0].startswith("-"):
            name, value = words.pop(0).split("=", 1)
            environment[name] = value
        if words[0] != "hirestream":
            raise Failure(f"not a hirestream command: {command}")
        process = subprocess.Popen(
            [self.binary] + words[1:], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if interrupt_after_s is not None:
                try:
                    process.wait(interrupt_after_s)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Failure(f"no end after {TIMEOUT_S} s\n{err.decode(errors='replace')}")
        self.result = (process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
        self.code_checked = False

    def check_code(self, expected=0):
        """Whoever does not say which exit code is expected expects 0."""
        if self.code_checked:
            return
        self.code_checked = True
        if self.result[0] != expected:
            raise Failure(f"exit code {self.result[0]}, expected {expected}\n"
                          f"--- stdout\n{self.result[1]}--- stderr\n{self.result[2]}")

    # --- expectations

    def check_output(self, name, rest, body):
        text = self.result[1 if name == "stdout" else 2]
        if not rest:
            expected = "".join(line + "\n" for line in body)
            if text != expected:
                raise Failure(f"{name} is\n{text}--- expected\n{expected}")
            return
        verb, _, what = rest.partition(" ")
        if verb == "has" and what not in text:
            raise Failure(f"{name} lacks: {what}\n--- it is\n{text}")
        if verb == "lacks" and what in text:
            raise Failure(f"{name} has: {what}\n--- it is\n{text}")
        if verb == "is":
            path = REPOSITORY / what[1:] if what.startswith("/") else self.folder / what
            if text != path.read_text():
                raise Failure(f"{name} differs from {what}: write it anew and look at the difference")
        if verb not in ("has", "lacks", "is"):
            raise Failure(f"unknown expectation: {name} {rest}")

    def check_json(self, rest):
        path, _, expected = rest.partition(" ")
        value = json.loads(self.result[1])
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        if value != json.loads(expected):
            raise Failure(f"json {path} is {json.dumps(value)}, expected {expected}")

    def query(self, file, statement):
        if not (self.folder / file).exists():
            raise Failure(f"{file} does not exist")
        with sqlite3.connect(f"file:{self.folder / file}?mode=ro", uri=True) as database:
            return [" ".join(shown(value) for value in row) for row in database.execute(statement)]

    def compare_rows(self, what, found, expected):
        expected = [" ".join(line.split()) for line in expected]
        if found != expected:
            raise Failure(f"{what}:\n" + "\n".join(found) + "\n--- expected\n" + "\n".join(expected))

    # --- one step

    def do(self, step):
        word, _, rest = step.text.partition(" ")
        if word == "$":
            self.run(rest)
        elif word == "interrupt":
            after, _, command = rest.partition(" $ ")
            self.run(command, float(after))
        elif word == "exit":
            self.check_code(int(rest))
        elif word in ("stdout", "stderr"):
            self.check_output(word, rest, step.body)
        elif word == "json":
            self.check_json(rest)
        elif word == "events":
            columns = ", ".join(EVENTS_COLUMNS)
            order = "dates, hours, job_id, publisher_id, campaign_id, group_id"
            rows = self.query(rest, f"SELECT {columns} FROM events ORDER BY {order}")
            self.compare_rows(f"events of {rest}", rows, step.body)
        elif word == "query":
            file, _, statement = rest.partition(" ")
            self.compare_rows(statement, self.query(file, statement), step.body)
        elif word == "sql":
            with sqlite3.connect(self.folder / rest) as database:
                database.executescript("\n".join(step.body))
            database.close()
        else:
            self.change_files(word, rest.split())

    def change_files(self, word, names):
        paths = [self.folder / name for name in names]
        if word == "copy":
            shutil.copy(*paths)
        elif word == "move":
            os.replace(*paths)
        elif word == "remove":
            paths[0].unlink()
        elif word == "gzip":
            pathlib.Path(f"{paths[0]}.gz").write_bytes(gzip.compress(paths[0].read_bytes()))
        else:
            raise Failure(f"unknown step: {word}")


def run_case(binary, case_folder):
    """None, or the text of the failure."""
    with tempfile.TemporaryDirectory(prefix="hirestream-behavior-") as temporary:
        folder = pathlib.Path(temporary) / "case"
        shutil.copytree(case_folder, folder)
        number = 0
        try:
            case = Case(binary, folder)
            steps = parse((case_folder / "case").read_text())
            for index, step in enumerate(steps):
                # The exit code is checked before what depends on it, unless it is said next.
                following = steps[index + 1].text if index + 1 < len(steps) else ""
                number = step.number
                case.do(step)
                if step.text.startswith(("$", "interrupt")) and not following.startswith("exit "):
                    case.check_code()
        except Failure as failure:
            return f"{case_folder.name}, line {number}: {failure}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("case", type=pathlib.Path)
    arguments = parser.parse_args()
    failure = run_case(str(pathlib.Path(arguments.binary).resolve()), arguments.case.resolve())
    if failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
