"""What the end-to-end tests share: the binary, the servers, names of their own, and rows whose right result is known."""

import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import uuid
from urllib.parse import urlsplit

import pymysql
import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy

from proof import proof, pytest_addoption, pytest_runtest_logreport, pytest_runtest_protocol, pytest_terminal_summary  # noqa: F401
from oracle.recount import MysqlEvents, Recount, SqliteEvents, compare, read_accounting, read_companies

ROWS = int(os.environ.get("HIRESTREAM_E2E_ROWS", "200000"))
SQL_PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
FROM, SPAN = "2026-06-01 00:00:00", "12h"


class Hirestream:
    """Runs the binary; passwords of the test servers are in its environment."""

    def __init__(self, binary):
        self.binary = binary
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        self.environment |= {"HIRESTREAM_MYSQL_PASSWORD": SQL_PASSWORD, "NO_COLOR": "1"}

    def start(self, *arguments, environment=None, **options):
        return subprocess.Popen([self.binary, *map(str, arguments)], env=self.environment | (environment or {}),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def __call__(self, *arguments, expect=0, environment=None, timeout=900, **options):
        process = self.start(*arguments, environment=environment, **options)
        out, errors = process.communicate(timeout=timeout)
        assert process.returncode == expect, (
            f"hirestream {' '.join(map(str, arguments))}\nexit {process.returncode}, expected {expect}\n{out}\n{errors}")
        return out + errors


def stop(engine):
    """As a service manager does; it must end well."""
    engine.send_signal(signal.SIGTERM)
    out, errors = engine.communicate(timeout=60)
    assert engine.returncode == 0, out + errors


@pytest.fixture(scope="session")
def hirestream():
    binary = os.environ.get("HIRESTREAM_BINARY")
    assert binary, "HIRESTREAM_BINARY must name the program to test"
    return Hirestream(binary)


# --- servers


@dataclasses.dataclass
class SqlServer:
    host: str
    port: int
    user: str

    def connect(self, database=None, **options):
        return pymysql.connect(host=self.host, port=self.port, user=self.user, password=SQL_PASSWORD, database=database,
                               autocommit=True, **options)

    def execute(self, *statements):
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def uri(self, database):
        return f"mysql://{self.user}@{self.host}:{self.port}/{database}"

    def events(self, database):
        return MysqlEvents(f"mysql://{self.user}:{SQL_PASSWORD}@{self.host}:{self.port}/{database}")


def sql_server(variable, fallback):
    parts = urlsplit(os.environ.get(variable, fallback))
    server = SqlServer(parts.hostname, parts.port or 3306, parts.username or "root")
    try:
        server.execute("SELECT 1")
    except pymysql.err.OperationalError as error:
        pytest.fail(f"{variable} ({server.host}:{server.port}) cannot be used: {error}; `make services` starts the servers")
    return server


@pytest.fixture(scope="session")
def mysql():
    return sql_server("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306")


@pytest.fixture(scope="session")
def mariadb():
    return sql_server("HIRESTREAM_TEST_MARIADB", "mysql://root@127.0.0.1:3307")


def unique(prefix):
    return f"e2e_{prefix}_{uuid.uuid4().hex[:10]}"


@pytest.fixture
def mysql_database(mysql):
    yield from made_database(mysql)


@pytest.fixture
def mariadb_database(mariadb):
    yield from made_database(mariadb)


def made_database(server):
    name = unique("db")
    server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield name
    server.execute(f"DROP DATABASE {name}")


class Cassandra:
    def __init__(self):
        address = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "cassandra://127.0.0.1:9042").removeprefix("cassandra://")
        self.address = address
        host, _, port = address.partition(":")
        profile = ExecutionProfile(load_balancing_policy=DCAwareRoundRobinPolicy(), request_timeout=60)
        self.cluster = Cluster([host], port=int(port or 9042), protocol_version=4, connect_timeout=20,
                               execution_profiles={EXEC_PROFILE_DEFAULT: profile})
        self.session = self.cluster.connect()

    def uri(self, keyspace, table="tracking"):
        return f"cassandra://{self.address}/{keyspace}/{table}?consistency=ONE"

    def execute(self, *statements):
        for statement in statements:
            self.session.execute(statement)


@pytest.fixture(scope="session")
def cassandra():
    server = Cassandra()
    yield server
    server.cluster.shutdown()


def made_keyspace(cassandra):
    name = unique("ks")
    cassandra.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    yield name
    cassandra.execute(f"DROP KEYSPACE {name}")


@pytest.fixture
def keyspace(cassandra):
    yield from made_keyspace(cassandra)


@pytest.fixture(scope="session")
def shared_keyspace(cassandra):
    yield from made_keyspace(cassandra)


# --- rows whose right result is known


class Dataset:
    """The same rows for every raw log: seed and times decide. The journal of the first writing is what the oracle recounts."""

    def __init__(self, directory, hirestream, name, rows, *options, seed=7):
        self.arguments = ["--rows", rows, "--seed", seed, "--from", FROM, "--span", SPAN, *options]
        self.hirestream = hirestream
        self.directory = directory / name
        self.directory.mkdir()
        self.jobs = f"csv:{self.directory}/jobs.csv"
        self.journal = None
        self.recounts = {}

    def write(self, uri, *options):
        journal = self.directory / f"journal_{uuid.uuid4().hex}.csv"
        first = self.journal is None
        self.hirestream("generate", "--to", uri, "--journal", journal, *self.arguments, *options,
                        *(["--jobs-to", self.jobs] if first else []))
        if first:
            self.journal = journal
        else:
            assert digest(journal) == digest(self.journal), "the same seed and times must make the same rows"
            journal.unlink()
        return uri

    def recount(self, **options):
        key = tuple(sorted(options.items()))
        if key not in self.recounts:
            self.recounts[key] = Recount([str(self.journal)], **options)
        return self.recounts[key]

    def companies(self):
        return read_companies(self.jobs)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("e2e")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def dataset(directory, hirestream):
    """Bad values, repeated rows, event times in several notations; all of it fits native column types, too."""
    return Dataset(directory, hirestream, "dataset", ROWS, "--dirty", 0.01, "--duplicates", 0.01, "--mixed-timestamps", 0.05)


def assert_equal(recount, warehouse, companies=None):
    """`events` and the classes of rows are what the recount says."""
    differences = compare(recount, warehouse, companies)
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences[:20])
    assert read_accounting(warehouse) == recount.classes() | {"too_late": 0}
    assert recount.cells(), "an empty result proves nothing"
    proof.add(sum(recount.classes().values()), len(recount.cells()))


def sqlite_events(uri):
    return SqliteEvents(uri.removeprefix("sqlite:"))


def content(warehouse):
    """Every row of events with all its columns, updated_at too."""
    return sorted(warehouse.query("SELECT * FROM events"), key=repr)
