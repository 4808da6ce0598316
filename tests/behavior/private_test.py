"""What the program makes and says is not for everybody: files, core dumps, passwords, control characters."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.path.abspath(sys.argv.pop())
ROW = "create_time,job_id,custom_track,ev,bid,ts\n7a9e3a00-0000-11ee-8000-000000000001,1,click,,1,2026-06-01 10:00:00\n"


class Private(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.addCleanup(os.umask, os.umask(0))
        with open(os.path.join(self.folder, "rows.csv"), "w", encoding="utf-8") as file:
            file.write(ROW)

    def run_program(self, *arguments, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env=kept | environment, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)

    def test_files_are_not_for_everybody(self):
        done = self.run_program("run", "--once", "--source", "csv:rows.csv", "--warehouse", "sqlite:counts.db")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_program("import", "rows.csv", "--to", "sqlite:raw.db")
        self.assertEqual(done.returncode, 0, done.stderr)
        made = [name for name in os.listdir(self.folder) if name != "rows.csv"]
        self.assertGreaterEqual(len(made), 2)
        for name in made:
            mode = stat.S_IMODE(os.stat(os.path.join(self.folder, name)).st_mode)
            self.assertEqual(mode & 0o027, 0, f"{name}: {mode:o}")

    def test_a_crash_leaves_no_memory_behind(self):
        with subprocess.Popen([BINARY, "run", "--source", "csv:rows.csv", "--warehouse", "sqlite:counts.db"], cwd=self.folder,
                              stderr=subprocess.PIPE) as process:
            process.stderr.readline()
            with open(f"/proc/{process.pid}/coredump_filter", encoding="ascii") as file:
                self.assertEqual(int(file.read(), 16), 0)
            with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
                (line,) = [line for line in file if line.startswith("Max core file size")]
            process.terminate()
            process.stderr.read()
        self.assertEqual(line.split()[4:6], ["0", "0"])

    def test_mistyped_addresses_show_no_password(self):
        for address in ("mysql:/counter:hunter2@db/etl", "mysql://counter@db/etl?passwd=hunter2", "mysql:counter:hunter2@db/etl"):
            done = self.run_program("run", "--source", "csv:rows.csv", "--warehouse", address)
            self.assertEqual(done.returncode, 2)
            self.assertNotIn("hunter2", done.stdout + done.stderr)

    def test_control_characters_do_not_reach_the_terminal(self):
        done = self.run_program("run", "--once", "--source", "csv:\x1b]0;title\x07none.csv", "--warehouse", "sqlite:counts.db")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("\x1b", done.stderr)
        self.assertIn("\\x1b", done.stderr)

    def test_last_error_is_json_where_the_log_is(self):
        done = self.run_program("--log-format", "json", "run", "--once", "--source", "csv:none.csv", "--warehouse", "sqlite:counts.db")
        self.assertEqual(done.returncode, 2)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(lines[-1]["level"], "error")
        self.assertEqual(lines[-1]["kind"], "config")
        self.assertIn("none.csv", lines[-1]["subject"])
        for name in ("time", "message", "operation", "hint"):
            self.assertIn(name, lines[-1])

    def test_import_refuses_a_pipe(self):
        os.mkfifo(os.path.join(self.folder, "pipe.csv"))
        begin = time.monotonic()
        done = self.run_program("import", "pipe.csv", "--to", "sqlite:raw.db")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    unittest.main()
