"""A Cassandra and a MySQL of their own for the faults: other ports than the shared ones, small, and free to be killed.

Started by tests/support/services; HIRESTREAM_FAULTS_CASSANDRA_PORT (19142) and HIRESTREAM_FAULTS_MYSQL_PORT (13406) move them.
Cassandra syncs its commit log before it acknowledges: else kill -9 would take back rows that the writer's journal has as written.
"""

import errno
import os
import pathlib
import signal
import socket
import subprocess
import time

import pymysql

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "support" / "services"
PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
CASSANDRA_PORT = int(os.environ.get("HIRESTREAM_FAULTS_CASSANDRA_PORT", "19142"))
MYSQL_PORT = int(os.environ.get("HIRESTREAM_FAULTS_MYSQL_PORT", "13406"))
INSTANCES = {"cassandra": f"cassandra-*-{CASSANDRA_PORT}", "mysql": f"mysql-{MYSQL_PORT}"}


def services_folder():
    cache = os.environ.get("HIRESTREAM_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hirestream")
    return pathlib.Path(cache) / "services"


class Servers:
    cassandra = ("127.0.0.1", CASSANDRA_PORT)
    mysql = ("127.0.0.1", MYSQL_PORT)

    def __init__(self):
        self.environment = os.environ | {
            "HIRESTREAM_TEST_CASSANDRA_PORT": str(CASSANDRA_PORT), "HIRESTREAM_TEST_CASSANDRA_ADDRESS": "127.0.0.1",
            "HIRESTREAM_TEST_CASSANDRA_HEAP": os.environ.get("HIRESTREAM_FAULTS_CASSANDRA_HEAP", "512m"),
            "HIRESTREAM_TEST_CASSANDRA_COMMITLOG_SYNC": "batch", "HIRESTREAM_TEST_MYSQL_PORT": str(MYSQL_PORT)}
        for name in ("HIRESTREAM_TEST_CASSANDRA_STORAGE_PORT", "HIRESTREAM_TEST_CASSANDRA_JMX_PORT"):
            self.environment.pop(name, None)

    def script(self, name, command, check=True):
        done = subprocess.run([SCRIPTS / f"{name}.sh", command], env=self.environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0 or not check, f"{name}.sh {command}:\n{done.stdout}"
        return done.stdout.strip()

    def start(self):
        """From nothing: what an earlier run left behind is wiped."""
        for name in INSTANCES:
            self.script(name, "wipe")
            self.script(name, "start")
            assert self.pid(name), f"the {name} at this port is not ours, so it must not be killed"

    def wipe(self):
        for name in INSTANCES:
            if self.pid(name):
                self.resume(name)
            self.script(name, "wipe", check=False)

    def pid(self, name):
        files = list(services_folder().glob(f"{INSTANCES[name]}/pid"))
        return int(files[0].read_text()) if files else None

    def kill(self, name):
        """Returns when it is truly gone: a process killed may hold its port for a while."""
        os.kill(self.pid(name), signal.SIGKILL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(getattr(self, name)) == errno.ECONNREFUSED:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{name} still listens 30 s after kill -9")

    def restart(self, name):
        return self.script(name, "start")

    def pause(self, name):
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name):
        os.kill(self.pid(name), signal.SIGCONT)

    def sql(self, statement, database=None):
        connection = pymysql.connect(host=self.mysql[0], port=self.mysql[1], user="root", password=PASSWORD, database=database,
                                     autocommit=True, connect_timeout=10, read_timeout=30)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def versions(self):
        cassandra = next(iter(services_folder().glob(f"{INSTANCES['cassandra']}"))).name.split("-")[1]
        return {"Cassandra": cassandra, "MySQL": self.sql("SELECT VERSION()")[0][0]}
