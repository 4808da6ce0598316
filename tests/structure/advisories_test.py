""".ci/advisories, with tools in the place of the real ones: what is known fails, what cannot be asked is told."""

import json
import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / ".ci" / "advisories"
NOTHING = {"cargo-audit": {"vulnerabilities": {"list": []}}, "npm": {"vulnerabilities": {}}, "pip-audit": {"dependencies": []}}


def advisories(answers):
    """Exit code and lines; an answer that is a text goes to stderr."""
    with tempfile.TemporaryDirectory() as folder:
        for tool, answer in answers.items():
            path = pathlib.Path(folder) / tool
            text = answer if isinstance(answer, str) else json.dumps(answer)
            path.write_text(f"#!/bin/sh\ncat <<'T' {'>&2' if isinstance(answer, str) else ''}\n{text}\nT\nexit 1\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        done = subprocess.run([SCRIPT], env=os.environ | {"PATH": f"{folder}:/usr/bin:/bin"}, text=True, stdout=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.splitlines()


class Advisories(unittest.TestCase):
    def test_nothing_is_known(self):
        code, lines = advisories(NOTHING)
        self.assertEqual(code, 0)
        self.assertEqual([line.split(": ")[-1] for line in lines], ["0 known"] * 7)

    def test_what_is_known_fails_and_is_named(self):
        crate = {"package": {"name": "hyper", "version": "1.0.0"}, "advisory": {"id": "RUSTSEC-2099-0001", "title": "too trusting"}}
        package = {"name": "requests", "version": "2.0.0", "vulns": [{"id": "PYSEC-2099-1"}]}
        for tool, answer, words in (("cargo-audit", {"vulnerabilities": {"list": [crate]}}, "hyper 1.0.0: RUSTSEC-2099-0001 too trusting"),
                                    ("npm", {"vulnerabilities": {"uplot": {"range": "<2", "severity": "high"}}}, "uplot <2: high"),
                                    ("pip-audit", {"dependencies": [package]}, "requests 2.0.0: PYSEC-2099-1")):
            code, lines = advisories(NOTHING | {tool: answer})
            self.assertEqual(code, 1)
            self.assertIn(f"  {words}", lines)

    def test_what_cannot_be_asked_is_told_and_no_failure(self):
        unknown = {"name": "requests", "skip_reason": "not found on PyPI and could not be audited: requests (2.34.2)"}
        code, lines = advisories({"cargo-audit": "error: couldn't fetch advisory database", "npm": {"message": "405 Method Not Allowed"},
                                  "pip-audit": {"dependencies": [unknown]}})
        self.assertEqual(code, 0)
        self.assertEqual([line.startswith("SKIPPED: ") for line in lines], [True] * 7)
        self.assertIn("couldn't fetch advisory database", lines[0])


if __name__ == "__main__":
    unittest.main()
