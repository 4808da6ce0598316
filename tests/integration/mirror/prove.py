#!/usr/bin/env python3
"""Mirror and engine under faults: a writer that knows of nothing, a journal of what was acknowledged, and faults one after the other at random.

    tests/support/python/run tests/integration/mirror/prove.py [--faults 60] [--seed N] [--visibility marker] [--version 4.1.10] [--build build]
        [--compression LZ4Compressor] [--cdc] [--summary FILE] [--only FAULT ...] [--log FILE]

A Cassandra of its own (another port, segments of 1 MiB, its default periodic sync), which is killed, stopped, drained and flushed; mirror and engine are
killed and stopped; the table is altered, dropped and made anew; the commit log's disk is full, its folder may not be read for a while (both need root). With --cdc segments are followed in cdc_raw, whose space would soon be
used up if the mirror did not delete what it has read; the two faults of root are not among the others then, for cdc_raw is hard links.
After each fault, once everything runs again, the plain table must have what the journal says, the mirror must come to what the plain table has, value by
value, and the engine's `events` (SQLite) to what the mirror has, cell by cell. Rows and values that were acknowledged and that Cassandra itself lost are
named, and allowed where it was killed alone; with --visibility tail the mirror may have these. --summary adds a section to the file. Exit 1 at the first
difference.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from cassandra.cluster import Cluster
from cassandra_node import COLUMNS, COUNTED, CassandraNode

PORT = int(os.environ.get("HIRESTREAM_FAULTS_CASSANDRA_PORT", "19142"))
IN_ITS_NAMESPACE = "HIRESTREAM_FAULTS_OWN_MOUNTS"
LOG_DISK_MIB = 192
PATIENCE_S = 120
# A kill takes what Cassandra had not handed to the system yet: of compressed segments, what came since the last sync (10 s).
LOST_BY_A_KILL_S = 12
# The one that is written, the next one, the one before until the place behind it is stored; and those of a server that was killed until it replays them.
SEGMENTS_KEPT_MAX = 12


class Server(CassandraNode):
    """Its commit log lies on a disk of its own, where that can be mounted, so that it can be full."""

    def __init__(self, options):
        settings = [f"commitlog_compression: [{{class_name: {options.compression}}}]"] if options.compression else []
        settings += ["cdc_enabled: true", "cdc_total_space: 64MiB"] if options.cdc else []
        super().__init__(f"cassandra-{options.version}-{PORT}", PORT=PORT, SEGMENT="1MiB", SETTINGS="\n".join([*settings, "commitlog_total_space: 32MiB"]),
                         VERSION=options.version)
        self.log_folder = self.folder / "data/commitlog"
        self.has_own_disk = bool(os.environ.get(IN_ITS_NAMESPACE)) and not options.cdc
        self.cluster = None
        self.killed_s = 0.0

    def make(self):
        self.script("wipe")
        if self.has_own_disk:
            self.log_folder.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LOG_DISK_MIB}m", "commitlog", self.log_folder], check=True)
        self.start()

    def remove(self):
        self.script("stop")
        if self.has_own_disk and self.log_folder.is_mount():
            subprocess.run(["umount", "-l", self.log_folder], check=False)
        self.script("wipe")

    def start(self):
        self.script("start")
        if self.cluster:
            self.cluster.shutdown()
        self.cluster = Cluster(["127.0.0.1"], port=PORT, protocol_version=4, connect_timeout=20)
        self.session = self.cluster.connect()
        self.session.default_timeout = 30

    def kill(self):
        self.killed_s = time.monotonic()
        super().kill()

    def segments_kept(self):
        return (self.folder / "data/cdc_raw").glob("*.log")

    def fill_disk(self):
        with open(self.log_folder / "ballast", "wb") as ballast:
            try:
                while True:
                    ballast.write(bytes(1 << 16))
                    ballast.flush()
            except OSError:
                pass

    def free_disk(self):
        (self.log_folder / "ballast").unlink()


def as_text(value):
    return None if value is None else str(value)


class Writer(threading.Thread):
    """Rows of now and changes of earlier ones; what was acknowledged goes into the journal: of each row and column the values that the plain table may
    have, as text: the last one that was acknowledged, and those of which nothing was heard since."""

    def __init__(self, trial, rate):
        super().__init__(daemon=True)
        self.trial, self.rate, self.paused, self.ending = trial, rate, threading.Event(), False
        self.idle = threading.Event()
        self.journal, self.keys = {}, []
        self.acknowledged_s = {}  # by row, and by row and column that was changed

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
        if self.keys and rng.random() < 0.2:
            self.change(session, rng.choice(self.keys), rng.choice(["bid", "job_id", "ev"]), rng.randrange(100))
            return
        key = str(uuid.uuid1())
        values = ["2026-11-01 10:00:00", rng.randrange(200), 1, 2, None, "click", 1, rng.randrange(9)]
        session.execute(f"INSERT INTO logs.plain (create_time, {', '.join(COUNTED)}, ua) VALUES ({', '.join(['%s'] * 10)})", (key, *values, "x" * rng.randrange(900)))
        self.journal[key] = [{as_text(value)} for value in values]
        self.keys.append(key)
        self.acknowledged_s[key] = time.monotonic()

    def change(self, session, key, column, value, beside=""):
        possible = self.journal[key][COUNTED.index(column)]
        possible.add(as_text(value))
        session.execute(f"UPDATE logs.plain SET {beside}{column} = %s WHERE create_time = %s", (value, key))
        self.trial.mirror_alone.pop((key, column), None)
        self.acknowledged_s[key, column] = time.monotonic()
        possible.intersection_update({as_text(value)})

    def forget(self, key):
        del self.journal[key]
        self.keys.remove(key)


class Trial:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.server = Server(options)
        self.folder = tempfile.TemporaryDirectory(prefix="hirestream-mirror-")
        self.warehouse = pathlib.Path(self.folder.name, "warehouse.db")
        self.counts = collections.Counter()
        self.lost_by_cassandra = []  # rows, and values as (row, column)
        self.mirror_alone = collections.defaultdict(set)  # with --visibility tail: lost values that the mirror may have, by row and column
        self.with_cdc = " WITH cdc = true" if options.cdc else ""
        self.dropped = set()  # rows that were in the plain table when it was dropped: the mirror keeps them
        self.slowest_s = {"mirror": 0.0, "events": 0.0, "deleted": 0.0}
        self.mirror = self.engine = None
        self.started_again = 0
        self.log = open(options.log, "ab") if options.log else subprocess.DEVNULL  # noqa: SIM115

    def uri(self, table):
        return f"cassandra://127.0.0.1:{PORT}/logs/{table}?consistency=ONE"

    def program(self, *arguments):
        return [os.path.join(self.options.build, "hirestream"), *arguments]

    def start_mirror(self):
        """Root may read whatever it wants; not this one."""
        as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if self.server.has_own_disk else []
        self.mirror = subprocess.Popen([*as_others, *self.program("mirror", "--from", self.uri("plain"), "--to", self.uri("mirrored"), "--visibility",
                                                                  self.options.visibility, *(["--cdc-raw", "auto"] if self.options.cdc else []))],
                                       stdout=subprocess.DEVNULL, stderr=self.log)

    def end_mirror(self, how):
        self.mirror.send_signal(how)
        self.mirror.wait()

    def start_engine(self):
        """The writer overwrites what was counted."""
        self.engine = subprocess.Popen(self.program("--quiet", "run", "--source", self.uri("mirrored"), "--warehouse", f"sqlite:{self.warehouse}", "--grace", "30s", "--allow-shrink"),
                                       stdout=subprocess.DEVNULL, stderr=self.log)

    def end_engine(self, how):
        self.engine.send_signal(how)
        self.engine.wait()

    def create(self):
        self.server.session.execute(f"CREATE TABLE IF NOT EXISTS logs.plain ({COLUMNS}){self.with_cdc}")

    def content(self, table):
        found = self.server.session.execute(f"SELECT create_time, {', '.join(COUNTED)} FROM logs.{table}")
        return {str(row.create_time): tuple(as_text(value) for value in row[1:]) for row in found}

    def truth(self, rows):
        """What `events` must have of these rows: clicks that have a job. A row that was made by a change of a lost one has no kind."""
        cells = collections.defaultdict(lambda: [0, 0])
        place = {name: index for index, name in enumerate(COUNTED)}
        for row in rows.values():
            if row[place["custom_track"]] == "click" and int(row[place["job_id"]] or 0):
                cell = cells[tuple(int(row[place[name]] or 0) for name in ["job_id", "publisher_id", "campaign_id", "group_id"])]
                cell[0] += 1
                cell[1] += int(row[place["bid"]] or 0)
        return {key: tuple(cell) for key, cell in cells.items()}

    def events(self):
        with sqlite3.connect(f"file:{self.warehouse}?mode=ro", uri=True, timeout=10) as connection:
            found = connection.execute("SELECT job_id, publisher_id, campaign_id, group_id, clicks, spend_hour, dates, hours FROM events WHERE clicks > 0").fetchall()
        assert all(row[6:] == ("2026-11-01", 10) for row in found), "an event of another hour"
        return {row[:4]: (row[4], int(row[5] or 0)) for row in found}

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

    def mirror_and_cassandra_killed(self):
        self.end_mirror(signal.SIGKILL)
        self.cassandra_killed()
        self.start_mirror()

    def engine_killed(self):
        self.end_engine(signal.SIGKILL)
        time.sleep(self.random.uniform(0, 3))
        self.start_engine()

    def engine_stopped_for_a_while(self):
        self.engine.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(1, 8))
        self.engine.send_signal(signal.SIGCONT)

    def all_killed(self):
        self.end_engine(signal.SIGKILL)
        self.mirror_and_cassandra_killed()
        self.start_engine()

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
        for key in self.writer.keys[-3:]:
            self.writer.change(self.server.session, key, "group_id", 5, f"{name} = 'x', ")  # which the writer leaves alone
        self.server.session.execute(f"ALTER TABLE logs.plain DROP {name}")

    def table_dropped_and_made_anew(self):
        self.pause_writer()
        self.dropped.update(self.content("plain"))
        self.writer.journal, self.writer.keys = {}, []
        self.server.session.execute("DROP TABLE logs.plain")
        time.sleep(self.random.uniform(0, 2))
        self.create()
        self.writer.paused.clear()

    def log_disk_full(self):
        self.server.fill_disk()
        with contextlib.suppress(Exception):  # refused, or not answered, sooner or later
            for _ in range(3):
                self.fill(timeout=3)
        time.sleep(self.random.uniform(0, 2))
        self.server.free_disk()
        self.cassandra_killed()

    def log_not_readable_for_a_while(self):
        """While it runs; and where it is started meanwhile it says so, and is started again."""
        started_meanwhile = self.random.random() < 0.5
        if started_meanwhile:
            self.end_mirror(signal.SIGKILL)
        self.server.log_folder.chmod(0)
        try:
            if started_meanwhile:
                self.start_mirror()
                assert self.mirror.wait(30) == 2, f"a mirror that may not read the log ended with {self.mirror.returncode}"
            self.fill()
            time.sleep(self.random.uniform(0, 3))
        finally:
            self.server.log_folder.chmod(0o755)
        if started_meanwhile:
            self.start_mirror()

    def fill(self, timeout=30):
        for _ in range(20):
            self.server.session.execute("INSERT INTO logs.filler (k, v) VALUES (1, %s)", (os.urandom(300_000),), timeout=timeout)

    FAULTS = [mirror_killed, mirror_killed, mirror_stopped_for_a_while, cassandra_killed, cassandra_killed, cassandra_drained_and_started,
              mirror_and_cassandra_killed, engine_killed, engine_stopped_for_a_while, all_killed, flushed, segments_gone_while_it_was_down, segments_filled,
              column_added_and_dropped, table_dropped_and_made_anew]
    FAULTS_OF_ROOT = [log_disk_full, log_not_readable_for_a_while]
    KILLS_OF_CASSANDRA = {"cassandra_killed", "mirror_and_cassandra_killed", "all_killed", "log_disk_full"}

    def faults(self):
        """Each of them about as often as the others, the order by chance."""
        all_of_them = self.FAULTS + (self.FAULTS_OF_ROOT if self.server.has_own_disk else [])
        chosen = [fault for fault in all_of_them if not self.options.only or fault.__name__ in self.options.only]
        drawn = [fault for _ in range(self.options.faults // len(chosen) + 1) for fault in self.random.sample(chosen, len(chosen))]
        return drawn[:self.options.faults]

    # --- the check

    def pause_writer(self):
        self.writer.paused.set()
        self.writer.idle.clear()
        assert self.writer.idle.wait(60), "the writer does not stop"

    def wait_until_equal(self, name, differences):
        begin = time.monotonic()
        while True:
            self.start_again()
            found = differences()
            took = time.monotonic() - begin
            if not found or took > PATIENCE_S:
                self.slowest_s[name] = max(self.slowest_s[name], took)
                return found
            time.sleep(0.1)

    def start_again(self):
        """One that met a server which is down before it had worked ends with 3, and a service is started again then."""
        for what, process, start in [("mirror", self.mirror, self.start_mirror), ("engine", self.engine, self.start_engine)]:
            if process.poll() == 3:
                self.started_again += 1
                time.sleep(0.5)
                start()
            assert process.poll() in (None, 3), f"the {what} ended with {process.returncode}"

    def find_lost(self, fault):
        """What was acknowledged and is not in the plain table, now that nobody writes."""
        lost = []
        for key, possible in list(self.writer.journal.items()):
            values = self.plain.get(key)
            if values is None:
                lost.append(key)
                self.writer.forget(key)
            for place, column in enumerate(COUNTED):
                found = values and values[place]
                if values is None or found not in possible[place]:
                    if self.options.visibility == "tail":
                        self.mirror_alone[key, column] |= possible[place]
                    if values is not None:
                        lost.append((key, column))
                        possible[place] = {found}
        assert not lost or fault in self.KILLS_OF_CASSANDRA, f"after {fault}: Cassandra was not killed and has lost {lost}"
        early = [what for what in lost if self.writer.acknowledged_s.get(what, self.writer.acknowledged_s.get(what[0], 0.0)) < self.server.killed_s - LOST_BY_A_KILL_S]
        assert not early, f"after {fault}: Cassandra has lost what it acknowledged long before it was killed: {early}"
        self.lost_by_cassandra += lost

    def is_mirrored(self, key, plain):
        mirrored = self.mirrored.get(key)
        return mirrored is not None and all(found == value or found in self.mirror_alone.get((key, column), ())
                                            for column, value, found in zip(COUNTED, plain, mirrored, strict=True))

    def check(self, fault):
        self.pause_writer()

        found_lost = []

        def missing_in_the_mirror():
            self.plain, self.mirrored = self.content("plain"), self.content("mirrored")
            if not found_lost:
                self.find_lost(fault)
                found_lost.append(True)
            return {key: value for key, value in self.plain.items() if not self.is_mirrored(key, value)}

        missing = self.wait_until_equal("mirror", missing_in_the_mirror)
        assert not missing, f"after {fault}: {len(missing)} of {len(self.plain)} rows are missing or differ: {list(missing.items())[:3]}"
        extra = set(self.mirrored) - set(self.plain) - self.dropped - {key for key, _ in self.mirror_alone}
        assert not extra, f"after {fault}: {len(extra)} rows that the plain table does not have: {sorted(extra)[:3]}"
        truth = self.truth(self.mirrored)

        def wrong_in_events():
            events = self.events()
            return {key: (truth.get(key), events.get(key)) for key in truth.keys() | events.keys() if truth.get(key) != events.get(key)}

        wrong = self.wait_until_equal("events", wrong_in_events)
        assert not wrong, f"after {fault}: {len(wrong)} cells of events differ (truth, found): {list(wrong.items())[:3]}"
        if self.options.cdc:
            waiting = self.wait_until_equal("deleted", lambda: len(list(self.server.segments_kept())) > SEGMENTS_KEPT_MAX)
            assert not waiting, f"after {fault}: {len(list(self.server.segments_kept()))} segments are not deleted"
        self.counts[fault] += 1
        self.rows = len(self.mirrored)
        self.writer.paused.clear()

    def run(self):
        self.server.make()
        session = self.server.session
        session.execute("CREATE KEYSPACE logs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute(f"CREATE TABLE logs.filler (k int PRIMARY KEY, v blob){self.with_cdc}")
        self.create()
        subprocess.run(self.program("--quiet", "init", "--source", self.uri("mirrored"), "--bucket-width", "10s"), check=True, stdout=subprocess.DEVNULL)
        self.writer = Writer(self, self.options.rate)
        self.writer.start()
        self.start_mirror()
        self.start_engine()
        try:
            self.check("its start")  # one that has never worked may end by a fault, and is right to
            self.counts.clear()
            for number, fault in enumerate(self.faults(), 1):
                time.sleep(self.random.uniform(0.2, 2))
                print(f"{number} {fault.__name__}", file=sys.stderr, flush=True)
                fault(self)
                time.sleep(self.random.uniform(0, 1))
                self.check(fault.__name__)
        finally:
            self.writer.ending = True
            self.end_mirror(signal.SIGKILL)
            self.end_engine(signal.SIGKILL)
            self.server.remove()
            self.folder.cleanup()


def section_of(options, result):
    lines = ["", f"`tests/integration/mirror/prove.py --faults {options.faults} --seed {options.seed} --visibility {options.visibility} --version {options.version}"
             + (f" --compression {options.compression}" if options.compression else "") + (" --cdc" if options.cdc else "") + f"`: {options.faults} faults in {result['minutes']} minutes; "
             f"{result['rows']} rows at the end. {result['rows_cassandra_lost']} acknowledged rows and {result['values_cassandra_lost']} changes were lost by Cassandra itself "
             f"when it was killed ({'the mirror may have them' if options.visibility == 'tail' else 'they are in neither table'}; the run names them). The slowest time until the mirror was equal: {result['slowest_s']['mirror']} s, and `events` after it: {result['slowest_s']['events']} s.", "",
             "| fault | times |", "|---|---|", *(f"| {name.replace('_', ' ')} | {count} |" for name, count in sorted(result["by_fault"].items())), ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=150, help="of the writer, rows a second")
    parser.add_argument("--visibility", default="marker", choices=["marker", "tail", "synced"])
    parser.add_argument("--compression", default="", help="of the commit log: LZ4Compressor, …")
    parser.add_argument("--cdc", action="store_true", help="by cdc_raw, which the mirror empties")
    parser.add_argument("--build", default="build")
    parser.add_argument("--log", default="", help="file for what the mirror says")
    parser.add_argument("--summary", default="", help="write what was done as Markdown")
    parser.add_argument("--version", default="4.1.10", help="of Cassandra")
    parser.add_argument("--only", nargs="*", default=[], help="faults")
    options = parser.parse_args()
    if options.visibility == "synced" and not options.cdc:
        parser.error("--visibility synced needs --cdc: the index files are there")
    if os.geteuid() == 0 and not os.environ.get(IN_ITS_NAMESPACE):
        # A mount that nobody else sees, and that is gone when this ends, however it does.
        if subprocess.run(["unshare", "--mount", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv], os.environ | {IN_ITS_NAMESPACE: "1"})
    begin = time.monotonic()
    trial = Trial(options)
    trial.run()
    result = {"seed": options.seed, "visibility": options.visibility, "version": options.version, "compression": options.compression or "none", "cdc": options.cdc,
              "faults": options.faults, "started_again": trial.started_again, "by_fault": trial.counts, "rows": trial.rows, "rows_cassandra_lost": len([lost for lost in trial.lost_by_cassandra if isinstance(lost, str)]),
              "values_cassandra_lost": len([lost for lost in trial.lost_by_cassandra if not isinstance(lost, str)]), "cassandra_lost": trial.lost_by_cassandra,
              "slowest_s": {name: round(value, 1) for name, value in trial.slowest_s.items()}, "minutes": round((time.monotonic() - begin) / 60, 1)}
    print(json.dumps(result, indent=2))
    if options.summary:
        with open(options.summary, "a", encoding="utf-8") as summary:
            summary.write(section_of(options, result))


main()
