"""What the tests share: a Cassandra that asks for a login, roles, a filled raw log, the program."""

import os
import pathlib
import re
import sqlite3
import subprocess
import time
import uuid
from urllib.parse import urlsplit

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

SERVICES = pathlib.Path(__file__).parents[2] / "support/services/services.sh"
ROWS = 500
WRONG = "not-the-password-7f3a"


def services(command):
    return subprocess.run([SERVICES, command, "cassandra-auth"], check=command != "status", text=True, stdout=subprocess.PIPE)


@pytest.fixture(scope="session")
def administrator():
    """A session of the administrator; the server runs as long as it."""
    ran_before = services("status").returncode == 0
    services("start")
    settings = dict(re.findall(r"export (\w+)=(\S+)", services("env").stdout))
    parts = urlsplit(settings["HIRESTREAM_TEST_CASSANDRA_AUTH"])
    password = settings["HIRESTREAM_TEST_CASSANDRA_AUTH_PASSWORD"]
    cluster = Cluster([parts.hostname], port=parts.port, protocol_version=4, connect_timeout=20,
                      auth_provider=PlainTextAuthProvider(parts.username, password))
    session = cluster.connect()
    session.default_timeout = 60
    session.login = (parts.username, password)
    session.place = f"{parts.hostname}:{parts.port}"
    session.keystore = (pathlib.Path(settings["HIRESTREAM_TEST_CASSANDRA_AUTH_KEYSTORE"]),
                        settings["HIRESTREAM_TEST_CASSANDRA_AUTH_KEYSTORE_PASSWORD"])
    yield session
    cluster.shutdown()
    if not ran_before:
        services("stop")


class Hirestream:
    """Runs the program; what it says must never hold a password."""

    def __init__(self, secrets):
        self.binary = os.environ["HIRESTREAM_BINARY"]
        self.secrets = secrets
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")} | {"NO_COLOR": "1"}

    def __call__(self, *arguments, expect=0, **environment):
        process = subprocess.run([self.binary, *map(str, arguments)], env=self.environment | environment, text=True, timeout=120,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.returncode == expect, f"{arguments}: exit {process.returncode}, expected {expect}\n{process.stdout}"
        for secret in self.secrets:
            assert secret not in process.stdout
        return process.stdout


@pytest.fixture(scope="session")
def roles(administrator):
    """The engine's role with exactly what `init --print` says, and one that may do nothing."""
    suffix = uuid.uuid4().hex[:10]
    made = {"engine": f"engine_{suffix}", "nobody": f"nobody_{suffix}"}
    passwords = {role: uuid.uuid4().hex for role in made}
    administrator.execute(f"CREATE ROLE {made['nobody']} WITH PASSWORD = '{passwords['nobody']}' AND LOGIN = true")
    yield made, passwords
    for role in made.values():
        administrator.execute(f"DROP ROLE IF EXISTS {role}")


@pytest.fixture(scope="session")
def hirestream(administrator, roles):
    return Hirestream([WRONG, *roles[1].values()])


@pytest.fixture(scope="session")
def raw_log(administrator, hirestream):
    """URI of a filled raw log for a user."""
    keyspace = f"login_{uuid.uuid4().hex[:10]}"
    uri = lambda user: f"cassandra://{user}@{administrator.place}/{keyspace}/tracking?consistency=ONE"
    user, password = administrator.login
    hirestream("init", "--source", uri(user), HIRESTREAM_CASSANDRA_PASSWORD=password)
    hirestream("generate", "--to", uri(user), "--rows", ROWS, HIRESTREAM_CASSANDRA_PASSWORD=password)
    yield uri
    administrator.execute(f"DROP KEYSPACE {keyspace}")


def count(hirestream, uri, warehouse, **options):
    return hirestream("run", "--once", "--give-up-after", "1s", "--source", uri, "--warehouse", f"sqlite:{warehouse}", **options)


def wait_for(engine, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert engine.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)


def counted_rows(warehouse):
    try:
        with sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT COALESCE(SUM(row_count), 0) FROM hirestream_slices").fetchone()[0]
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
