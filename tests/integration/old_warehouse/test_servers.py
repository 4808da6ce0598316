"""A bucketed and a plain table of Cassandra, counted into MySQL by an older version."""

import pytest

from make import DATABASE, KEYSPACE
from stored import SQL_PASSWORD, Cassandra, Mysql, read, restore_cassandra, restore_files, restore_mysql
from upgrade import RETENTIONS, STORED, Program, check_upgrade


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setenv("HIRESTREAM_MYSQL_PASSWORD", SQL_PASSWORD)  # for the oracle
    cassandra, mysql = Cassandra(), Mysql()
    cassandra.make(KEYSPACE)
    restore_cassandra(cassandra, read(STORED / "version_2/raw_log.cassandra.ndjson.gz"), KEYSPACE)
    mysql.make(DATABASE)
    restore_mysql(mysql, read(STORED / "version_2/counts.mysql.sql.gz"), cassandra.name)
    yield cassandra, mysql
    cassandra.query(f"DROP KEYSPACE {KEYSPACE}")
    cassandra.cluster.shutdown()
    mysql.query(f"DROP DATABASE {DATABASE}")


@pytest.mark.parametrize("retention", RETENTIONS)
@pytest.mark.parametrize("table", ["bucketed", "plain"])
def test_mysql_warehouse_is_taken_over_in_place(servers, tmp_path, table, retention):
    cassandra, mysql = servers
    restore_files(read(STORED / "version_2/files.json.gz"), tmp_path)
    source = cassandra.uri(KEYSPACE, table)
    program = Program(mysql.uri(DATABASE), f"csv:{tmp_path}/jobs.csv", [source], retention)

    def add_rows(seed, arrivals):
        journal = tmp_path / f"{table}_{seed}.csv"
        program.generate(source, journal, seed, arrivals)
        return [journal]

    check_upgrade(program, add_rows)
