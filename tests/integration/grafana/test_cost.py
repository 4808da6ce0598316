"""Queries over `events` use an index, cost in proportion to the range, and answer in time on a large table.

HIRESTREAM_GRAFANA_EVENTS: rows of the large table; 2000000 gives the numbers of integrations/grafana/README.md.
Times are those of the server's thread, since the machine may be busy with other things, and are compared with a bare count of the same rows;
the wall's are printed beside them.
"""

import datetime
import os

import pytest

import grafana
import large_events
from grafana import ALL
from server_cost import plan_of, rows_read, spent

ROWS = int(os.environ.get("HIRESTREAM_GRAFANA_EVENTS", "130000"))
COUNTS_OF_A_MONTH = 8
OTHER_WORK_MS = 30  # names, plans, results
REQUIRED_OF = 2_000_000  # rows of which a month must be answered
REQUIRED_MS = 500  # in less than this, panel by panel
TIMES = 5 if ROWS >= REQUIRED_OF else 3
END = int(datetime.datetime(2026, 6, 29, 12, tzinfo=datetime.UTC).timestamp())
DAY = 86400
SELECTIONS = {"all": {}, "one campaign": {"campaign": "7"}, "two companies": {"company": ["3", "4"]}}


@pytest.fixture(scope="module")
def large(server, warehouse, make_database):
    connection = server.connect(make_database())
    connection.rows_of_a_day, connection.rows_by_day_of_a_day = large_events.fill(connection, ROWS, warehouse.database)
    yield connection
    connection.close()


def statements(boards, days, selection):
    """(name, sql, format) of every panel and variable over `events`."""
    time_range = grafana.TimeRange(END - days * DAY, END)
    interval_ms = max(3600, days * DAY // 800) * 1000
    found = []
    for name in ("campaign_performance", "job_detail"):
        board = boards[name]
        values = {"step": "auto"} | ({"one_job": "5"} if name == "job_detail" else selection)
        variables = [grafana.variable(board, model["name"], values.get(model["name"], ALL)) for model in board["templating"]["list"]]
        for panel, target in grafana.queries(board):
            if "events e" in target["rawSql"]:
                found.append(
                    (
                        f"{board['title']}: {panel['title']}",
                        grafana.expand(target["rawSql"], variables, time_range, interval_ms),
                        target["format"],
                    )
                )
        for model in board["templating"]["list"]:
            if model["type"] == "query":
                found.append(
                    (
                        f"{board['title']}: variable {model['name']}",
                        grafana.expand(model["query"], variables, time_range, interval_ms),
                        "table",
                    )
                )
    return found


def steps_over_events(connection, sql):
    """Every query calls `events` and its roll-up e, but for subqueries of variables. An empty part of a range has no table."""
    return [step for step in plan_of(connection, sql) if step["table"] in ("e", "events")]


def without_index(steps):
    """The steps that read a whole table or index. "Using index for group-by" is a range, too: each value of a first column once."""

    def through_index(step):
        kind = step["type"].split("|")[0]  # MariaDB: "ref|filter" is an index and a second one that filters its rows
        return step["key"] and kind in ("range", "ref", "index_merge") and "(scanning)" not in (step["Extra"] or "")

    return [step for step in steps if not through_index(step)]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_events_is_read_through_an_index(boards, large, selection):
    for days in (1, 30):
        for name, sql, _ in statements(boards, days, SELECTIONS[selection]):
            steps = steps_over_events(large, sql)
            assert steps, f"{name} reads no table\n{sql}"
            assert without_index(steps) == [], f"{name}, {days} days\n{sql}"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT e.group_id, SUM(e.clicks) AS clicks FROM events e GROUP BY e.group_id",
        "SELECT SUM(r.clicks) AS clicks FROM (SELECT SUM(e.clicks) AS clicks FROM events e WHERE e.hours = 3) r",
        "SELECT SUM(e.clicks) AS clicks FROM events e WHERE DATE_ADD(e.dates, INTERVAL 1 DAY) > '2026-06-01'",
        "SELECT SUM(e.clicks) AS clicks FROM hirestream_days e WHERE e.publisher_id IN ('1')",
        "SELECT r.dates FROM (SELECT e.dates, COUNT(*) AS cells FROM events e GROUP BY e.dates UNION ALL "
        "SELECT e.dates, 1 FROM events e WHERE e.dates > '2026-06-28') r",
        "SELECT e.publisher_id AS __value FROM (SELECT DISTINCT publisher_id FROM events) e",
    ],
)
def test_the_plan_check_notices_what_reads_everything(large, sql):
    assert without_index(steps_over_events(large, sql))


@pytest.mark.parametrize("selection", SELECTIONS)
def test_rows_read_grow_with_the_range(boards, large, selection):
    day = large.rows_of_a_day
    names = 5 * (day // 24 // large_events.PUBLISHERS_OF_A_JOB + 1) + 100
    short = {name: rows_read(large, sql) for name, sql, _ in statements(boards, 1, SELECTIONS[selection])}
    of_month = statements(boards, 30, SELECTIONS[selection])
    month = {name: rows_read(large, sql) for name, sql, _ in of_month}
    by_day = large.rows_by_day_of_a_day
    assert by_day * 3 < day
    # Bounds are in rows of a day, not as a ratio: with a choice MySQL may take another index for a month than for a day.
    for name, read in short.items():
        # Two dates for a day from noon to noon, three more for the day before it; the rest are names.
        assert read <= 5 * day + names, f"{name}: {read} rows read for one day of {day}"
        assert month[name] <= 63 * day + names, f"{name}: {month[name]} rows read for 30 days of {day}"
        if selection == "all" and month[name] > 10 * day:
            assert 10 * read <= month[name], f"{name}: {read} rows for a day, {month[name]} for 30"
    assert max(month.values()) > 5 * day, "nothing was read"
    # Whole days come from the daily roll-up, in both of the key figures' ranges; the hours at both ends from `events`.
    rolled_up = {name for name, sql, _ in of_month if "hirestream_days" in sql and "e.hours\n" not in sql}
    assert len(rolled_up) > 5
    for name in rolled_up:
        # Grouping by another column than the index begins with looks each row's group up once more.
        assert month[name] <= 2 * months_read(name) * (30 * by_day + 2 * day) + names, f"{name}: {month[name]} rows read for 30 days"


def months_read(name):
    return 2 if name.endswith(": Impressions") else 1  # all key figures at once, and those of the month before


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_month_costs_little_more_than_counting_its_rows(boards, large, selection):
    first, last = (datetime.datetime.fromtimestamp(at, datetime.UTC).date() for at in (END - 30 * DAY, END))
    count, _ = spent(large, f"SELECT COUNT(*) AS n FROM events WHERE dates BETWEEN '{first}' AND '{last}'", "table", TIMES)
    times = [(*spent(large, sql, form, TIMES), name) for name, sql, form in statements(boards, 30, SELECTIONS[selection])]
    print(f"\n{ROWS} rows in 180 days, 30 days asked, {selection}: server's CPU, least wall time; a bare count {count:.0f} ms")
    for cpu, wall, name in sorted(times, reverse=True):
        print(f"  {cpu:6.0f} ms {wall:6.0f} ms  {name}")
    for cpu, _, name in times:
        assert 0 < cpu < COUNTS_OF_A_MONTH * months_read(name) * count + OTHER_WORK_MS, name
        if ROWS >= REQUIRED_OF:
            assert cpu < REQUIRED_MS, f"{name}: {cpu:.0f} ms"
