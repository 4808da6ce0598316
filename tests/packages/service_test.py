"""What the program tells the service manager (sd_notify), seen from the manager's end of the socket.

usage: service_test.py BINARY
"""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.path.abspath(sys.argv.pop()) if len(sys.argv) > 1 else None
PATIENCE_S = 30


class Service(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.folder / "notify"))
        (self.folder / "rows.csv").write_text("create_time,ts,custom_track,job_id,bid\n"
                                              "449eb280-f925-11ec-8001-a00000000001,2022-07-01 10:05:00,click,1,0.5\n")

    def start(self, *sources, watchdog_us=400_000):
        options = [word for source in sources for word in ("--source", source)]
        program = subprocess.Popen(
            [BINARY, "run", *options, "--warehouse", "sqlite:etl.db", "--quiet"], cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            env=os.environ | {"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": str(watchdog_us)})

        def end():
            if program.poll() is None:
                program.kill()
            program.wait()
            program.stderr.close()
        self.addCleanup(end)
        return program

    def told(self, seconds):
        """Everything that comes within that time."""
        words, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.manager.settimeout(left)
            try:
                words.append(self.manager.recv(4096).decode())
            except TimeoutError:
                break
        return words

    def wait_for(self, word):
        words, end = [], time.monotonic() + PATIENCE_S
        while word not in words:
            self.assertLess(time.monotonic(), end, f"{word} does not come, only {words}")
            words += self.told(0.2)
        return words

    def test_is_ready_then_alive_then_stopping(self):
        program = self.start("csv:rows.csv")
        self.wait_for("READY=1")
        words = self.told(3)
        # The loop shows itself once a second at least: a file is looked at once a second.
        self.assertGreaterEqual(words.count("WATCHDOG=1"), 2, words)
        program.send_signal(signal.SIGTERM)
        self.wait_for("STOPPING=1")
        self.assertEqual(program.wait(PATIENCE_S), 0)

    def test_program_that_stands_still_says_nothing(self):
        program = self.start("csv:rows.csv")
        self.wait_for("WATCHDOG=1")
        program.send_signal(signal.SIGSTOP)
        self.told(0.5)
        self.assertEqual(self.told(2), [])
        program.send_signal(signal.SIGCONT)
        self.wait_for("WATCHDOG=1")

    def test_is_not_ready_while_its_server_is_down_and_says_what_it_waits_for(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            program = self.start(f"cassandra://127.0.0.1:{port}/logs/tracking?connect_timeout=1s", watchdog_us=2_000_000)
            words = self.told(8)
        self.assertNotIn("READY=1", words)
        self.assertIn("WATCHDOG=1", words)
        self.assertTrue([word for word in words if word.startswith("STATUS=") and "waits:" in word and str(port) in word], words)
        program.send_signal(signal.SIGTERM)
        self.wait_for("STOPPING=1")

    def test_settings_that_are_wrong_end_it_with_the_code_after_which_it_is_not_started_again(self):
        program = self.start("oracle:rows")
        self.assertEqual(program.wait(PATIENCE_S), 2)
        self.assertEqual(self.told(0.2), [])


if __name__ == "__main__":
    unittest.main()
