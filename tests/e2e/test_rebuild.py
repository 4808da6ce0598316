"""`rebuild` beside a live engine: exact, whatever is committed meanwhile and wherever it is killed."""

import os
import random
import signal
import sqlite3
import time

import pytest

from conftest import assert_equal, sqlite_events, stop
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
        writer = hirestream.start("generate", "--to", source, "--rate", 1500, "--seconds", 20, "--seed", 2, "--journal", journals[1])
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
