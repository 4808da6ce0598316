#!/usr/bin/env python3
"""Paths and headers of any bytes: they are shown whole where there is room, and never end a command."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARY = os.path.abspath(sys.argv.pop(1))
COLUMNS = "create_time,ts,custom_track,ev,job_id,publisher_id,campaign_id,group_id,bid,ed"
ROW = "b54adc00-6207-11ef-8000-000000000001,2024-08-24 10:00:00,click,,1,2,3,4,1.5,"


class OddPaths(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def call(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def rejects_of(self, path):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{COLUMNS}\n{ROW}\nshort:7: row\n', encoding="utf-8")
        warehouse = f"sqlite:{self.folder}/w.db"
        done = self.call("run", "--once", "--quiet", "--source", f"csv:{file}", "--warehouse", warehouse)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.call("rejects", "--warehouse", warehouse)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_json_of_bytes_that_are_no_utf8(self):
        odd = os.fsencode(self.folder) + b"/\xff.csv"
        with open(odd, "wb") as file:
            file.write(COLUMNS.encode() + b",\xe9\n" + ROW.encode() + b",x\nbad\xff,\n")
        source, warehouse = b"csv:" + odd, "sqlite:w.db"
        raw_log = b"csv:" + os.fsencode(self.folder) + b"/raw\xff.csv"
        for command in (("init", "--warehouse", warehouse),
                        ("doctor", "--source", source, "--warehouse", warehouse),
                        ("run", "--once", "--source", source, "--warehouse", warehouse),
                        ("verify", "--source", source, "--warehouse", warehouse),
                        ("adopt", "--source", source, "--warehouse", warehouse),
                        ("status", "--warehouse", warehouse),
                        ("rejects", "--warehouse", warehouse),
                        ("import", odd, "--on-bad-row", "skip", "--to", "sqlite:raw.db"),
                        ("generate", "--rows", "10", "--to", raw_log),
                        ("config", "check", "--source", source, "--warehouse", warehouse)):
            with self.subTest(command[0]):
                done = self.call("--json", *command)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                json.loads(done.stdout.decode("utf-8", "strict"))

    def test_names_of_sources_are_text(self):
        odd = os.fsencode(self.folder) + b"/\xff.csv"
        with open(odd, "wb") as file:
            file.write(f"{COLUMNS}\n{ROW}\n".encode())
        run = ("run", "--once", "--json", "--source", b"csv:" + odd, "--warehouse", "sqlite:w.db")
        done = self.call(*run, "--source-name", b"a\xff")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(b"option --source-name", done.stderr)
        self.assertIn(b"is no text in UTF-8", done.stderr)
        for counted in (1, 0):
            done = self.call(*run)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["rows_new"], counted)
        done = self.call("sources", "--json", "--warehouse", "sqlite:w.db")
        self.assertEqual(json.loads(done.stdout)[0]["name"], f"csv:{self.folder}/\ufffd.csv")

    def test_rejects_show_the_end_of_a_long_path(self):
        long = "/".join(["long" + "x" * 50] * 5) + "/rows.csv"
        said = self.rejects_of(long)
        self.assertIn("1 fields where the header has 10: short:7: row", said)
        self.assertRegex(said, r"…\S+/rows\.csv:3\b")

    def test_rejects_tell_the_line_from_numbers_in_names_and_rows(self):
        self.assertRegex(self.rejects_of("part:5: of 6/rows.csv"), r"1 fields where the header has 10: short:7: row .*part:5: of 6/rows\.csv:3\b")


if __name__ == "__main__":
    unittest.main()
