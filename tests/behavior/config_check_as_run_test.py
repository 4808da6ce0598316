#!/usr/bin/env python3
"""What settings alone tell: `config check` accepts what `run` accepts, and refuses what it refuses."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARY = os.path.abspath(sys.argv.pop(1))
COLUMNS = "create_time,ts,custom_track,ev,job_id,publisher_id,campaign_id,group_id,bid,ed"
ROW = "b54adc00-6207-11ef-8000-000000000001,2024-08-24 10:00:00,click,,1,2,3,4,1.5,"
TOKEN = {"HIRESTREAM_HTTP_TOKEN": "0123456789abcdef"}
# Options, environment, whether they are refused, and which setting is named. Those that are accepted end by --once.
CASES = (
    ("--once", {}, False, ""),
    ("--once --http 127.0.0.1:0", {}, False, ""),
    ("--once --http 0.0.0.0:0", TOKEN, False, ""),
    ("--once --http 0.0.0.0:0", {}, True, "http.address"),
    ("--once --http [::]:0", {}, True, "http.address"),
    ("--once --http nowhere", {}, True, "http.address"),
    ("--once --http 0.0.0.0:0", {"HIRESTREAM_HTTP_TOKEN": "guessed"}, True, "HIRESTREAM_HTTP_TOKEN"),
    ("--once --standby", {}, True, "run.standby"),
    ("--once --share", {}, True, "run.share"),
    ("--standby --share", {}, True, "run.share"),
    ("--once --strategy tail", {}, True, "source.strategy"),
    ("--once --strategy scan", {}, True, "source.strategy"),
    ("--once --strategy auto", {}, False, ""),
    ("--once --events-retention 400d", {}, True, "engine.events_retention"),
    ("--once --retention 30d --events-retention 400d", {}, True, "engine.events_retention"),
    ("--once --retention 1h", {}, True, "retention"),
    ("--once --shards 0", {}, False, ""),
    ("--once --shards 3", {}, True, "source.shards"),
    ("--once --look-back 1s --look-back-interval 10s", {}, True, "engine.look_back"),
)


class ConfigCheckAsRun(unittest.TestCase):
    def call(self, folder, command, environment):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        return subprocess.run([BINARY, *command, "--source", "csv:events.csv", "--warehouse", "sqlite:etl.db"], cwd=folder,
                              env=inherited | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def test_both_say_the_same(self):
        for options, environment, refused, named in CASES:
            with self.subTest(options), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "events.csv").write_text(f"{COLUMNS}\n{ROW}\n")
                ran = self.call(folder, ["run", *options.split()], environment)
                checked = self.call(folder, ["config", "check", *options.split()], environment)
                self.assertEqual(ran.returncode, 2 if refused else 0, ran.stderr)
                self.assertEqual(checked.returncode, ran.returncode, checked.stdout + checked.stderr)
                self.assertIn(named, checked.stderr)


if __name__ == "__main__":
    unittest.main()
