"""One trial: a live writer, an engine behind the proxies, somebody who watches the warehouse, and the count at the end."""

import collections
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import threading
import time
import uuid

import pymysql

from oracle.recount import MysqlEvents, Recount, SqliteEvents, compare, read_accounting, read_companies, read_events
from servers import PASSWORD

BUCKET_S = 10
# Short times, so that settling and audits happen within a trial: a row that comes late by an outage is found by them.
ENGINE = ["--grace", "5s", "--audit-delays", "15s,30s,1min,2min", "--discover-interval", "15s", "--report-interval", "1s",
          "--jobs-refresh-interval", "10s"]
CATCH_UP_S = 150  # beyond the last audit
SAMPLE = """SELECT (SELECT COALESCE(SUM(impressions + clicks + conversion + qualified_application + disqualified_application), 0)
FROM events), SUM(counted), SUM(counted + unattributed + other_kinds + rejected + too_late) FROM hirestream_accounting"""


@dataclasses.dataclass
class Outcome:
    name: str
    rows: int = 0
    cells: int = 0
    lost: int = 0
    doubled: int = 0
    samples: int = 0
    caught_up_s: float = 0.0
    faults: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    kills: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    freshness_ms: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    problems: list = dataclasses.field(default_factory=list)


class Watcher(threading.Thread):
    """Looks at the warehouse all the time: what is committed must be sound at each moment, not only at the end."""

    def __init__(self, query):
        super().__init__(daemon=True)
        self.query = query
        self.samples = []  # (time after, counted in events, counted in the ledger, rows accounted for)
        self.errors = collections.Counter()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(0.1):
            try:
                (row,) = self.query(SAMPLE)
            except Exception as error:  # pylint: disable=broad-except
                self.errors[type(error).__name__] += 1  # the server is down, or the tables are not there yet
                continue
            if row[2] is not None:
                self.samples.append((time.time(), *map(int, row)))

    def rows(self):
        return self.samples[-1][3] if self.samples else 0

    def stop(self):
        self.ending.set()
        self.join(60)

    def problems(self, arrivals):
        """`arrivals`: Unix times of all rows, ascending."""
        found, before, arrived = [], 0, 0
        for at, in_events, in_ledger, rows in self.samples:
            while arrived < len(arrivals) and arrivals[arrived] <= at:
                arrived += 1
            if in_events != in_ledger:
                found.append(f"Atomic: at {at:.3f} events holds {in_events} rows, the ledger {in_ledger}")
            if rows > arrived:
                found.append(f"Sound: at {at:.3f} {rows} rows are accounted for, {arrived} had arrived")
            if rows < before:
                found.append(f"Sound: at {at:.3f} {before} rows accounted for became {rows}")
            before = rows
        return found


class Trial:
    """`say` prints; `network` are the proxies before `servers`. The warehouse is MySQL's, or a SQLite file."""

    def __init__(self, name, binary, servers, network, directory, say=print, sqlite=None):
        self.outcome = Outcome(name)
        self.binary, self.servers, self.network, self.say = binary, servers, network, say
        self.directory = directory / f"{name}_{uuid.uuid4().hex[:8]}"
        self.directory.mkdir(parents=True)
        self.keyspace = f"faults_{uuid.uuid4().hex[:10]}"
        self.sqlite = sqlite
        self.journal, self.jobs = self.directory / "journal.csv", f"csv:{self.directory}/jobs.csv"
        self.writer = self.engine = None
        self.engines = 0
        self.journals = []
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("HIRESTREAM_")}
        self.environment |= {"HIRESTREAM_MYSQL_PASSWORD": PASSWORD, "NO_COLOR": "1"}
        if sqlite is None:
            servers.sql(f"CREATE DATABASE {self.keyspace} CHARACTER SET utf8mb4")
        self.watcher = Watcher(self._query)
        self._connection = None
        self.watcher.start()

    # --- addresses

    def source(self, address=None):
        host, port = address or self.network.cassandra.address
        return f"cassandra://{host}:{port}/{self.keyspace}/tracking?consistency=ONE"

    def warehouse(self, address=None):
        if self.sqlite is not None:
            return f"sqlite:{self.sqlite}"
        host, port = address or self.network.mysql.address
        return f"mysql://root@{host}:{port}/{self.keyspace}?tls=off"

    def open_warehouse(self):
        if self.sqlite is not None:
            return SqliteEvents(self.sqlite)
        host, port = self.servers.mysql
        return MysqlEvents(f"mysql://root:{PASSWORD}@{host}:{port}/{self.keyspace}")

    def _query(self, sql):
        if self.sqlite is not None:
            # SQLite's own statement sees one state, too; spend_hour is not needed.
            return SqliteEvents(self.sqlite).query(sql)
        if self._connection is None:
            host, port = self.servers.mysql
            self._connection = pymysql.connect(host=host, port=port, user="root", password=PASSWORD, database=self.keyspace,
                                               autocommit=True, connect_timeout=5, read_timeout=10)
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        except Exception as error:
            if not isinstance(error, pymysql.err.ProgrammingError):
                with contextlib.suppress(Exception):
                    self._connection.close()
                self._connection = None
            raise

    # --- processes

    def _spawn(self, log, *arguments, environment=None, **options):
        with open(self.directory / log, "w", encoding="utf-8") as file:
            return subprocess.Popen([self.binary, *map(str, arguments)], env=self.environment | (environment or {}),
                                    stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, **options)

    def start_writer(self, rate, seed, wait=True):
        """Writes straight to Cassandra until finish(); its journal is what was acknowledged."""
        journal = self.directory / f"journal{len(self.journals)}.csv"
        self.journals.append(journal)
        self.writer = self._spawn(f"writer{len(self.journals)}.log", "generate", "--to", self.source(self.servers.cassandra),
                                  "--rate", rate, "--seconds", 86400, "--seed", seed, "--bucket-width", BUCKET_S, "--give-up-after", "10min",
                                  "--journal", journal, "--jobs-to", self.jobs, "--replace", "--dirty", 0.01, "--duplicates", 0.01)
        deadline = time.monotonic() + 60
        while wait and not (journal.exists() and journal.stat().st_size > 20_000):
            assert self.writer.poll() is None and time.monotonic() < deadline, self.log("writer")
            time.sleep(0.05)

    def stop_writer(self):
        self.writer.send_signal(signal.SIGINT)
        code = self.writer.wait(timeout=120)
        if code not in (0, 130):
            self.outcome.problems.append(f"the writer ended with {code}: {self.log('writer')}")
        self.writer = None

    def engine_arguments(self, *more):
        return ["run", "--source", self.source(), "--source-name", "tracking", "--warehouse", self.warehouse(), "--jobs", self.jobs,
                *ENGINE, *more]

    def start_engine(self, *more, environment=None, **options):
        self.engines += 1
        self.engine = self._spawn(f"engine{self.engines}.log", *self.engine_arguments(*more), "--json", environment=environment,
                                  **options)
        return self.engine

    def stop_engine(self):
        if self.engine is not None and self.engine.poll() is None:
            self.engine.send_signal(signal.SIGTERM)
            try:
                code = self.engine.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.outcome.problems.append("the engine did not end within 60 s of SIGTERM")
                self.engine.kill()
                code = self.engine.wait()
            if code != 0:
                self.outcome.problems.append(f"the engine ended with {code}: {self.log(f'engine{self.engines}')}")

    def expect_engine_alive(self):
        if self.engine.poll() is not None:
            self.outcome.problems.append(f"the engine ended by itself with {self.engine.returncode}: "
                                         f"{self.log(f'engine{self.engines}')}")
            self.start_engine()

    def log(self, name):
        files = sorted(self.directory.glob(f"{name}*.log"), key=os.path.getmtime)
        return "".join(file.read_text(errors="replace")[-1500:] for file in files[-1:])

    def warnings(self):
        """How many the engine that runs just now has given."""
        return (self.directory / f"engine{self.engines}.log").read_text(errors="replace").count(" warning ")

    # --- waiting

    def wait_for_progress(self, limit_s=60, rows=1):
        """Until the warehouse accounts for so many rows more."""
        start, began = self.watcher.rows(), time.monotonic()
        while self.watcher.rows() < start + rows:
            if time.monotonic() - began > limit_s:
                self.outcome.problems.append(f"nothing was counted for {limit_s} s: {self.log(f'engine{self.engines}')}")
                return False
            self.expect_engine_alive()
            time.sleep(0.05)
        return True

    # --- the end

    def finish(self, once=False):
        """Everything works again and nobody helps: the numbers must become those of the journal."""
        self.stop_writer()
        recount = Recount([str(path) for path in self.journals])
        began = time.monotonic()
        if once:
            self.engine.send_signal(signal.SIGTERM)
            self.engine.wait(timeout=60)
            self._catch_up_once()
        else:
            self._wait_until_equal(recount)
            self.stop_engine()
        self.outcome.caught_up_s = time.monotonic() - began
        self._verify()
        self._count(recount)
        self.watcher.stop()
        rows = recount.db.execute("SELECT create_time FROM raw").fetchall()
        self.outcome.samples = len(self.watcher.samples)
        self.outcome.problems += self.watcher.problems(arrivals(row[0] for row in rows))[:20]
        if not self.watcher.samples:
            self.outcome.problems.append(f"the warehouse was never seen: {self.watcher.errors}")
        self.outcome.problems += [f"the test's own hook failed: {text}" for text in self.network.failures]
        self._read_freshness()
        return self.outcome

    def _catch_up_once(self):
        process = self._spawn("once.log", *self.engine_arguments("--once"))
        if process.wait(timeout=300) != 0:
            self.outcome.problems.append(f"run --once ended with {process.returncode}: {self.log('once')}")

    def _wait_until_equal(self, recount):
        deadline, wanted = time.monotonic() + CATCH_UP_S, sum(recount.classes().values())
        while time.monotonic() < deadline:
            if self.watcher.rows() == wanted and not compare(recount, self.open_warehouse(), read_companies(self.jobs)):
                return
            self.expect_engine_alive()
            time.sleep(0.2)
        self.outcome.problems.append(f"not equal {CATCH_UP_S} s after the last fault: {self.watcher.rows()} rows accounted for, "
                                     f"{wanted} written")

    def _verify(self):
        done = subprocess.run(
            [self.binary, "verify", "--json", "--source", self.source(self.servers.cassandra), "--source-name", "tracking", "--warehouse",
             self.warehouse(self.servers.mysql)], env=self.environment, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            self.outcome.problems.append(f"verify ended with {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
            return
        (report,) = json.loads(done.stdout)
        zero = ("difference_remains", "slices_different", "slices_held", "slices_damaged", "rows_too_late", "cells_different")
        if any(report[name] for name in zero) or not report["cells_checked"] or not report["rows_read"]:
            self.outcome.problems.append(f"verify: {done.stdout[-1500:]}")

    def _count(self, recount):
        warehouse = self.open_warehouse()
        differences = compare(recount, warehouse, read_companies(self.jobs))
        expected, found = recount.cells(), {key: measures for key, (measures, _, _) in read_events(warehouse).items()}
        nothing = (0,) * 6
        for key in expected.keys() | found.keys():
            for right, there in zip(expected.get(key, nothing)[:5], found.get(key, nothing)[:5]):
                self.outcome.lost += max(0, right - there)
                self.outcome.doubled += max(0, there - right)
        classes, accounted = recount.classes() | {"too_late": 0}, read_accounting(warehouse)
        for name in ("unattributed", "other", "rejected", "too_late"):
            self.outcome.lost += max(0, classes[name] - accounted[name])
            self.outcome.doubled += max(0, accounted[name] - classes[name])
        if differences:
            self.outcome.problems.append(f"{len(differences)} cells differ from the recount: {differences[:5]}")
        if classes != accounted:
            self.outcome.problems.append(f"classes of rows: {classes} by the recount, {accounted} in the warehouse")
        self.outcome.rows, self.outcome.cells = recount.rows(), len(expected)
        if not expected:
            self.outcome.problems.append("no cells: an empty result proves nothing")

    def _read_freshness(self):
        for path in self.directory.glob("engine*.log"):
            for line in path.read_text(errors="replace").splitlines():
                if "freshness_p95_ms=" in line:
                    self.outcome.freshness_ms.append(float(line.split("freshness_p95_ms=")[1].split()[0]))

    def abandon(self):
        """After an error: nothing is left running."""
        for process in (self.writer, self.engine):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        self.watcher.stop()


def arrivals(create_times):
    """Unix times at which rows arrived, ascending, by their version-1 UUIDs; values that are none are left out."""
    result = []
    for text in create_times:
        with contextlib.suppress(ValueError):
            result.append((uuid.UUID(text).time - 0x01B21DD213814000) / 1e7)
    return sorted(result)
