"""An empty database on SQLite, MySQL and MariaDB, with SQL on it, and the program."""

import os
import sqlite3
import subprocess
import uuid
from urllib.parse import urlsplit

import pymysql
import pytest

BINARY = os.environ.get("HIRESTREAM_BINARY")
SQL_PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
SERVERS = {"mysql": ("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"),
           "mariadb": ("HIRESTREAM_TEST_MARIADB", "mysql://root@127.0.0.1:3307")}


class Database:
    """`uri` for the program; `serial` declares a number that counts up by itself."""

    def __init__(self, kind, uri, connection):
        self.kind, self.uri, self.connection = kind, uri, connection
        self.serial = "id INTEGER PRIMARY KEY AUTOINCREMENT" if kind == "sqlite" else "id INT AUTO_INCREMENT PRIMARY KEY"

    def execute(self, *statements):
        for statement in statements:
            self.connection.cursor().execute(statement)
        self.connection.commit()

    def query(self, sql):
        cursor = self.connection.cursor()
        cursor.execute(sql)
        self.connection.commit()
        return [tuple(row) for row in cursor.fetchall()]

    def tables(self):
        return {name for (name,) in self.query("SELECT name FROM sqlite_schema" if self.kind == "sqlite" else "SHOW TABLES")}

    def run(self, *arguments, expect=0):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                              env=kept | {"HIRESTREAM_MYSQL_PASSWORD": SQL_PASSWORD, "NO_COLOR": "1"})
        assert done.returncode == expect, f"{arguments}: exit {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


def connect(kind):
    variable, usual = SERVERS[kind]
    parts = urlsplit(os.environ.get(variable, usual))
    # As any client of today: whatever the server's own character set and zone are.
    connection = pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=SQL_PASSWORD, charset="utf8mb4",
                                 init_command="SET SESSION sql_mode = '', wait_timeout = 600, time_zone = '+00:00', sql_select_limit = DEFAULT, "
                                              "sql_safe_updates = 0, sql_big_selects = 1, completion_type = NO_CHAIN")
    connection.query("SET NAMES utf8mb4")
    return connection, f"mysql://{parts.username}@{parts.hostname}:{parts.port}"


@pytest.fixture(params=["sqlite", "mysql", "mariadb"])
def database(request, tmp_path):
    if request.param == "sqlite":
        path = tmp_path / "etl.db"
        connection = sqlite3.connect(path)
        yield Database("sqlite", f"sqlite:{path}", connection)
        connection.close()
        return
    connection, server = connect(request.param)
    name = f"hirestream_existing_{uuid.uuid4().hex[:8]}"
    connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    connection.select_db(name)
    yield Database(request.param, f"{server}/{name}", connection)
    connection.cursor().execute(f"DROP DATABASE {name}")
    connection.close()
