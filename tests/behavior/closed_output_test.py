"""Whoever reads the output may stop, and the disk may be full: neither is a bug."""

import os
import subprocess
import sys
import tempfile
import unittest

BINARY = os.path.abspath(sys.argv.pop())
PRINT = [BINARY, "init", "--print", "--warehouse", "mysql://etl@mysql/etl_data"]
# From one long statement to many short lines.
COMMANDS = [PRINT, [BINARY, "--help"], [BINARY, "run", "--help"], [BINARY, "completion", "bash"],
            [BINARY, "doctor", "--json", "--warehouse", "sqlite:missing.db"],
            [BINARY, "status", "--warehouse", "sqlite:etl.db"], [BINARY, "rejects", "--warehouse", "sqlite:etl.db"],
            [BINARY, "migrate", "--json", "--warehouse", "sqlite:etl.db"]]


class ClosedOutput(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.call([BINARY, "init", "--warehouse", "sqlite:etl.db"], subprocess.DEVNULL)

    def call(self, command, stdout):
        done = subprocess.run(command, cwd=self.folder, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def test_reader_that_is_gone_ends_a_command_quietly(self):
        for command in COMMANDS:
            with self.subTest(command[1:]):
                reading, writing = os.pipe()
                os.close(reading)
                code, errors = self.call(command, writing)
                os.close(writing)
                # doctor found something wrong.
                self.assertIn(code, (141, -13, 1 if "doctor" in command else 141))
                self.assertEqual(errors, "")

    def test_reader_that_has_seen_enough_ends_it_quietly(self):
        # More than a pipe holds, so that the program is still writing.
        done = subprocess.run(["bash", "-c", '"$@" | head -1; exit "${PIPESTATUS[0]}"', "bash", *PRINT], cwd=self.folder,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(done.returncode, (0, 141))
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.count("\n"), 1)

    def test_disk_that_is_full_is_told(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            code, errors = self.call(PRINT, full)
        self.assertEqual(code, 2)
        self.assertIn("write standard output: No space left on device", errors)


if __name__ == "__main__":
    unittest.main()
