"""Passwords and certificates of MySQL that change while the engine runs: the next connection uses what the files say now."""

import contextlib
import time

import pymysql

from conftest import SQL_PASSWORD

ROWS = 200


class Engine:
    """Counts a SQLite log into MySQL; what it says goes to a file."""

    def __init__(self, hirestream, mysql, folder, uri):
        self.hirestream, self.mysql, self.log = hirestream, mysql, folder / "log"
        self.source = f"sqlite:{folder}/raw.db"
        hirestream("generate", "--to", self.source, "--rows", ROWS)
        before = self.counted()
        with open(self.log, "w", encoding="utf-8") as file:
            self.process = hirestream.start("run", "--source", self.source, "--warehouse", uri, stdout=file, stderr=file)
        self.waits_for(lambda: self.counted() == before + ROWS)

    def said(self):
        return self.log.read_text()

    def counted(self):
        try:
            [(rows,)] = self.mysql.query(f"SELECT COALESCE(SUM(row_count), 0) FROM {self.mysql.database}.hirestream_slices")
        except pymysql.ProgrammingError:  # not made yet
            return 0
        return rows

    def waits_for(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def counts_on(self):
        before = self.counted()
        self.hirestream("generate", "--to", self.source, "--rows", ROWS, "--seed", before)
        self.waits_for(lambda: self.counted() == before + ROWS)

    def close(self):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0, self.said()


def cut_connections(mysql, user):
    for (number,) in mysql.query(f"SELECT id FROM information_schema.processlist WHERE user = '{user}'"):
        with contextlib.suppress(pymysql.OperationalError):  # it has ended meanwhile
            mysql.query(f"KILL {number}")


def test_a_password_that_changes_is_used_without_a_restart(hirestream, mysql, tmp_path):
    user, file = mysql.add_user("SSL"), tmp_path / "password"
    file.write_text(SQL_PASSWORD)
    with_file = type(hirestream)(hirestream.binary)
    del with_file.environment["HIRESTREAM_MYSQL_PASSWORD"]
    with_file.environment["HIRESTREAM_MYSQL_PASSWORD_FILE"] = str(file)
    with contextlib.closing(Engine(with_file, mysql, tmp_path, mysql.uri("tls=required", user=user))) as engine:
        mysql.query(f"ALTER USER {user} IDENTIFIED BY 'another-one'")
        cut_connections(mysql, user)
        # Not the engine's end: the file may be about to change.
        engine.waits_for(lambda: "Access denied" in engine.said())
        file.write_text("another-one\n")
        engine.counts_on()
    assert "another-one" not in engine.said()


def test_certificates_that_change_are_used_without_a_restart(hirestream, mysql, relay, authority, stranger, tmp_path):
    """Both sides': who signed the server's, and the client's own."""
    trusted, certificate, key = (tmp_path / name for name in ("ca.pem", "client.pem", "client.key"))

    def take(issuer):
        trusted.write_bytes(issuer.path.read_bytes())
        for target, source in zip((certificate, key), issuer.issue("client", server=False)):
            target.write_bytes(source.read_bytes())

    take(authority)
    way = relay((mysql.host, mysql.port), authority.issue("server", "127.0.0.1"), "mysql", client_ca=authority.path)
    files = f"tls=verify&tls_ca={trusted}&tls_cert={certificate}&tls_key={key}"
    with contextlib.closing(Engine(hirestream, mysql, tmp_path, mysql.uri(files, host="127.0.0.1", port=way.port))) as engine:
        way.show(stranger.issue("server", "127.0.0.1"), client_ca=stranger.path)
        engine.waits_for(lambda: "certificate" in engine.said())
        take(stranger)
        engine.counts_on()
