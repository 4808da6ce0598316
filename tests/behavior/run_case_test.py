#!/usr/bin/env python3
"""The runner must notice what is wrong: a stand-in for the program is run through cases that must pass or fail."""

import pathlib
import stat
import tempfile
import unittest

import run_case

PROGRAM = """#!/bin/sh
case "$1" in
  say) shift; echo "$@" ;;
  fail) echo "error: no" >&2; exit 2 ;;
  json) echo '{"a": [{"b": 3}]}' ;;
  environment) echo "$NAME" ;;
esac
"""


class RunnerTest(unittest.TestCase):
    def outcome(self, text):
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            program = folder / "program"
            program.write_text(PROGRAM)
            program.chmod(program.stat().st_mode | stat.S_IEXEC)
            case = folder / "some_case"
            case.mkdir()
            (case / "case").write_text(text)
            return run_case.run_case(str(program), case)

    def test_passes_what_is_right(self):
        self.assertIsNone(self.outcome("# text\n$ hirestream say a b\nstdout\n  a b\nstdout has b\nstdout lacks c\n"))
        self.assertIsNone(self.outcome("$ hirestream fail\nexit 2\nstderr has error: no\n"))
        self.assertIsNone(self.outcome("$ hirestream json\njson a.0.b 3\n"))
        self.assertIsNone(self.outcome("$ NAME=x hirestream environment\nstdout\n  x\n"))

    def test_notices_exit_code(self):
        self.assertIn("exit code 2, expected 0", self.outcome("$ hirestream fail\n"))
        self.assertIn("exit code 0, expected 2", self.outcome("$ hirestream say\nexit 2\n"))

    def test_notices_output(self):
        self.assertIn("stdout is", self.outcome("$ hirestream say a\nstdout\n  b\n"))
        self.assertIn("stdout lacks: b", self.outcome("$ hirestream say a\nstdout has b\n"))
        self.assertIn("stdout has: a", self.outcome("$ hirestream say a\nstdout lacks a\n"))
        self.assertIn("json a.0.b is 3", self.outcome("$ hirestream json\njson a.0.b 4\n"))

    def test_notices_rows(self):
        text = "sql x.db\n  CREATE TABLE t (a, b);\n  INSERT INTO t VALUES (1, 0.5);\nquery x.db SELECT * FROM t\n"
        self.assertIsNone(self.outcome(text + "  1 0.500000\n"))
        self.assertIn("expected", self.outcome(text + "  1 0.400000\n"))
        self.assertIn("x.db does not exist", self.outcome("query x.db SELECT 1\n"))

    def test_refuses_unknown_steps(self):
        self.assertIn("unknown step", self.outcome("frobnicate\n"))
        self.assertIn("unknown expectation", self.outcome("$ hirestream say\nstdout hs a\n"))


if __name__ == "__main__":
    unittest.main()
