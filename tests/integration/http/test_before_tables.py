"""A warehouse whose tables are not there yet, or not all of them: explained with 503 until the first run has made them."""

import subprocess
import uuid

from conftest import BINARY, Server, environment, mysql_server, run, serving, sql, write_rows

NO_TABLES = "urn:hirestream:problem:no-tables"
ROUTES = ("meta", "kpis", "series", "top/job", "names/job", "cells", "quality", "pipeline")


def expect_explained(server):
    for route in ROUTES:
        answer = server.get(f"/api/v1/{route}")
        assert answer.status_code == 503, f"{route}: {answer.status_code} {answer.text}"
        assert answer.headers["Content-Type"] == "application/problem+json" and int(answer.headers["Retry-After"]) > 0
        problem = answer.json()
        assert problem["type"] == NO_TABLES and "`hirestream run` creates them" in problem["detail"]
    health = server.get("/api/v1/health")
    assert health.status_code == 503 and health.json()["status"] == "unavailable"


def test_run_explains_itself_until_the_tables_are_there(bare, tmp_path):
    # The source never answers, so this engine creates nothing; another one does.
    process = subprocess.Popen(
        [BINARY, "run", "--source", "cassandra://127.0.0.1:1/logs/tracking", "--warehouse", bare.uri, "--http", "127.0.0.1:0"],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        line = ""
        while "page=" not in line:
            line = process.stderr.readline()
            assert line, "it ended without a page"
        server = Server(process, line.split("page=")[1].split()[0].strip('"').rstrip("/"))
        expect_explained(server)
        (tmp_path / "in").mkdir()
        write_rows(tmp_path / "in" / "first.csv", 0, 60)
        run("run", "--once", "--source", f"csv:{tmp_path / 'in'}", "--warehouse", bare.uri)
        assert server.json("/api/v1/kpis?from=2026-06-01T00:00&to=2026-06-02T00:00")["current"]["clicks"] > 0
        assert server.json("/api/v1/health")["status"] == "ok"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_dashboard_waits_for_the_tables(bare, tmp_path):
    """Whoever starts everything at once need not start the engine first."""
    if bare.uri.startswith("mysql"):
        sql(f"CREATE DATABASE {bare.uri.rsplit('/', 1)[1]}")
    else:
        bare.execute("CREATE TABLE something_else (a)")
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        expect_explained(server)
        (tmp_path / "in").mkdir()
        write_rows(tmp_path / "in" / "first.csv", 0, 60)
        run("run", "--once", "--source", f"csv:{tmp_path / 'in'}", "--warehouse", bare.uri)
        assert server.json("/api/v1/kpis?from=2026-06-01T00:00&to=2026-06-02T00:00")["current"]["clicks"] > 0


def test_tables_that_went_away_are_explained_and_found_again(bare, tmp_path):
    (tmp_path / "in").mkdir()
    write_rows(tmp_path / "in" / "first.csv", 0, 60)
    run("run", "--once", "--source", f"csv:{tmp_path / 'in'}", "--warehouse", bare.uri)
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        assert server.get("/api/v1/kpis").status_code == 200
        bare.execute("DROP TABLE hirestream_writers")
        expect_explained(server)
        assert server.get("/metrics").status_code == 200
        run("init", "--warehouse", bare.uri)
        assert server.get("/api/v1/kpis").status_code == 200


def test_a_half_made_warehouse_is_explained(bare):
    """What an init that was interrupted leaves: the first tables, not the last."""
    run("init", "--warehouse", bare.uri)
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        bare.execute("DROP VIEW hirestream_accounting")
        bare.execute("DROP TABLE hirestream_slices")
        answer = server.get("/api/v1/quality")
        assert answer.status_code == 503 and answer.json()["type"] == NO_TABLES, answer.text


def test_a_warehouse_without_minutes_has_none(bare):
    run("init", "--warehouse", bare.uri)
    bare.execute("DROP TABLE hirestream_minutes")
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        assert server.json("/api/v1/pipeline") == {"slices": [], "minutes": [], "mirrors": []}


def test_a_missing_privilege_is_no_missing_table(tmp_path):
    """An error that no run mends stays one; the log tells what to grant, the answer no account."""
    database = f"http_test_{uuid.uuid4().hex[:10]}"
    server = mysql_server()
    uri = f"mysql://{database}@{server['host']}:{server['port']}/{database}"
    sql(f"CREATE DATABASE {database}")
    sql(f"CREATE USER '{database}'@'%' IDENTIFIED BY 'pw-1'")
    try:
        run("init", "--warehouse", f"mysql://{server['user']}@{server['host']}:{server['port']}/{database}")
        for table in ("hirestream_writers", "hirestream_sources", "hirestream_meta"):
            sql(f"GRANT SELECT ON {database}.{table} TO '{database}'@'%'")
        with serving(uri, "--http", "127.0.0.1:0", HIRESTREAM_MYSQL_PASSWORD="pw-1") as started:
            answer = started.get("/api/v1/quality")
            assert answer.status_code == 500 and "the program's log says why" in answer.json()["detail"], answer.text
            assert database not in answer.text
            started.process.terminate()
            assert "grant" in started.process.stderr.read()
    finally:
        sql(f"DROP DATABASE {database}")
        sql(f"DROP USER '{database}'@'%'")
