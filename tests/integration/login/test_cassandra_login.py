"""A Cassandra that asks for users and passwords: who may log in, what a role needs, and what is said when it is not enough."""

import re
import sqlite3
import subprocess
import uuid
from urllib.parse import urlsplit

import pytest

from conftest import ROWS, WRONG, count, counted_rows, wait_for


def test_the_password_of_the_environment_or_of_a_file(hirestream, administrator, raw_log, tmp_path):
    user, password = administrator.login
    said = count(hirestream, raw_log(user), tmp_path / "one.db", HIRESTREAM_CASSANDRA_PASSWORD=password)
    assert f"{ROWS} new rows" in said
    file = tmp_path / "password"
    file.write_text(password + "\n")
    file.chmod(0o600)
    said = count(hirestream, raw_log(user), tmp_path / "two.db", HIRESTREAM_CASSANDRA_PASSWORD_FILE=str(file))
    assert f"{ROWS} new rows" in said


@pytest.mark.parametrize("command", [["run", "--once", "--give-up-after", "1s"], ["verify"], ["doctor"]], ids=lambda words: words[0])
def test_a_wrong_password_names_user_and_where_it_comes_from(hirestream, administrator, raw_log, tmp_path, command):
    count(hirestream, raw_log(administrator.login[0]), tmp_path / "w.db", HIRESTREAM_CASSANDRA_PASSWORD=administrator.login[1])
    said = hirestream(*command, "--source", raw_log(administrator.login[0]), "--warehouse", f"sqlite:{tmp_path}/w.db",
                      expect=1 if command == ["doctor"] else 2, HIRESTREAM_CASSANDRA_PASSWORD=WRONG)
    for word in (administrator.place, "username cassandra", "0x0100", "password", "HIRESTREAM_CASSANDRA_PASSWORD"):
        assert word in said, said


def test_no_password_at_all(hirestream, administrator, raw_log, tmp_path):
    said = count(hirestream, raw_log("cassandra").replace("cassandra@", ""), tmp_path / "w.db", expect=2)
    assert "asks for a user and a password" in said and "HIRESTREAM_CASSANDRA_PASSWORD" in said, said


def test_what_init_prints_is_all_that_the_engine_needs(hirestream, administrator, roles, raw_log, tmp_path):
    (made, passwords), (admin, admin_password) = roles, administrator.login
    printed = hirestream("init", "--print", "--source", raw_log(admin), HIRESTREAM_CASSANDRA_PASSWORD=admin_password)
    script = printed.replace('"hirestream"', made["engine"]).replace("<password>", passwords["engine"])
    for statement in re.sub(r"--[^\n]*\n", "", script).split(";"):
        if statement.strip():
            administrator.execute(statement)
    own = {"HIRESTREAM_CASSANDRA_PASSWORD": passwords["engine"]}
    uri, warehouse = raw_log(made["engine"]), f"sqlite:{tmp_path}/w.db"
    assert f"{ROWS} new rows" in count(hirestream, uri, tmp_path / "w.db", **own)
    assert "no difference" in hirestream("verify", "--source", uri, "--warehouse", warehouse, **own)
    hirestream("doctor", "--source", uri, "--warehouse", warehouse, "--jobs", f"csv:{empty_jobs(tmp_path)}", **own)
    # It reads only.
    said = hirestream("generate", "--to", uri, "--rows", 10, expect=2, **own)
    assert "no MODIFY permission" in said and "init --print" in said, said


def empty_jobs(folder):
    path = folder / "jobs.csv"
    path.write_text("id,company_id\n")
    return path


def test_a_role_that_may_not_read_is_told_what_it_lacks(hirestream, roles, raw_log, tmp_path):
    made, passwords = roles
    own = {"HIRESTREAM_CASSANDRA_PASSWORD": passwords["nobody"]}
    said = count(hirestream, raw_log(made["nobody"]), tmp_path / "w.db", expect=2, **own)
    assert f"{made['nobody']} has no SELECT permission" in said and "init --print" in said, said
    said = hirestream("doctor", "--source", raw_log(made["nobody"]), "--warehouse", f"sqlite:{tmp_path}/w.db", expect=1, **own)
    assert f"{made['nobody']} has no SELECT permission" in said, said


def test_a_right_that_is_denied_for_a_while_is_waited_for(hirestream, administrator, raw_log, tmp_path):
    """What a node answers that cannot read its own system_auth. At a start it is final (see above), once it has worked it passes."""
    role, password = f"passing_{uuid.uuid4().hex[:10]}", uuid.uuid4().hex
    admin, admin_password = administrator.login
    keyspace = urlsplit(raw_log(admin)).path.split("/")[1]
    administrator.execute(f"CREATE ROLE {role} WITH PASSWORD = '{password}' AND LOGIN = true")
    administrator.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {role}")
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as file:
        engine = subprocess.Popen([hirestream.binary, "run", "--source", raw_log(role), "--warehouse", f"sqlite:{tmp_path}/w.db"],
                                  env=hirestream.environment | {"HIRESTREAM_CASSANDRA_PASSWORD": password}, stdout=file, stderr=file)
    try:
        wait_for(engine, lambda: counted_rows(tmp_path / "w.db") >= ROWS)
        administrator.execute(f"REVOKE SELECT ON KEYSPACE {keyspace} FROM {role}")
        wait_for(engine, lambda: log.read_text().count("has no SELECT permission") >= 3)
        administrator.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {role}")
        before = counted_rows(tmp_path / "w.db")
        hirestream("generate", "--to", raw_log(admin), "--rate", 20, "--seconds", 1, HIRESTREAM_CASSANDRA_PASSWORD=admin_password)
        wait_for(engine, lambda: counted_rows(tmp_path / "w.db") >= before + 10)
    finally:
        engine.terminate()
        code = engine.wait(timeout=60)
        administrator.execute(f"DROP ROLE {role}")
    said = log.read_text()
    assert code == 0, said
    # Operation, host and code.
    assert re.search(rf"read {keyspace}.tracking at {administrator.place}: .*server code 0x2100", said), said


@pytest.fixture
def reader(administrator, raw_log):
    """An ordinary user, whom guardrails bind: its name, its password."""
    role, password = f"reader_{uuid.uuid4().hex[:10]}", uuid.uuid4().hex
    keyspace = urlsplit(raw_log("")).path.split("/")[1]
    administrator.execute(f"CREATE ROLE {role} WITH PASSWORD = '{password}' AND LOGIN = true")
    administrator.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {role}")
    yield role, password
    administrator.execute(f"DROP ROLE {role}")


def held_slices(warehouse):
    with sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT SUM(slices_held) FROM hirestream_accounting").fetchone()[0]


@pytest.mark.parametrize("layout", ["plain", "bucketed"])
def test_guardrails_hold_a_slice_and_nothing_else(hirestream, administrator, reader, raw_log, tmp_path, layout):
    """Reads at ALL and ALLOW FILTERING are refused: of a row that is gone nothing is taken away, new rows are counted."""
    (admin, admin_password), (role, password) = administrator.login, reader
    table = f"{layout}_{uuid.uuid4().hex[:6]}"

    def of(user):
        return raw_log(user).replace("/tracking?", f"/{table}?")

    def generate(*options):
        hirestream("generate", "--to", of(admin), "--layout", layout, *options, HIRESTREAM_CASSANDRA_PASSWORD=admin_password)

    own, warehouse = {"HIRESTREAM_CASSANDRA_PASSWORD": password}, tmp_path / "w.db"
    both = ["--source", of(role), "--warehouse", f"sqlite:{warehouse}"]
    generate("--rows", 100, "--span", "1h")
    assert "100 new rows" in count(hirestream, of(role), warehouse, **own)
    keyspace = urlsplit(raw_log(admin)).path.split("/")[1]
    key = "create_time" if layout == "plain" else "bucket, shard, create_time"
    # With buckets the oldest one: slices that are still open are recounted at each start, and held.
    gone = min(administrator.execute(f"SELECT {key} FROM {keyspace}.{table}"))
    administrator.execute(f"DELETE FROM {keyspace}.{table} WHERE " + " AND ".join(f"{name} = %s" for name in gone._fields), tuple(gone))
    assert "1 slices would lose what was counted before" in hirestream("verify", "--repair", *both, expect=1, **own)
    generate("--rate", 50, "--seconds", 1)
    said = count(hirestream, of(role), warehouse, **own)
    assert counted_rows(warehouse) > 120, said
    assert held_slices(warehouse) == (1 if layout == "plain" else 0)
    said = hirestream("doctor", *both, expect=1 if layout == "plain" else 0, **own)
    assert "refuses reads at ALL" in said and "read again at EACH_QUORUM" in said, said
    assert ("every scan reads all of" in said) == (layout == "plain"), said


def test_a_level_that_is_refused_is_named(hirestream, reader, raw_log, tmp_path):
    role, password = reader
    said = count(hirestream, raw_log(role).replace("=ONE", "=ALL"), tmp_path / "w.db", expect=2, HIRESTREAM_CASSANDRA_PASSWORD=password)
    assert "ALL" in said and "guardrail" in said and "consistency=LOCAL_QUORUM" in said, said


def test_a_node_alone_is_read_where_it_was_found(hirestream, administrator, raw_log, tmp_path):
    """It advertises an address where nothing listens, as one in a container may."""
    advertised = administrator.execute("SELECT rpc_address FROM system.local").one()[0]
    assert advertised == "127.0.0.3" and advertised not in raw_log("")
    user, password = administrator.login
    count(hirestream, raw_log(user), tmp_path / "w.db", HIRESTREAM_CASSANDRA_PASSWORD=password)
    assert counted_rows(tmp_path / "w.db") >= ROWS


def test_scans_go_on_where_filtering_is_refused(hirestream, administrator, reader, raw_log, tmp_path):
    (admin, admin_password), (role, password) = administrator.login, reader

    def of(user):
        return raw_log(user).replace("/tracking?", "/scanned?")

    def generate(seed):
        hirestream("generate", "--to", of(admin), "--layout", "plain", "--rows", 50, "--seed", seed, "--span", "1h",
                   HIRESTREAM_CASSANDRA_PASSWORD=admin_password)

    generate(1)
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as file:
        engine = subprocess.Popen([hirestream.binary, "run", "--scan-interval", "100ms", "--source", of(role), "--warehouse", f"sqlite:{tmp_path}/w.db"],
                                  env=hirestream.environment | {"HIRESTREAM_CASSANDRA_PASSWORD": password}, stdout=file, stderr=file)
    try:
        wait_for(engine, lambda: counted_rows(tmp_path / "w.db") == 50)
        generate(2)
        wait_for(engine, lambda: counted_rows(tmp_path / "w.db") == 100)
    finally:
        engine.terminate()
        code = engine.wait(timeout=60)
    assert code == 0, log.read_text()
    assert "every scan reads all of it" in log.read_text(), log.read_text()
