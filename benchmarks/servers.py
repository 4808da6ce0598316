"""The servers of `make services`, for the benchmarks: where they are, a keyspace and a database of one's own, what a process costs."""
import os
from urllib.parse import urlsplit

import pymysql
from cassandra.cluster import Cluster

CASSANDRA = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "127.0.0.1:9042").removeprefix("cassandra://")
MYSQL = urlsplit(os.environ.get("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"))
PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
# Of the program.
ENVIRONMENT = dict(os.environ, HIRESTREAM_MYSQL_PASSWORD=PASSWORD)
TICKS = os.sysconf("SC_CLK_TCK")


def table_uri(keyspace: str, table: str = "tracking") -> str:
    return f"cassandra://{CASSANDRA}/{keyspace}/{table}"


def database_uri(name: str) -> str:
    return f"mysql://{MYSQL.username}@{MYSQL.hostname}:{MYSQL.port}/{name}"


def connect_cassandra():
    """A session of the driver."""
    host, port = CASSANDRA.rsplit(":", 1)
    session = Cluster([host], port=int(port), protocol_version=4).connect()
    session.default_timeout = 120
    return session


def connect_mysql(database: str | None = None):
    return pymysql.connect(host=MYSQL.hostname, port=MYSQL.port, user=MYSQL.username, password=PASSWORD, database=database, autocommit=True)


def query(mysql, statement: str, arguments: tuple = ()) -> tuple:
    with mysql.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        return cursor.fetchall()


def make_database_anew(mysql, name: str) -> None:
    query(mysql, f"DROP DATABASE IF EXISTS {name}")
    query(mysql, f"CREATE DATABASE {name}")


def drop(session, mysql, name: str) -> None:
    """The keyspace and the database of that name."""
    session.execute(f"DROP KEYSPACE IF EXISTS {name}")
    query(mysql, f"DROP DATABASE IF EXISTS {name}")


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
