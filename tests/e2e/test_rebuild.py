"""`rebuild` beside a live engine: exact, whatever is committed meanwhile and wherever it is killed."""

import os
import random
import signal
import sqlite3
import time

import pytest

from conftest import Dataset, assert_equal, sqlite_events, stop
from oracle.recount import Recount, read_companies
from test_restore import wait_until_accounted

SEED = int(os.environ.get("HIRESTREAM_E2E_SEED", "1"))
LOST = "WHERE job_id % 3 = 0"


class MysqlWarehouse:
    def __init__(self, server, database):
        self.server, self.database, self.uri = server, database, server.uri(database)

    def events(self):
        return self.server.events(self.database)

    def lose_rows(self):
        self.server.execute(f"DELETE FROM {self.database}.events {LOST}")

    def tables_left(self):
        return self.events().query(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{self.database}' AND LEFT(table_name, 18) = 'hirestream_rebuild'")


class SqliteWarehouse:
    def __init__(self, path):
        self.path, self.uri = path, f"sqlite:{path}"

    def events(self):
        return sqlite_events(self.uri)

    def lose_rows(self):
        with sqlite3.connect(self.path, timeout=20) as connection:
            connection.execute(f"DELETE FROM events_micros {LOST}")

    def tables_left(self):
        return self.events().query("SELECT name FROM sqlite_schema WHERE name LIKE 'hirestream_rebuild%'")


@pytest.fixture(params=["mysql", "mariadb", "sqlite"])
def warehouse(request, tmp_path):
    if request.param == "sqlite":
        return SqliteWarehouse(tmp_path / "etl.db")
    return MysqlWarehouse(request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_database"))


def test_rebuilds_beside_a_live_engine_are_exact_and_may_be_killed(hirestream, warehouse, tmp_path):
    choose = random.Random(SEED)
    source, jobs = f"sqlite:{tmp_path}/raw.db", f"csv:{tmp_path}/jobs.csv"
    journals = [tmp_path / "history.csv", tmp_path / "live.csv"]
    hirestream("generate", "--to", source, "--rows", 60_000, "--span", "30h", "--journal", journals[0], "--jobs-to", jobs)
    run = ["run", "--source", source, "--warehouse", warehouse.uri, "--jobs", jobs, "--poll-interval", "20ms", "--log-level", "warning"]
    rebuild = ["rebuild", "--warehouse", warehouse.uri, "--quiet"]
    hirestream(*run, "--once")
    engine = hirestream.start(*run)
    killed, done = 0, 0
    try:
        writer = hirestream.start("generate", "--to", source, "--rate", 1500, "--seconds", 14, "--seed", 2, "--journal", journals[1])
        while writer.poll() is None or not (killed and done):
            process = hirestream.start(*rebuild)
            if killed == 0 or choose.random() < 0.5:
                time.sleep(choose.uniform(0.05, 1.0))
                process.send_signal(signal.SIGKILL)
            out, errors = process.communicate(timeout=120)
            assert process.returncode in (0, -signal.SIGKILL), out + errors
            killed += process.returncode != 0
            done += process.returncode == 0
        writer.communicate()
        assert writer.returncode == 0
        right = Recount([str(journal) for journal in journals])
        wait_until_accounted(warehouse.events(), sum(right.classes().values()))
        assert_equal(right, warehouse.events(), read_companies(jobs))
        # Rows are lost while the engine goes on.
        warehouse.lose_rows()
        hirestream(*rebuild)
        assert_equal(right, warehouse.events(), read_companies(jobs))
        assert engine.poll() is None, engine.communicate()
        stop(engine)
    finally:
        engine.kill()
    print(f"SEED={SEED}: {done} rebuilds done, {killed} killed")
    assert not warehouse.tables_left()
    hirestream("verify", "--source", source, "--warehouse", warehouse.uri)


@pytest.mark.parametrize("layout", ["bucketed", "plain"])
def test_a_first_history_from_the_source_is_what_was_written(hirestream, cassandra, keyspace, directory, mysql, mysql_database, layout):
    dataset = Dataset(directory, hirestream, f"rebuild_{layout}", 4_000, "--dirty", 0.01, "--duplicates", 0.01)
    source = dataset.write(cassandra.uri(keyspace), *(["--layout", "plain"] if layout == "plain" else []))
    warehouse = MysqlWarehouse(mysql, mysql_database)
    given = ["--source", source, "--warehouse", warehouse.uri, "--jobs", dataset.jobs]
    rebuild = ["rebuild", "--from-source", *given, *(["--trust-keys"] if layout == "plain" else [])]
    process = hirestream.start(*rebuild)
    while not warehouse.events().query(f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{mysql_database}' AND table_name = 'hirestream_leases'"):
        time.sleep(0.02)
    time.sleep(random.Random(SEED).uniform(0.1, 0.5))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not warehouse.events().query("SELECT 1 FROM events LIMIT 1"), "nothing is seen before all is there"
    hirestream(*rebuild)
    assert_equal(dataset.recount(), warehouse.events(), dataset.companies())
    # An engine that comes afterwards, and one more rebuild, find nothing to change.
    before = warehouse.events().query("SELECT MAX(updated_at) FROM events")
    hirestream("run", *given, "--once")
    hirestream("verify", "--source", source, "--warehouse", warehouse.uri)
    assert warehouse.events().query("SELECT MAX(updated_at) FROM events") == before
    warehouse.lose_rows()
    hirestream(*rebuild)
    assert_equal(dataset.recount(), warehouse.events(), dataset.companies())
    assert not warehouse.tables_left()


def test_a_rebuild_from_the_source_begins_where_the_source_does_and_only_with_its_settings(hirestream, cassandra, keyspace, directory, mysql, mysql_database):
    source = Dataset(directory, hirestream, "rebuild_start", 500).write(cassandra.uri(keyspace))
    given = ["--source", source, "--warehouse", mysql.uri(mysql_database)]
    hirestream("run", *given, "--once", "--start-at", "2100-01-01T00:00:00Z")
    hirestream("rebuild", "--from-source", *given)
    warehouse = mysql.events(mysql_database)
    assert not warehouse.query("SELECT 1 FROM events LIMIT 1")
    assert "timezone" in hirestream("rebuild", "--from-source", *given, "--timezone", "Europe/Berlin", expect=2)
    assert len(warehouse.query("SELECT run_id FROM hirestream_staged_runs")) == 1, "what is refused is not begun"


def test_says_what_cannot_be_counted_anew(hirestream, mysql_database, mysql, tmp_path):
    hirestream("generate", "--to", f"sqlite:{tmp_path}/raw.db", "--rows", 10)
    said = hirestream("rebuild", "--from-source", "--source", f"sqlite:{tmp_path}/raw.db", "--warehouse", mysql.uri(mysql_database), expect=2)
    assert "a Cassandra table is" in said and "run --once" in said
    said = hirestream("rebuild", "--from-source", "--source", "cassandra://127.0.0.1:1/logs/tracking", "--warehouse", f"sqlite:{tmp_path}/etl.db", expect=2)
    assert "MySQL or MariaDB" in said
