#!/usr/bin/env python3
"""Mirror under faults: a writer that knows of nothing, a journal of what was acknowledged, and faults one after the other at random.

    tests/support/python/run tests/integration/mirror/prove.py [--faults 60] [--seed N] [--visibility marker] [--build build] [--summary FILE]
        [--compression LZ4Compressor]

A Cassandra of its own (another port, segments of 1 MiB, its default periodic sync), which is killed, stopped, drained and flushed; the mirror is killed
and stopped; the table is altered, dropped and made anew. After each fault, once everything runs again, the mirror must come to what the plain table has,
value by value. Rows that were acknowledged and that Cassandra itself lost when it was killed are counted apart. Exit 1 at the first difference.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import uuid

from cassandra.cluster import Cluster

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "tests/support/services/cassandra.sh"
PORT = int(os.environ.get("HIRESTREAM_FAULTS_CASSANDRA_PORT", "19142"))
COUNTED = ["ts", "job_id", "publisher_id", "campaign_id", "group_id", "custom_track", "ev", "bid"]
COLUMNS = "create_time text PRIMARY KEY, ts text, job_id int, publisher_id int, campaign_id int, group_id int, custom_track text, ev int, bid int, ua text"


class Server:
    def __init__(self, options):
        settings = f"commitlog_compression: [{{class_name: {options.compression}}}]" if options.compression else ""
        self.environment = os.environ | {"HIRESTREAM_TEST_CASSANDRA_PORT": str(PORT), "HIRESTREAM_TEST_CASSANDRA_HEAP": "512m",
                                         "HIRESTREAM_TEST_CASSANDRA_SEGMENT": "1MiB", "HIRESTREAM_TEST_CASSANDRA_SETTINGS": settings}
        self.cluster = None

    def script(self, *arguments):
        done = subprocess.run([SCRIPT, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self):
        self.script("start")
        if self.cluster:
            self.cluster.shutdown()
        self.cluster = Cluster(["127.0.0.1"], port=PORT, protocol_version=4, connect_timeout=20)
        self.session = self.cluster.connect()
        self.session.default_timeout = 30

    def pid(self):
        cache = os.environ.get("HIRESTREAM_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hirestream")
        (file,) = pathlib.Path(cache, "services").glob(f"cassandra-*-{PORT}/pid")
        return int(file.read_text())

    def kill(self):
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        while pathlib.Path(f"/proc/{pid}").exists():
            time.sleep(0.05)


class Writer(threading.Thread):
    """Rows of now and changes of earlier ones; what was acknowledged goes into the journal."""

    def __init__(self, trial, rate):
        super().__init__(daemon=True)
        self.trial, self.rate, self.paused, self.ending = trial, rate, threading.Event(), False
        self.idle = threading.Event()
        self.journal = []

    def run(self):
        rng = random.Random(self.trial.random.random())
        while not self.ending:
            if self.paused.is_set():
                self.idle.set()
                time.sleep(0.02)
                continue
            self.idle.clear()
            try:
                self.write(rng)
            except Exception:  # noqa: BLE001  the server is down: that is the point
                time.sleep(0.2)
            time.sleep(rng.expovariate(self.rate))

    def write(self, rng):
        session = self.trial.server.session
        if self.journal and rng.random() < 0.2:
            column = rng.choice(["bid", "job_id", "ev"])
            session.execute(f"UPDATE logs.plain SET {column} = %s WHERE create_time = %s", (rng.randrange(100), rng.choice(self.journal)))
            return
        key = str(uuid.uuid1())
        session.execute(f"INSERT INTO logs.plain (create_time, {', '.join(COUNTED)}, ua) VALUES ({', '.join(['%s'] * 10)})",
                        (key, "2026-11-01 10:00:00", rng.randrange(200), 1, 2, None, "click", 1, rng.randrange(9), "x" * rng.randrange(900)))
        self.journal.append(key)


class Trial:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.server = Server(options)
        self.counts = {}
        self.lost_by_cassandra = 0
        self.checks = 0
        self.slowest_s = 0.0
        self.mirror = None
        self.log = open(options.log, "ab") if options.log else subprocess.DEVNULL  # noqa: SIM115

    def uri(self, table):
        return f"cassandra://127.0.0.1:{PORT}/logs/{table}?consistency=ONE"

    def program(self, *arguments):
        return [os.path.join(self.options.build, "hirestream"), *arguments]

    def start_mirror(self):
        self.mirror = subprocess.Popen(self.program("mirror", "--from", self.uri("plain"), "--to", self.uri("mirrored"), "--visibility",
                                                    self.options.visibility), stdout=subprocess.DEVNULL, stderr=self.log)

    def end_mirror(self, how):
        self.mirror.send_signal(how)
        self.mirror.wait()

    def create(self):
        self.server.session.execute(f"CREATE TABLE IF NOT EXISTS logs.plain ({COLUMNS})")

    def content(self, table):
        found = self.server.session.execute(f"SELECT create_time, {', '.join(COUNTED)} FROM logs.{table}")
        return {str(row.create_time): tuple(None if value is None else str(value) for value in row[1:]) for row in found}

    # --- faults

    def mirror_killed(self):
        self.end_mirror(signal.SIGKILL)
        time.sleep(self.random.uniform(0, 2))
        self.start_mirror()

    def mirror_stopped_for_a_while(self):
        self.mirror.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(1, 4))
        self.mirror.send_signal(signal.SIGCONT)

    def cassandra_killed(self):
        self.server.kill()
        self.server.start()

    def cassandra_drained_and_started(self):
        self.server.script("nodetool", "--", "drain")
        self.server.script("stop")
        self.server.start()

    def both_killed(self):
        self.end_mirror(signal.SIGKILL)
        self.cassandra_killed()
        self.start_mirror()

    def flushed(self):
        self.server.script("nodetool", "--", "flush")

    def segments_gone_while_it_was_down(self):
        self.end_mirror(signal.SIGKILL)
        self.fill()
        self.flushed()
        self.start_mirror()

    def segments_filled(self):
        self.fill()

    def column_added_and_dropped(self):
        name = f"c{self.random.randrange(10**9)}"
        self.server.session.execute(f"ALTER TABLE logs.plain ADD {name} text")
        time.sleep(0.3)
        for key in self.writer.journal[-3:]:
            self.server.session.execute(f"UPDATE logs.plain SET {name} = 'x', ev = 5 WHERE create_time = %s", (key,))
        self.server.session.execute(f"ALTER TABLE logs.plain DROP {name}")

    def fill(self):
        for _ in range(20):
            self.server.session.execute("INSERT INTO logs.filler (k, v) VALUES (1, %s)", (os.urandom(300_000),))

    FAULTS = [mirror_killed, mirror_killed, mirror_stopped_for_a_while, cassandra_killed, cassandra_drained_and_started, both_killed, flushed,
              segments_gone_while_it_was_down, segments_filled, column_added_and_dropped]

    # --- the check

    def check(self, fault):
        self.writer.paused.set()
        self.writer.idle.wait(40)
        begin = time.monotonic()
        while True:
            assert self.mirror.poll() is None, f"the mirror ended with {self.mirror.returncode}"
            plain, mirrored = self.content("plain"), self.content("mirrored")
            missing = {key: value for key, value in plain.items() if mirrored.get(key) != value}
            extra = set(mirrored) - set(plain)
            if not missing and not extra or time.monotonic() - begin > 90:
                break
            time.sleep(0.1)
        self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
        lost = set(self.writer.journal) - set(plain)
        allowed = set(self.writer.journal) if self.options.visibility == "tail" else set()
        assert not missing, f"after {fault}: {len(missing)} of {len(plain)} rows are missing or differ: {list(missing.items())[:3]}"
        assert not extra - allowed, f"after {fault}: {len(extra)} rows that the plain table does not have"
        self.writer.journal = [key for key in self.writer.journal if key not in lost]
        self.lost_by_cassandra += len(lost)
        self.checks += 1
        self.rows = len(plain)
        self.writer.paused.clear()

    def run(self):
        self.server.script("wipe")
        self.server.start()
        session = self.server.session
        session.execute("CREATE KEYSPACE logs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute("CREATE TABLE logs.filler (k int PRIMARY KEY, v blob)")
        self.create()
        subprocess.run(self.program("--quiet", "init", "--source", self.uri("mirrored")), check=True, stdout=subprocess.DEVNULL)
        self.writer = Writer(self, self.options.rate)
        self.writer.start()
        self.start_mirror()
        try:
            for number in range(1, self.options.faults + 1):
                time.sleep(self.random.uniform(0.2, 2))
                fault = self.random.choice(self.FAULTS)
                print(f"{number} {fault.__name__}", file=sys.stderr, flush=True)
                fault(self)
                time.sleep(self.random.uniform(0, 1))
                self.check(fault.__name__)
                self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
        finally:
            self.writer.ending = True
            self.end_mirror(signal.SIGKILL)
            self.server.script("wipe")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=150, help="of the writer, rows a second")
    parser.add_argument("--visibility", default="marker", choices=["marker", "tail"])
    parser.add_argument("--compression", default="", help="of the commit log: LZ4Compressor, …")
    parser.add_argument("--build", default="build")
    parser.add_argument("--log", default="", help="file for what the mirror says")
    parser.add_argument("--summary", default="", help="write what was done as Markdown")
    options = parser.parse_args()
    begin = time.monotonic()
    trial = Trial(options)
    trial.run()
    result = {"seed": options.seed, "visibility": options.visibility, "compression": options.compression or "none", "faults": options.faults,
              "by_fault": trial.counts, "rows": trial.rows, "rows_cassandra_lost": trial.lost_by_cassandra,
              "slowest_s_to_equal": round(trial.slowest_s, 1), "minutes": round((time.monotonic() - begin) / 60, 1)}
    print(json.dumps(result, indent=2))
    if options.summary:
        lines = ["# The mirror under faults", "", f"`tests/integration/mirror/prove.py --faults {options.faults} --seed {options.seed} --visibility "
                 f"{options.visibility}`: {options.faults} faults in {result['minutes']} minutes, after each the mirror equal to the plain table, value by value; "
                 f"{trial.rows} rows at the end. {trial.lost_by_cassandra} acknowledged rows were lost by Cassandra itself when it was killed (they are in neither). "
                 f"The slowest time until both were equal again: {result['slowest_s_to_equal']} s.", "", "| fault | times |", "|---|---|",
                 *(f"| {name.replace('_', ' ')} | {count} |" for name, count in sorted(trial.counts.items())), ""]
        pathlib.Path(options.summary).write_text("\n".join(lines), encoding="utf-8")


main()
