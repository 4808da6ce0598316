"""A warehouse restored from an older backup: the next run makes it whole by itself."""

import time

from conftest import assert_equal, sqlite_events, stop
from oracle.recount import Recount, compare, read_accounting, read_companies


def wait_until_accounted(warehouse, rows, seconds=120):
    deadline = time.monotonic() + seconds
    while sum(read_accounting(warehouse).values()) < rows:
        assert time.monotonic() < deadline, "the engine does not catch up"
        time.sleep(0.2)


class MysqlBackup:
    """All tables of a database as they were at one moment, as `mysqldump --single-transaction` has them; views are made by the next start."""

    def __init__(self, server, database):
        self.tables = []
        with server.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            cursor.execute("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
            for table, _ in cursor.fetchall():
                cursor.execute(f"SHOW CREATE TABLE `{table}`")
                create = cursor.fetchone()[1]
                cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s AND extra NOT LIKE "
                               "'%%GENERATED%%' ORDER BY ordinal_position", (database, table))
                columns = [name for (name,) in cursor.fetchall()]
                cursor.execute(f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM `{table}`")
                self.tables.append((table, create, columns, cursor.fetchall()))

    def rows(self, table):
        return next(len(rows) for name, _, _, rows in self.tables if name == table)

    def restore(self, server, database):
        server.execute(f"DROP DATABASE {database}", f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        with server.connect(database) as connection, connection.cursor() as cursor:
            for table, create, columns, rows in self.tables:
                cursor.execute(create)
                names = ", ".join(f"`{name}`" for name in columns)
                cursor.executemany(f"INSERT INTO `{table}` ({names}) VALUES ({', '.join(['%s'] * len(columns))})", rows)


def test_a_restored_warehouse_catches_up_by_itself(hirestream, cassandra, keyspace, mysql, mysql_database, tmp_path):
    source, warehouse, jobs = cassandra.uri(keyspace), mysql.uri(mysql_database), f"csv:{tmp_path}/jobs.csv"
    journals = [tmp_path / "history.csv", tmp_path / "live.csv"]
    hirestream("generate", "--to", source, "--rows", 20_000, "--span", "3h", "--journal", journals[0], "--jobs-to", jobs)
    run = ["run", "--source", source, "--warehouse", warehouse, "--jobs", jobs, "--log-level", "warning"]
    hirestream(*run, "--once")
    engine = hirestream.start(*run)
    try:
        writer = hirestream.start("generate", "--to", source, "--rate", 300, "--seconds", 12, "--seed", 2, "--journal", journals[1])
        time.sleep(8)
        backup = MysqlBackup(mysql, mysql_database)
        assert writer.wait(timeout=60) == 0
        writer.communicate()
        right = Recount([str(journal) for journal in journals])
        wait_until_accounted(mysql.events(mysql_database), sum(right.classes().values()))
        stop(engine)
    finally:
        engine.kill()
    assert_equal(right, mysql.events(mysql_database), read_companies(jobs))
    backup.restore(mysql, mysql_database)
    assert 0 < backup.rows("events"), "an empty backup proves nothing"
    assert compare(right, mysql.events(mysql_database))
    hirestream(*run, "--once")
    assert_equal(right, mysql.events(mysql_database), read_companies(jobs))
    hirestream("verify", "--source", source, "--warehouse", warehouse)


def test_a_restored_sqlite_file_catches_up_by_itself(hirestream, tmp_path):
    source, file = f"sqlite:{tmp_path}/raw.db", tmp_path / "counts.db"
    journals = [tmp_path / "before.csv", tmp_path / "after.csv"]
    run = ["run", "--once", "--source", source, "--warehouse", f"sqlite:{file}"]
    hirestream("generate", "--to", source, "--rows", 5000, "--seed", 1, "--journal", journals[0])
    hirestream(*run)
    backup = file.read_bytes()
    hirestream("generate", "--to", source, "--rows", 5000, "--seed", 2, "--journal", journals[1])
    hirestream(*run)
    for rest in tmp_path.glob("counts.db*"):
        rest.unlink()
    file.write_bytes(backup)
    hirestream(*run)
    assert_equal(Recount([str(journal) for journal in journals]), sqlite_events(f"sqlite:{file}"))
