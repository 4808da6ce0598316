"""A Cassandra of a trial's own, started, killed and stopped by `tests/support/services/cassandra.sh`."""
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "tests/support/services/cassandra.sh"
COUNTED = ["ts", "job_id", "publisher_id", "campaign_id", "group_id", "custom_track", "ev", "bid"]
COLUMNS = "create_time text PRIMARY KEY, ts text, job_id int, publisher_id int, campaign_id int, group_id int, custom_track text, ev int, bid int, ua text"


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


class CassandraNode:
    """`name` is that of its folder among the services; `settings` are environment variables of the script, without HIRESTREAM_TEST_CASSANDRA_."""

    def __init__(self, name, **settings):
        self.environment = os.environ | {f"HIRESTREAM_TEST_CASSANDRA_{key}": str(value) for key, value in ({"HEAP": "512m"} | settings).items()}
        cache = os.environ.get("HIRESTREAM_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hirestream")
        self.folder = pathlib.Path(cache, "services", name)

    def script(self, *arguments):
        done = subprocess.run([SCRIPT, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout

    def pid(self):
        return int((self.folder / "pid").read_text())

    def kill(self):
        """As `kill -9`; returns when it is gone, which it may have been before."""
        pid = self.pid()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 30, "the node's end")
