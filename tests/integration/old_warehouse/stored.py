"""Warehouses and raw logs as text: written by make.py, put back by the tests."""

import gzip
import json
import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy

# Files are known by a hash of their absolute path: they must lie at the same place again.
FOLDER = Path("/tmp/hirestream_old_warehouse")
# A cluster's name differs from place to place: this stands for it in dumps.
CLUSTER = "@CLUSTER@"
SQL_PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")


def write(path, text):
    # Without a time or a name: the same text gives the same file.
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read(path):
    return gzip.decompress(path.read_bytes()).decode()


# --- SQLite


def dump_sqlite(path):
    with sqlite3.connect(path) as database:
        return "\n".join(database.iterdump()) + "\n"


def restore_sqlite(text, path):
    with sqlite3.connect(path) as database:
        database.executescript(text)
    database.close()


# --- MySQL


class Mysql:
    def __init__(self):
        parts = urlsplit(os.environ.get("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"))
        self.server = {"host": parts.hostname, "port": parts.port or 3306, "user": parts.username or "root"}
        self.connection = pymysql.connect(password=SQL_PASSWORD, autocommit=True, **self.server)

    def query(self, statement):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def uri(self, database):
        return f"mysql://{self.server['user']}@{self.server['host']}:{self.server['port']}/{database}"

    def make(self, database):
        self.query(f"DROP DATABASE IF EXISTS {database}")
        self.query(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        self.query(f"USE {database}")


def dump_mysql(mysql, database, cluster):
    """A statement a line."""
    lines = []
    tables = mysql.query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' "
                         "ORDER BY table_name")
    for (table,) in tables:
        lines.append(mysql.query(f"SHOW CREATE TABLE {table}")[0][1].replace("\n", " "))
        columns = [name for (name,) in mysql.query(
            f"SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{table}' "
            "AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position")]
        for row in mysql.query(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2"):
            lines.append(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(map(literal, row))})")
    for (view,) in mysql.query("SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()"):
        definition = mysql.query(f"SHOW CREATE VIEW {view}")[0][1]
        lines.append("CREATE VIEW" + definition[definition.index(f" `{view}` AS "):].replace(f"`{database}`.", "").replace("\n", " "))
    return "\n".join(lines).replace(f"cluster '{cluster}'", f"cluster '{CLUSTER}'") + "\n"


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'" if value else "''"
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + pymysql.converters.escape_string(str(value)) + "'"


def restore_mysql(mysql, text, cluster):
    for line in text.splitlines():
        mysql.query(line.replace(CLUSTER, cluster))


# --- Cassandra


class Cassandra:
    def __init__(self):
        self.address = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "cassandra://127.0.0.1:9042").removeprefix("cassandra://")
        host, _, port = self.address.partition(":")
        profile = ExecutionProfile(load_balancing_policy=DCAwareRoundRobinPolicy(), request_timeout=60)
        self.cluster = Cluster([host], port=int(port or 9042), protocol_version=4, connect_timeout=20,
                               execution_profiles={EXEC_PROFILE_DEFAULT: profile})
        self.session = self.cluster.connect()
        self.name = self.query("SELECT cluster_name FROM system.local")[0][0]

    def query(self, statement, values=None):
        return list(self.session.execute(statement, values))

    def uri(self, keyspace, table):
        return f"cassandra://{self.address}/{keyspace}/{table}?consistency=ONE"

    def make(self, keyspace):
        self.query(f"DROP KEYSPACE IF EXISTS {keyspace}")
        self.query(f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")


def dump_cassandra(cassandra, keyspace):
    """JSON lines: a table, then its rows. A table keeps its id, which says that it is the same raw log."""
    lines = []
    for table in sorted(cassandra.cluster.metadata.keyspaces[keyspace].tables):
        parts = cassandra.query("SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = %s AND "
                                "table_name = %s", (keyspace, table))
        (table_id,), = cassandra.query("SELECT id FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s",
                                       (keyspace, table))
        key = {kind: [name for _, name in sorted((part.position, part.column_name) for part in parts if part.kind == kind)]
               for kind in ("partition_key", "clustering")}
        columns = ", ".join(f"{part.column_name} {part.type}" for part in parts)
        clustering = "".join(f", {name}" for name in key["clustering"])
        lines.append({"table": table, "create": f"({columns}, PRIMARY KEY (({', '.join(key['partition_key'])}){clustering})) "
                                                f"WITH ID = {table_id}"})
        rows = [json.loads(row[0]) for row in cassandra.query(f"SELECT JSON * FROM {keyspace}.{table}")]
        lines += sorted(({name: value for name, value in row.items() if value is not None} for row in rows), key=json.dumps)
    return "".join(json.dumps(line) + "\n" for line in lines)


def restore_cassandra(cassandra, text, keyspace):
    table = None
    for line in map(json.loads, text.splitlines()):
        if "create" in line:
            table = line["table"]
            cassandra.query(f"CREATE TABLE {keyspace}.{table} {line['create']}")
        else:
            cassandra.query(f"INSERT INTO {keyspace}.{table} JSON %s", (json.dumps(line),))


# --- files


def dump_files(folder):
    # Some bytes of theirs are no text.
    return json.dumps({str(path.relative_to(folder)): path.read_bytes().decode(errors="surrogateescape")
                       for path in sorted(folder.rglob("*")) if path.suffix in (".csv", ".ndjson")}, indent=0)


def restore_files(text, folder):
    for name, content in json.loads(text).items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(errors="surrogateescape"))
