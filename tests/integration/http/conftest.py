"""What the tests of the HTTP server share: warehouses with known rows on SQLite and MySQL, and servers started on them."""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import time
import uuid
from urllib.parse import urlsplit

import pymysql
import pytest
import requests

SQL_PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
BINARY = os.environ.get("HIRESTREAM_BINARY")
ROWS = 3000
CSV_HEADER = "create_time,job_id,publisher_id,campaign_id,group_id,custom_track,ev,bid,ts\n"


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
    return kept | {"HIRESTREAM_MYSQL_PASSWORD": SQL_PASSWORD, "NO_COLOR": "1"} | more


def run(*arguments, expect=0, **more):
    done = subprocess.run([BINARY, *map(str, arguments)], env=environment(**more), capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, f"{arguments}: exit {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


class Warehouse:
    """A warehouse's URI, and SQL on it behind the program's back."""

    def __init__(self, uri, query):
        self.uri = uri
        self.query = query

    def sums(self, where="1 = 1"):
        row = self.query(
            "SELECT COALESCE(SUM(impressions), 0), COALESCE(SUM(clicks), 0), COALESCE(SUM(conversion), 0), "
            "COALESCE(SUM(qualified_application), 0), COALESCE(SUM(disqualified_application), 0), "
            f"COALESCE(SUM(spend_hour), 0) FROM events WHERE {where}")[0]
        return [*map(int, row[:5]), f"{float(row[5]):.6f}"]


def sqlite_warehouse(folder):
    path = folder / "counts.db"

    def query(sql):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql).fetchall()

    return Warehouse(f"sqlite:{path}", query)


def mysql_server():
    parts = urlsplit(os.environ.get("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"))
    return {"host": parts.hostname, "port": parts.port or 3306, "user": parts.username or "root", "password": SQL_PASSWORD}


def sql(statement, **options):
    with contextlib.closing(pymysql.connect(**mysql_server(), autocommit=True, **options)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def write_rows(path, first, count):
    """Clicks, page views and others of a few jobs over three days of June 2026; the same rows for the same numbers."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(CSV_HEADER)
        for i in range(first, first + count):
            track = ("click", "", "conversion", "qualified", "unqualified", "alive")[i % 6]
            hour, minute = i // 7 % 72, i % 60
            job = "" if i % 50 == 49 else i % 11 + 1
            bid = "abc" if i % 500 == 0 else f"{i % 9}.{i % 1000:03}"
            file.write(f"{uuid.uuid5(uuid.NAMESPACE_OID, str(i))},{job},{i % 4},{i % 5},{i % 3},{track},{1 if not track else ''},"
                       f"{bid},2026-06-{hour // 24 + 1:02} {hour % 24:02}:{minute:02}:00\n")


@pytest.fixture(scope="session", params=["sqlite", "mysql"])
def warehouse(request, tmp_path_factory):
    assert BINARY, "HIRESTREAM_BINARY must name the program to test"
    folder = tmp_path_factory.mktemp("http")
    database = f"http_test_{uuid.uuid4().hex[:10]}"
    if request.param == "sqlite":
        made = sqlite_warehouse(folder)
    else:
        server = mysql_server()
        made = Warehouse(f"mysql://{server['user']}@{server['host']}:{server['port']}/{database}", lambda text: sql(text, database=database))
    made.folder = folder
    (folder / "in").mkdir()
    write_rows(folder / "in" / "first.csv", 0, ROWS)
    (folder / "jobs.csv").write_text(
        "id,company_id,group_id,campaign_id,title,company_name,campaign_name,group_name\n"
        + "".join(f"{i},{i % 3 + 1},{i % 3},{i % 5},Job {i},Company {i % 3 + 1},Campaign {i % 5},Group {i % 3}\n" for i in range(1, 12)))
    made.count = lambda: run("run", "--once", "--source", f"csv:{folder / 'in'}", "--jobs", f"csv:{folder / 'jobs.csv'}", "--warehouse", made.uri)
    made.count()
    yield made
    if request.param == "mysql":
        sql(f"DROP DATABASE {database}")


class Bare:
    """Where a warehouse is to be; a statement on it behind the program's back."""

    def __init__(self, uri, execute):
        self.uri = uri
        self.execute = execute


@pytest.fixture(params=["sqlite", "mysql"])
def bare(request, tmp_path):
    if request.param == "sqlite":
        path = tmp_path / "counts.db"

        def execute(statement):
            with contextlib.closing(sqlite3.connect(path, timeout=20)) as connection, connection:
                connection.execute(statement)

        yield Bare(f"sqlite:{path}", execute)
        return
    database = f"http_test_{uuid.uuid4().hex[:10]}"
    server = mysql_server()
    yield Bare(f"mysql://{server['user']}@{server['host']}:{server['port']}/{database}", lambda statement: sql(statement, database=database))
    sql(f"DROP DATABASE IF EXISTS {database}")


class Server:
    """A running `hirestream dashboard` (or another command that serves)."""

    def __init__(self, process, url):
        self.process = process
        self.url = url

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=20, **options)

    def json(self, path, **options):
        answer = self.get(path, **options)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def stop(self, number=signal.SIGTERM):
        """Exit code and how long it took."""
        begin = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        return code, time.monotonic() - begin


def first_line(process, seconds=30):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    assert ready, f"said nothing for {seconds} s"
    return process.stdout.readline()


@contextlib.contextmanager
def serving(warehouse_uri, *arguments, before=None, **more):
    """`before` runs in the server's process before the program."""
    process = subprocess.Popen([BINARY, "--json", "dashboard", "--warehouse", warehouse_uri, *arguments], env=environment(**more),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before)
    try:
        line = first_line(process)
        assert line, process.stderr.read()
        yield Server(process, json.loads(line)["url"].rstrip("/"))
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def server(warehouse):
    with serving(warehouse.uri, "--http", "127.0.0.1:0", "--http-samples") as started:
        yield started
