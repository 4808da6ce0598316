#!/usr/bin/env python3
"""CSV and NDJSON files that the program makes: whole or not at all, whatever happens while it writes them."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.path.abspath(sys.argv.pop(1))
HISTORY = ("--seed", "4", "--from", "2026-06-01", "--span", "1d")
OLD = "what was there\n"


class FileTargets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

    def start(self, *arguments, room=None):
        """With `room`, files cannot become larger than so many bytes, as on a full disk: the process must live on, so the signal stays ignored."""
        limit = None if room is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, self.unlimited[1]))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        process = subprocess.Popen([BINARY, *arguments], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, restore_signals=False, preexec_fn=limit)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def run_program(self, *arguments):
        return self.end(self.start(*arguments))

    def end(self, process):
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def wait_for_a_failed_write(self, process):
        for line in process.stderr:
            if "File too large" in line:
                return
        self.fail("no write failed")

    def wait_for(self, path, bytes_min=1):
        for _ in range(600):
            if path.exists() and path.stat().st_size >= bytes_min:
                return
            time.sleep(0.05)
        self.fail(f"{path} is not there")

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_a_write_that_is_tried_again_doubles_nothing(self):
        for target in ("csv:{}.csv", "ndjson:{}.ndjson", "csv:{}.csv.gz", "ndjson:{}.ndjson.zst"):
            with self.subTest(target):
                right, tried = target.format("right"), target.format("tried")
                self.assertEqual(self.run_program("generate", "--to", right, "--rows", "12000", *HISTORY)[0], 0)
                process = self.start("generate", "--to", tried, "--rows", "12000", *HISTORY, room=50_000)
                self.wait_for_a_failed_write(process)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, self.unlimited)
                code, out, err = self.end(process)
                self.assertEqual(code, 0, err)
                self.assertIn("tried again", out)
                read = [(self.folder / name.split(":")[1]).read_bytes() for name in (right, tried)]
                self.assertTrue(read[0] == read[1])

    def test_an_interruption_while_a_write_fails_leaves_what_was_there(self):
        self.assertEqual(self.run_program("generate", "--to", "csv:rows.csv", "--rows", "12000", *HISTORY)[0], 0)
        (self.folder / "x.csv").write_text(OLD, encoding="ascii")
        for command in (("generate", "--rows", "12000", *HISTORY), ("import", "rows.csv")):
            with self.subTest(command[0]):
                process = self.start(*command, "--to", "csv:x.csv", "--replace", room=50_000)
                self.wait_for_a_failed_write(process)
                process.send_signal(signal.SIGINT)
                code, out, err = self.end(process)
                self.assertEqual(code, 130, err)
                self.assertIn("no row was kept", out)
                self.assertEqual((self.folder / "x.csv").read_text(encoding="ascii"), OLD)
                self.assertEqual(self.names(), ["rows.csv", "x.csv"])

    def test_an_interruption_leaves_what_was_there(self):
        (self.folder / "x.csv").write_text(OLD, encoding="ascii")
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("generate", "--to", "csv:x.csv", "--rows", "50000000", "--journal", "journal.csv", "--replace")
            self.wait_for(self.folder / "x.csv.part")
            process.send_signal(number)
            code, out, err = self.end(process)
            self.assertEqual(code, 130, err)
            self.assertIn("no row was kept", out)
            self.assertIn("journal", out)
            self.assertEqual((self.folder / "x.csv").read_text(encoding="ascii"), OLD)
            self.assertEqual(self.names(), ["journal.csv", "x.csv"])
            (self.folder / "journal.csv").unlink()

    def test_no_file_takes_anothers_place(self):
        small = ("generate", "--rows", "10")
        for name in ("jobs.csv", "publishers.csv"):
            (self.folder / name).write_text(OLD, encoding="ascii")
            code, _, err = self.run_program(*small, "--to", "csv:rows.csv", "--jobs-to", "csv:jobs.csv")
            self.assertEqual(code, 2)
            self.assertIn(f"{name}: the file exists already", err)
            self.assertEqual(self.names(), [name])
            code, _, err = self.run_program(*small, "--to", "csv:rows.csv", "--jobs-to", "csv:jobs.csv", "--replace")
            self.assertEqual(code, 0, err)
            self.assertEqual(self.names(), ["jobs.csv", "publishers.csv", "rows.csv"])
            for made in self.names():
                (self.folder / made).unlink()
        for arguments, named in ((("--to", "csv:a.csv", "--jobs-to", "csv:./a.csv"), "--to, --jobs-to"),
                                 (("--to", "csv:a.csv", "--journal", "../" + self.folder.name + "/a.csv"), "--to, --journal"),
                                 (("--to", "csv:c.csv", "--jobs-to", "csv:a.csv", "--journal", "publishers.csv"), "--jobs-to, --journal"),
                                 (("--to", "csv:publishers.csv", "--jobs-to", "csv:a.csv"), "--to, --jobs-to"),
                                 (("--to", "csv:c.csv", "--jobs-to", "csv:publishers.csv"), "--jobs-to, --jobs-to"),
                                 (("--to", "sqlite:a.csv", "--jobs-to", "csv:a.csv"), "--to, --jobs-to")):
            code, _, err = self.run_program(*small, *arguments)
            self.assertEqual(code, 2, arguments)
            self.assertIn(f"generate {named}: both write", err)
            self.assertEqual(self.names(), [])
        code, _, err = self.run_program(*small, "--to", "sqlite:one.db", "--jobs-to", "sqlite:one.db")
        self.assertEqual(code, 0, err)

    def test_live_traffic_without_an_end_is_complete_when_it_is_stopped(self):
        process = self.start("generate", "--to", "csv:x.csv", "--rate", "1000", "--json")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        code, out, err = self.end(process)
        self.assertEqual(code, 0, err)
        rows = (self.folder / "x.csv").read_text(encoding="utf-8").count("\n") - 1
        self.assertGreater(rows, 0)
        self.assertIn(f'"rows": {rows},', out)

    def test_a_file_that_another_process_writes_is_refused(self):
        first = self.start("generate", "--to", "csv:x.csv", "--rows", "300", "--rate", "100")
        self.wait_for(self.folder / "x.csv.part", 0)
        code, _, err = self.run_program("generate", "--to", "csv:x.csv", "--rows", "10", "--seed", "2")
        self.assertEqual(code, 3, err)
        self.assertIn("another process writes this file", err)
        code, _, err = self.end(first)
        self.assertEqual(code, 0, err)
        self.assertEqual((self.folder / "x.csv").read_text(encoding="utf-8").count("\n"), 301)
        self.assertEqual(self.names(), ["x.csv"])

    def test_what_a_killed_process_leaves_is_used_again(self):
        killed = self.start("generate", "--to", "csv:x.csv", "--rows", "50000000")
        self.wait_for(self.folder / "x.csv.part")
        killed.kill()
        killed.wait(60)
        self.assertEqual(self.names(), ["x.csv.part"])
        code, _, err = self.run_program("generate", "--to", "csv:x.csv", "--rows", "10")
        self.assertEqual(code, 0, err)
        self.assertEqual((self.folder / "x.csv").read_text(encoding="utf-8").count("\n"), 11)
        self.assertEqual(self.names(), ["x.csv"])


if __name__ == "__main__":
    unittest.main()
