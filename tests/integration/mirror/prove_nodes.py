#!/usr/bin/env python3
"""Mirrors of three nodes under faults: replication factor 3, a mirror on each node, writers that know of nothing.

    tests/support/python/run tests/integration/mirror/prove_nodes.py [--seconds 20] [--rate 200] [--seed N] [--build build] [--summary FILE]
        [--only PHASE ...] [--before BUILD] [--log FILE]

Three Cassandras on 127.0.0.1 to 127.0.0.3. In each phase something is broken while rows are written and changed at QUORUM, and rows are probed: how long
after the writer has its answer are they in the mirrored table? Then all runs again, the writer stops, and the mirrored table must be the plain one, value
by value, with every row of the writer's journal and no other. How often a row was written by the mirrors is counted by their metrics. Exit 1 at the first
difference.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra_node import COLUMNS, COUNTED, CassandraNode, wait_for

PORT = int(os.environ.get("HIRESTREAM_NODES_CASSANDRA_PORT", "19152"))
NODES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
MINUTES_S = 150

class Node(CassandraNode):
    """A Cassandra, and the mirror beside it."""

    def __init__(self, number, options, log):
        self.number, self.address, self.options, self.log = number, NODES[number], options, log
        super().__init__(f"cassandra-{options.version}-{self.address}-{PORT}", PORT=PORT, ADDRESS=self.address, SEED=NODES[0], STORAGE_PORT=PORT + 1,
                         JMX_PORT=PORT + 2 + number, SEGMENT="4MiB", VERSION=options.version)
        self.mirror = None
        self.before = {}  # counters of mirrors that ended

    def processor_s(self):
        fields = pathlib.Path(f"/proc/{self.pid()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def uri(self, table):
        others = [address for address in NODES if address != self.address]
        return f"cassandra://{','.join(f'{address}:{PORT}' for address in [self.address, *others])}/logs/{table}"

    def start_mirror(self, build=None):
        self.mirror = subprocess.Popen([os.path.join(build or self.options.build, "hirestream"), "mirror", "--from", self.uri("plain"), "--to", self.uri("mirrored"),
                                        "--listen", f"127.0.0.1:{PORT + 10 + self.number}"], stdout=subprocess.DEVNULL, stderr=self.log)

    def kill_mirror(self):
        self.before = self.counters()
        self.mirror.kill()
        self.mirror.wait()

    def counters(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 10 + self.number}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        def value(name):
            found = re.search(rf"^hirestream_mirror_{name} (\S+)$", text, re.MULTILINE)
            return float(found[1]) if found else 0
        now = {"written": value(r'rows_total\{from="log",table="logs.plain"\}'), "left": value(r'rows_left_total\{table="logs.plain"\}'),
               "taken over": value(r'rows_taken_over_total\{table="logs.plain"\}')}
        return {name: now[name] + self.before.get(name, 0) for name in now}

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 10 + self.number}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


class Writer(threading.Thread):
    """Rows of now and changes of earlier ones, each as long as it takes; what was acknowledged goes into the journal."""

    def __init__(self, trial):
        super().__init__(daemon=True)
        self.trial, self.random = trial, random.Random(trial.random.random())
        self.paused, self.idle, self.journal, self.changes = threading.Event(), threading.Event(), [], 0
        self.paused.set()

    def run(self):
        begin, done = time.monotonic(), 0
        while True:
            if self.paused.is_set():
                self.idle.set()
                time.sleep(0.02)
                begin, done = time.monotonic(), 0
                continue
            self.idle.clear()
            due = int((time.monotonic() - begin) * self.trial.options.rate)
            while done < due and not self.paused.is_set():
                self.write()
                done += 1
            time.sleep(0.005)

    def write(self):
        self.changes += 1
        if self.journal and self.random.random() < 0.2:
            column, key = self.random.choice(["bid", "job_id", "ev"]), self.random.choice(self.journal[-2000:])
            self.trial.repeated(f"UPDATE logs.plain USING TIMESTAMP {time.time_ns() // 1000} SET {column} = {self.random.randrange(100)} "
                                f"WHERE create_time = '{key}'")
        else:
            self.journal.append(self.trial.insert(self.random))


class Prober(threading.Thread):
    """How long after it was acknowledged is a row in the mirrored table?"""

    def __init__(self, trial):
        super().__init__(daemon=True)
        self.trial, self.ending, self.took, self.keys = trial, False, [], []
        self.random = random.Random(trial.random.random())

    def run(self):
        while not self.ending:
            key = self.trial.insert(self.random)
            begin = time.monotonic()
            self.keys.append(key)
            while not self.trial.is_mirrored(key):
                time.sleep(0.02)
            self.took.append(time.monotonic() - begin)
            time.sleep(0.1)


class Trial:
    def __init__(self, options):
        self.options, self.random = options, random.Random(options.seed)
        self.log = open(options.log, "ab") if options.log else subprocess.DEVNULL  # noqa: SIM115
        self.nodes = [Node(number, options, self.log) for number in range(3)]
        self.results, self.checks = {}, 0

    def connect(self):
        profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([NODES[0]]), consistency_level=ConsistencyLevel.QUORUM, request_timeout=15)
        self.cluster = Cluster([NODES[0]], port=PORT, protocol_version=4, connect_timeout=20, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
        self.session = self.cluster.connect()

    def is_mirrored(self, key):
        arrival_s = (uuid.UUID(key).time - 0x01B21DD213814000) // 10**7
        shards = ", ".join(str(shard) for shard in range(self.layout.shard_count))
        return self.repeated(f"SELECT ev FROM logs.mirrored WHERE bucket = {arrival_s // self.layout.bucket_width_s} AND shard IN ({shards}) AND create_time = {key}")

    def repeated(self, cql):
        """A statement that may be written again, until the cluster has answered."""
        while True:
            try:
                return list(self.session.execute(cql))
            except Exception as error:  # noqa: BLE001  a node is down: that is the point
                print(f"again: {str(error)[:120]}", file=sys.stderr, flush=True)
                time.sleep(0.2)

    def insert(self, rng):
        key = str(uuid.uuid1())
        self.repeated(f"INSERT INTO logs.plain (create_time, {', '.join(COUNTED)}, ua) VALUES ('{key}', '2026-11-01 10:00:00', {rng.randrange(200)}, 1, 2, null, "
                      f"'click', 1, {rng.randrange(9)}, 'a browser') USING TIMESTAMP {time.time_ns() // 1000}")
        return key

    def content(self, table):
        found = self.repeated(f"SELECT create_time, {', '.join(COUNTED)} FROM logs.{table}")
        content = {str(row.create_time): tuple(None if value is None else str(value) for value in row[1:]) for row in found}
        assert len(content) == len(found), "a row is there twice"
        return content

    def counters(self):
        sums = {}
        for node in self.nodes:
            for name, value in node.counters().items():
                sums[name] = sums.get(name, 0) + value
        return sums

    def start_mirrors(self, build=None):
        """All at once: at first each makes their tables. One that ends is started again, as a service is."""
        deadline = time.monotonic() + 180
        while not all([node.is_ready() for node in self.nodes]):
            for node in self.nodes:
                if node.mirror is None or node.mirror.poll() is not None:
                    node.start_mirror(build)
            assert time.monotonic() < deadline, "the mirrors are not ready"
            time.sleep(0.2)

    def check_schema(self):
        """Every node has the same tables, with the same ids."""
        seen = set()
        for address in NODES:
            policy = WhiteListRoundRobinPolicy([address])
            with Cluster([address], port=PORT, protocol_version=4, execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(policy)}) as cluster:
                found = cluster.connect().execute("SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = 'logs'")
                seen.add(tuple(sorted((row.table_name, str(row.id)) for row in found)))
            log = (self.nodes[NODES.index(address)].folder / "logs/system.log").read_text(errors="replace")
            assert "ID mismatch" not in log, f"{address}: two nodes made a table each"
        assert len(seen) == 1, f"the nodes do not agree on their tables: {seen}"
        print(json.dumps({"tables": sorted(name for name, _ in next(iter(seen)))}), file=sys.stderr, flush=True)

    # --- what is broken, each for some seconds

    def quiet(self):
        time.sleep(self.options.seconds)

    def many_rows(self):
        insert = self.session.prepare(f"INSERT INTO logs.plain (create_time, {', '.join(COUNTED)}, ua) VALUES ({', '.join('?' * 10)})")
        keys = [str(uuid.uuid1()) for _ in range(self.options.rows)]
        execute_concurrent_with_args(self.session, insert, [(key, "2026-11-01 10:00:00", 7, 1, 2, None, "click", 1, 3, "a browser") for key in keys],
                                     concurrency=64)
        self.writer.journal += keys
        self.writer.changes += len(keys)
        time.sleep(5)

    def a_mirror_killed(self):
        self.nodes[1].kill_mirror()
        time.sleep(self.options.seconds)
        self.nodes[1].start_mirror()

    def a_mirror_stopped(self):
        self.nodes[2].mirror.send_signal(signal.SIGSTOP)
        time.sleep(self.options.seconds)
        self.nodes[2].mirror.send_signal(signal.SIGCONT)

    def a_node_killed(self):
        self.nodes[2].kill()
        time.sleep(self.options.seconds)
        self.nodes[2].script("start")

    def a_node_stopped(self, seconds=None):
        os.kill(self.nodes[1].pid(), signal.SIGSTOP)
        time.sleep(seconds or self.options.seconds)
        os.kill(self.nodes[1].pid(), signal.SIGCONT)

    def a_node_stopped_for_minutes(self):
        self.a_node_stopped(MINUTES_S)

    def a_node_and_its_mirror_killed(self):
        self.nodes[1].kill_mirror()
        self.nodes[1].kill()
        time.sleep(self.options.seconds)
        self.nodes[1].script("start")
        self.nodes[1].start_mirror()

    PHASES = [quiet, a_mirror_killed, a_mirror_stopped, a_node_killed, a_node_stopped, a_node_stopped_for_minutes, a_node_and_its_mirror_killed, many_rows]

    def play(self, phase, name=""):
        name = name or phase.__name__.replace("_", " ")
        before, changes, begin = self.counters(), self.writer.changes, time.monotonic()
        processor_s = sum(node.processor_s() for node in self.nodes)
        prober = Prober(self)
        self.writer.paused.clear()
        prober.start()
        phase(self)
        broken_s = time.monotonic() - begin
        processor_s = sum(node.processor_s() for node in self.nodes) - processor_s
        prober.ending = True
        prober.join(60)
        assert not prober.is_alive(), "a row was not mirrored for a minute"
        self.writer.journal += prober.keys
        self.writer.paused.set()
        self.writer.idle.wait(60)
        wait_for(lambda: all(node.is_ready() for node in self.nodes), 180, "all mirrors are ready")
        equal_s = self.check(phase.__name__)
        self.wait_for_hints()
        after = self.counters()
        written = self.writer.changes - changes + len(prober.keys)
        took = sorted(prober.took)
        self.results[name] = {
            "rows and changes": written, "seconds": round(broken_s), "probes": len(took), "fresh p50": round(statistics.median(took), 2),
            "fresh p95": round(took[int(len(took) * 0.95)], 2), "fresh max": round(took[-1], 2), "written": round((after["written"] - before["written"]) / written, 2),
            "left": round((after["left"] - before["left"]) / written, 2), "taken over": round((after["taken over"] - before["taken over"]) / written, 2),
            "equal after": round(equal_s, 1)}
        assert phase not in (Trial.a_node_stopped, Trial.a_node_stopped_for_minutes) or took[-1] < min(10, self.options.seconds), f"{took[-1]:.1f} s: a node that stands still is waited for"
        if phase is Trial.many_rows:
            self.results[name]["server s per 1,000"] = round(1000 * processor_s / written, 2)
        print(json.dumps({name: self.results[name]}), file=sys.stderr, flush=True)

    def wait_for_hints(self):
        """What a node missed comes into its log late, and belongs to the phase in which it missed it."""
        seen, since = self.counters(), time.monotonic()
        while time.monotonic() - since < 15:
            time.sleep(1)
            if (now := self.counters()) != seen:
                seen, since = now, time.monotonic()

    def check(self, what):
        begin = time.monotonic()
        while True:
            ended = [node.number for node in self.nodes if node.mirror.poll() is not None]
            assert not ended, f"mirrors ended: {ended}"
            plain, mirrored = self.content("plain"), self.content("mirrored")
            missing = {key: value for key, value in plain.items() if mirrored.get(key) != value}
            if not missing or time.monotonic() - begin > 90:
                break
            time.sleep(0.1)
        extra, lost = set(mirrored) - set(plain), set(self.writer.journal) - set(plain)
        assert not missing, f"{what}: {len(missing)} of {len(plain)} rows are missing or differ: {list(missing.items())[:3]}"
        assert not extra, f"{what}: {len(extra)} rows that the plain table does not have"
        assert not lost, f"{what}: {len(lost)} acknowledged rows are in neither table"
        self.checks += 1
        self.rows = len(plain)
        return time.monotonic() - begin

    def run(self):
        for node in self.nodes:
            node.script("wipe")
        try:
            for node in self.nodes:
                node.script("start")
            self.connect()
            wait_for(lambda: len(self.cluster.metadata.all_hosts()) == 3 and len(self.repeated("SELECT peer FROM system.peers")) == 2, 60, "three nodes")
            self.session.execute("CREATE KEYSPACE logs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}")
            self.session.execute(f"CREATE TABLE logs.plain ({COLUMNS})")
            subprocess.run([os.path.join(self.options.build, "hirestream"), "--quiet", "init", "--source", self.nodes[0].uri("mirrored")], check=True,
                           stdout=subprocess.DEVNULL)
            (self.layout,) = self.repeated("SELECT bucket_width_s, shard_count FROM logs.mirrored_layout")
            self.writer = Writer(self)
            self.writer.start()
            self.start_mirrors()
            self.check_schema()
            for phase in self.PHASES:
                if not self.options.only or phase.__name__ in self.options.only:
                    self.play(phase)
            if self.options.before:
                for node in self.nodes:
                    node.kill_mirror()
                self.start_mirrors(self.options.before)
                self.play(Trial.many_rows, "many rows, without regard of each other")
        finally:
            for node in self.nodes:
                if node.mirror and node.mirror.poll() is None:
                    node.mirror.kill()
                    node.mirror.wait()
            for node in self.nodes:
                node.script("wipe")


def summary_of(options, results, rows, minutes):
    commit = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], text=True, stdout=subprocess.PIPE, check=False, cwd=pathlib.Path(__file__).parent).stdout.strip()
    columns = ["rows and changes", "probes", "fresh p50", "fresh p95", "fresh max", "written", "left", "taken over", "equal after", "server s per 1,000"]
    lines = ["# Mirrors of three nodes under faults", "",
             f"`tests/integration/mirror/prove_nodes.py --seconds {options.seconds} --rate {options.rate} --seed {options.seed}`, on {os.cpu_count()} cores "
             f"({platform.machine()}) with all three nodes, their mirrors and the writer, in {minutes} minutes, {datetime.date.today()}, commit {commit}. Replication factor 3, writes at QUORUM. After each "
             f"phase the mirrored table was the plain one, value by value ({rows} rows at the end), with every acknowledged row, and no row was there twice.", "",
             "*Fresh*: seconds from the writer's answer until a probed row is in the mirrored table, the time of the fault and until the node or mirror is back. "
             "*Written*, *left*, *taken over*: by all mirrors together, per row or change (without regard of each other, three would be written). Every mirror writes changes of rows whose minute is long over, and so what hints bring. "
             "*Equal after*: seconds until both tables were found equal, once the writer stopped and all mirrors were ready. *Server s per 1,000*: processor seconds of "
             f"the three Cassandras per 1,000 rows, all they did, while {options.rows} rows were written as fast as one client can.", "",
             "| phase | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {phase} | " + " | ".join(str(result.get(column, "")) for column in columns) + " |" for phase, result in results.items()]
    return "\n".join([*lines, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="of each fault")
    parser.add_argument("--rate", type=float, default=200, help="of the writer, rows and changes a second")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rows", type=int, default=20_000, help="of the phase many_rows")
    parser.add_argument("--before", default="", help="another build, whose mirrors are measured last, with many_rows")
    parser.add_argument("--only", nargs="*", default=[], help="phases")
    parser.add_argument("--version", default="4.1.10", help="of Cassandra")
    parser.add_argument("--build", default="build")
    parser.add_argument("--log", default="", help="file for what the mirrors say")
    parser.add_argument("--summary", default="", help="write what was found as Markdown")
    options = parser.parse_args()
    begin = time.monotonic()
    trial = Trial(options)
    trial.run()
    minutes = round((time.monotonic() - begin) / 60, 1)
    print(json.dumps({"seed": options.seed, "rows": trial.rows, "minutes": minutes, "phases": trial.results}, indent=2))
    if options.summary:
        pathlib.Path(options.summary).write_text(summary_of(options, trial.results, trial.rows, minutes), encoding="utf-8")


main()
