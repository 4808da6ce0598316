"""What the page asks for a month, on a large warehouse: whole days come from the daily roll-up, and every answer is in time.

HIRESTREAM_API_EVENTS: rows of `events`, in 180 days; 2000000 gives the numbers of docs/performance.md. Times are printed; they are held to a limit
only at that size, since the machine may be busy with other things.
"""

import contextlib
import os
import pathlib
import sqlite3
import sys
import time
import uuid

import pymysql
import pytest
from conftest import mysql_server, run, serving, sql

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "grafana"))
import large_events  # noqa: E402

ROWS = int(os.environ.get("HIRESTREAM_API_EVENTS", "60000"))
LIMIT_MS = 500
MONTH = "from=2026-05-30T12:00&to=2026-06-29T12:00"
WHERE = "(dates > '2026-05-30' OR (dates = '2026-05-30' AND hours >= 12)) AND (dates < '2026-06-29' OR (dates = '2026-06-29' AND hours < 12))"
QUESTIONS = [
    "/api/v1/meta",
    f"/api/v1/kpis?{MONTH}",
    f"/api/v1/series?{MONTH}&step=hour",
    f"/api/v1/series?{MONTH}&step=day&compare=previous",
    *(f"/api/v1/top/{dimension}?{MONTH}" for dimension in ("company", "campaign", "group", "publisher", "job")),
    f"/api/v1/top/job?{MONTH}&company=3,4",
    "/api/v1/names/publisher",
    "/api/v1/names/job?search=7",
    f"/api/v1/cells?{MONTH}&limit=100",
]


def fill_sqlite(path, rows):
    cells = max(1, rows // (large_events.DAYS * 24))
    first = (large_events.FIRST_DAY - large_events.FIRST_DAY.replace(year=1970)).days

    def row(day, hour, n):
        job = 1 + n // large_events.PUBLISHERS_OF_A_JOB
        dice = (n * 2654435761 + hour * 40503 + day * 97) >> 7
        return (first + day, hour, job, 1 + (n % large_events.PUBLISHERS_OF_A_JOB + hour) % 12, 1 + job % large_events.CAMPAIGNS,
                1 + job % large_events.GROUPS, 1 + job % large_events.COMPANIES, dice % 8, dice % 5, int(dice % 7 == 0), int(dice % 23 == 0),
                int(dice % 17 == 0), dice % 5 * 1_500_000, "files", 0)

    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO events_micros (days, hours, job_id, publisher_id, campaign_id, group_id, company_id, impressions, clicks, conversions, "
            "qualified, unqualified, bid_micros, sources, updated_at_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (row(day, hour, n) for day in range(large_events.DAYS) for hour in range(24) for n in range(cells)))
        connection.execute(
            "INSERT INTO hirestream_days SELECT days, job_id, publisher_id, campaign_id, group_id, MAX(company_id), SUM(impressions), SUM(clicks), "
            "SUM(conversions), SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM events_micros GROUP BY 1, 2, 3, 4, 5")


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def large(request, tmp_path_factory):
    """URI and a function that runs SQL."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("large") / "counts.db"
        run("init", "--warehouse", f"sqlite:{path}")
        fill_sqlite(path, ROWS)
        with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
            yield f"sqlite:{path}", lambda statement: connection.execute(statement).fetchall()
        return
    database = f"http_test_{uuid.uuid4().hex[:10]}"
    server = mysql_server()
    uri = f"mysql://{server['user']}@{server['host']}:{server['port']}/{database}"
    run("init", "--warehouse", uri)
    with contextlib.closing(pymysql.connect(**server, database=database, autocommit=True)) as connection:
        large_events.fill(connection, ROWS)
    yield uri, lambda statement: sql(statement, database=database)
    sql(f"DROP DATABASE {database}")


def test_a_month_is_answered_in_time(large):
    uri, query = large
    print(f"\n{uri.partition(':')[0]}, {ROWS} rows in 180 days; a month of them: bare count", end=" ")
    begin = time.perf_counter()
    query(f"SELECT COUNT(*) FROM events WHERE {WHERE}")
    print(f"{(time.perf_counter() - begin) * 1000:.0f} ms")
    for question in QUESTIONS:
        with serving(uri, "--http", "127.0.0.1:0") as server:  # each with nothing remembered
            server.json("/api/v1/health")
            begin = time.perf_counter()
            server.json(question)
            spent = (time.perf_counter() - begin) * 1000
        print(f"  {spent:6.0f} ms  {question}")
        assert ROWS < 2_000_000 or spent < LIMIT_MS, question


def test_a_month_is_the_sum_of_its_hours(large):
    uri, query = large
    row = query("SELECT SUM(impressions), SUM(clicks), SUM(conversion), SUM(qualified_application), SUM(disqualified_application), "
                f"SUM(spend_hour) FROM events WHERE {WHERE}")[0]
    with serving(uri, "--http", "127.0.0.1:0") as server:
        now = server.json(f"/api/v1/kpis?{MONTH}")["current"]
    assert [now[name] for name in ("impressions", "clicks", "conversions", "qualified", "unqualified")] == [int(value) for value in row[:5]]
    assert float(now["spend"]) == pytest.approx(float(row[5]), abs=1e-6)


def test_whole_days_come_from_the_roll_up(large):
    """Which shows when the roll-up is changed behind the program's back: a month differs, a part of a day does not."""
    uri, query = large
    part = "from=2026-06-10T03:00&to=2026-06-10T21:00"
    with serving(uri, "--http", "127.0.0.1:0") as server:
        before = [server.json(f"/api/v1/kpis?{hours}")["current"]["clicks"] for hours in (MONTH, part)]
    query("UPDATE hirestream_days SET clicks = clicks + 1")
    try:
        with serving(uri, "--http", "127.0.0.1:0") as server:
            after = [server.json(f"/api/v1/kpis?{hours}")["current"]["clicks"] for hours in (MONTH, part)]
    finally:
        query("UPDATE hirestream_days SET clicks = clicks - 1")
    assert after[0] > before[0] > 0
    assert after[1] == before[1] > 0
