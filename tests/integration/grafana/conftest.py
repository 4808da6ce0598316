"""Databases that the real program filled, and users with just the grants it prints."""

import contextlib
import csv
import os
import re
import secrets
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import expected  # noqa: E402
import grafana  # noqa: E402

ROWS = int(os.environ.get("HIRESTREAM_GRAFANA_ROWS", "50000"))
PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
SEED = 11


SERVERS = {"mysql": ("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"), "mariadb": ("HIRESTREAM_TEST_MARIADB", "mysql://root@127.0.0.1:3307")}


class Server:
    def __init__(self, kind):
        self.kind = kind
        self.variable, usual = SERVERS[kind]
        parts = urlsplit(os.environ.get(self.variable, usual))
        self.host, self.port, self.user = parts.hostname, parts.port or 3306, parts.username or "root"

    def connect(self, database=None, user=None, password=PASSWORD, zone="+00:00"):
        # As the plugin connects: this collation, the session's zone pinned.
        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=user or self.user,
            password=password,
            database=database,
            autocommit=True,
            charset="utf8mb4",
            collation="utf8mb4_unicode_ci",
            init_command=f"SET time_zone = '{zone}'",
        )
        connection.kind = self.kind
        return connection

    def uri(self, database):
        return f"mysql://{self.user}@{self.host}:{self.port}/{database}"


@pytest.fixture(scope="session", params=SERVERS)
def server(request):
    server = Server(request.param)
    try:
        server.connect().close()
    except pymysql.err.OperationalError as error:
        pytest.fail(f"{server.variable} ({server.host}:{server.port}) cannot be used: {error}; `make services` starts the servers")
    return server


class Program:
    def __init__(self, binary):
        self.binary = binary
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        self.environment |= {"HIRESTREAM_MYSQL_PASSWORD": PASSWORD, "NO_COLOR": "1"}

    def __call__(self, *arguments):
        command = [self.binary, *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"hirestream {' '.join(command[1:])}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def running(self, log, *arguments):
        """Started, and killed at the end."""
        with open(log, "a") as output:
            process = subprocess.Popen([self.binary, *map(str, arguments)], env=self.environment, stdout=output, stderr=output)
            try:
                yield process
            finally:
                process.kill()
                process.wait()


@pytest.fixture(scope="session")
def hirestream():
    binary = os.environ.get("HIRESTREAM_BINARY")
    assert binary, "HIRESTREAM_BINARY must name the program to test"
    return Program(binary)


@pytest.fixture(scope="session")
def make_database(server):
    names = []

    def make():
        names.append(f"t_grafana_{uuid.uuid4().hex[:10]}")
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {names[-1]} CHARACTER SET utf8mb4")
        return names[-1]

    yield make
    with server.connect() as connection, connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP DATABASE {name}")


class Warehouse:
    """A database with what `hirestream run` counted."""

    def __init__(self, server, hirestream, database, directory, span, zone="UTC", rows=ROWS, raw=None):
        self.server, self.database = server, database
        self.raw = raw or directory / "raw.db"
        jobs = self.raw.with_name("jobs.csv")
        if raw is None:
            hirestream(
                "generate",
                "--to",
                f"sqlite:{self.raw}",
                "--rows",
                rows,
                "--seed",
                SEED,
                "--from",
                span[0],
                "--to-time",
                span[1],
                "--dirty",
                "0.02",
                "--jobs-to",
                f"csv:{jobs}",
            )
            print(f"{rows} rows, seed {SEED}, {span[0]} to {span[1]}")
        hirestream("init", "--warehouse", server.uri(database))
        hirestream(
            "run",
            "--once",
            "--source",
            f"sqlite:{self.raw}",
            "--warehouse",
            server.uri(database),
            "--jobs",
            f"csv:{jobs}",
            "--timezone",
            zone,
        )
        self.connection = server.connect(database)
        self.events = self.table("events")
        with open(jobs.with_name("publishers.csv"), newline="", encoding="utf-8") as file:
            publishers = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
        self.jobs = expected.Directory({row["job_id"]: row for row in self.table("hirestream_jobs")}, publishers)
        assert len(self.events) > 100 and self.jobs and publishers

    def table(self, name):
        with self.connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"SELECT * FROM {name}")
            return list(cursor.fetchall())

    def execute(self, sql, *rows):
        with self.connection.cursor() as cursor:
            if rows:
                cursor.executemany(sql, rows)
            else:
                cursor.execute(sql)


@pytest.fixture(scope="session")
def warehouse(server, hirestream, make_database, tmp_path_factory):
    return Warehouse(server, hirestream, make_database(), tmp_path_factory.mktemp("utc"), ("2026-06-01 00:00:00", "2026-06-05 00:00:00"))


@pytest.fixture(scope="session")
def reader(server, hirestream, warehouse):
    """A connection with the grants that `hirestream init --print` names for dashboards, and no others."""
    name, password = f"t_grafana_{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    printed = hirestream("init", "--print", "--warehouse", server.uri(warehouse.database))
    grants = re.findall(r"^GRANT SELECT ON \S+ TO 'hirestream_reader'@'%'", printed, re.MULTILINE)
    assert grants
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'")
        try:
            for grant in grants:
                cursor.execute(grant.replace("'hirestream_reader'", f"'{name}'"))
            with server.connect(warehouse.database, name, password) as connection:
                yield connection
        finally:
            cursor.execute(f"DROP USER '{name}'@'%'")


@pytest.fixture(scope="session")
def boards():
    return grafana.boards()
