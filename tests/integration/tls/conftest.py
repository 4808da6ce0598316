"""What the TLS tests share: the binary, the servers behind relays, certificates."""

import contextlib
import os
import subprocess
import uuid
from urllib.parse import urlsplit

import pymysql
import pytest

from authority import authority, stranger  # noqa: F401
from tls_relay import TlsRelay

SQL_PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")


class Hirestream:
    def __init__(self, binary):
        self.binary = binary
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        self.environment = kept | {"HIRESTREAM_MYSQL_PASSWORD": SQL_PASSWORD, "NO_COLOR": "1"}

    def start(self, *arguments, **options):
        usual = {"env": self.environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([self.binary, *map(str, arguments)], **usual | options)

    def __call__(self, *arguments, expect=0):
        process = self.start(*arguments)
        out, errors = process.communicate(timeout=120)
        allowed = expect if isinstance(expect, tuple) else (expect,)
        assert process.returncode in allowed, f"{arguments}: exit {process.returncode}, expected {expect}\n{out}\n{errors}"
        return out + errors


@pytest.fixture(scope="session")
def hirestream():
    binary = os.environ.get("HIRESTREAM_BINARY")
    assert binary, "HIRESTREAM_BINARY must name the program to test"
    return Hirestream(binary)


def address_of(variable, fallback):
    parts = urlsplit(os.environ.get(variable, fallback))
    return parts.hostname, parts.port, parts.username or "root"


class SqlServer:
    def __init__(self, variable, fallback):
        self.host, self.port, self.user = address_of(variable, fallback)
        self.database = f"tls_{uuid.uuid4().hex[:10]}"
        self.users = []
        self.query(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4")

    def query(self, *statements):
        """Rows of the last statement."""
        with contextlib.closing(pymysql.connect(host=self.host, port=self.port, user=self.user, password=SQL_PASSWORD,
                                                autocommit=True)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def add_user(self, requirement):
        name = f"tls_{uuid.uuid4().hex[:10]}"
        self.users.append(name)
        self.query(f"CREATE USER {name} IDENTIFIED BY '{SQL_PASSWORD}' REQUIRE {requirement}",
                   f"GRANT ALL ON {self.database}.* TO {name}")
        return name

    def uri(self, options="", user=None, host=None, port=None):
        return f"mysql://{user or self.user}@{host or self.host}:{port or self.port}/{self.database}{options and '?'}{options}"

    def close(self):
        self.query(f"DROP DATABASE {self.database}", *(f"DROP USER {user}" for user in self.users))


@pytest.fixture(scope="module")
def mysql():
    with contextlib.closing(SqlServer("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306")) as server:
        yield server


@pytest.fixture(scope="module")
def mariadb():
    with contextlib.closing(SqlServer("HIRESTREAM_TEST_MARIADB", "mysql://root@127.0.0.1:3307")) as server:
        yield server


@pytest.fixture
def relay():
    """Starts relays; they end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(contextlib.closing(TlsRelay(*arguments, **options)))
