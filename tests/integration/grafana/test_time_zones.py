"""Hours are shown where they belong, whatever the zones of server, session and reports are."""

import datetime
import zoneinfo

import pytest

import expected
import grafana
from conftest import Warehouse
from generator import generate
from grafana import ALL

SESSION_ZONES = ["+00:00", "+05:30", "-08:00"]
DIMENSIONS = ("company", "campaign", "group", "publisher", "job")
ROWS = 8_000
# Around the ends and beginnings of summer time, and zones far from UTC.
CASES = {
    "spring": ("Europe/Berlin", "2026-03-28 00:00:00", "2026-03-30 12:00:00"),
    "autumn": ("Europe/Berlin", "2026-10-24 00:00:00", "2026-10-26 12:00:00"),
    "west": ("America/Los_Angeles", "2026-06-01 00:00:00", "2026-06-03 00:00:00"),
    "no summer time": ("Asia/Tokyo", "2026-06-01 00:00:00", "2026-06-03 00:00:00"),
}


def epoch(text):
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp())


def run_series(connection, board, title, time_range, step="hour"):
    _, target = grafana.query_of(board, title)
    variables = [grafana.variable(board, dimension, ALL) for dimension in DIMENSIONS] + [grafana.variable(board, "step", step)]
    return grafana.run(connection, grafana.expand(target["rawSql"], variables, time_range, 60_000), target["format"]).records()


@pytest.fixture(scope="module", params=CASES)
def counted_twice(request, server, hirestream, make_database, tmp_path_factory):
    """The same raw rows in a warehouse that reports in UTC and one that reports in the case's zone."""
    zone, begin, end = CASES[request.param]
    folder = tmp_path_factory.mktemp("zones")
    utc = Warehouse(server, hirestream, make_database(), folder, (begin, end), rows=ROWS)
    local = Warehouse(server, hirestream, make_database(), folder, (begin, end), zone=zone, raw=utc.raw)
    boards = grafana.boards(generate(tmp_path_factory.mktemp("boards"), zone))
    return request.param, zone, utc, local, boards["campaign_performance"], (epoch(begin), epoch(end))


def merged_at_first_occurrence(records, zone):
    """UTC hours as a warehouse in another zone can know them: an hour that occurs twice is one cell."""
    found = {}
    for record in records:
        local = datetime.datetime.fromtimestamp(record["time"] / 1000, zone)
        first = int(local.replace(fold=0).timestamp()) * 1000
        assert local.minute == 0
        into = found.setdefault(first, {"time": first})
        for name, value in record.items():
            if name != "time":
                into[name] = into.get(name, 0) + value
    return [found[time] for time in sorted(found)]


@pytest.mark.parametrize("session", SESSION_ZONES)
def test_server_session_and_reporting_zone_do_not_move_hours(boards, counted_twice, server, session):
    case, zone, utc, local, board, (begin, end) = counted_twice
    with server.connect(zone=session) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@global.time_zone, @@system_time_zone, @@session.time_zone")
        print("server", cursor.fetchone(), "reports", zone)
    time_range = grafana.TimeRange(begin + 7 * 3600 + 123, end - 5 * 3600 - 45)
    for title in ("Conversions over Time", "Spend over Time", "Applications by Outcome"):
        with server.connect(utc.database, zone=session) as connection:
            in_utc = run_series(connection, boards["campaign_performance"], title, time_range)
        with server.connect(local.database, zone=session) as connection:
            in_zone = run_series(connection, board, title, time_range)
        assert len(in_utc) > 30
        difference = expected.difference(in_zone, merged_at_first_occurrence(in_utc, zoneinfo.ZoneInfo(zone)))
        assert difference is None, f"{case}, {title}: {difference}"


def test_hours_carry_their_civil_label(counted_twice, server):
    """What Grafana prints on the axis, in the board's zone, is what stands in the table."""
    _, zone, _, local, board, (begin, end) = counted_twice
    assert board["timezone"] == zone
    with server.connect(local.database) as connection:
        records = run_series(connection, board, "Spend over Time", grafana.TimeRange(begin - 86400, end + 86400))
    shown = [datetime.datetime.fromtimestamp(record["time"] / 1000, zoneinfo.ZoneInfo(zone)).strftime("%Y-%m-%d %H") for record in records]
    stored = sorted(
        {f"{row['dates']} {row['hours']:02}" for row in local.events if shown[0] <= f"{row['dates']} {row['hours']:02}" <= shown[-1]}
    )
    assert shown == stored


def test_days_begin_at_local_midnight(counted_twice, server):
    _, zone, _, local, board, (begin, end) = counted_twice
    with server.connect(local.database) as connection:
        records = run_series(connection, board, "Spend over Time", grafana.TimeRange(begin, end), "day")
    assert len(records) > 1
    for record in records:
        assert datetime.datetime.fromtimestamp(record["time"] / 1000, zoneinfo.ZoneInfo(zone)).hour == 0


@pytest.mark.parametrize("step", ["hour", "day"])
def test_summer_time_breaks_no_line(counted_twice, server, step):
    _, _, _, local, board, (begin, end) = counted_twice
    with server.connect(local.database) as connection:
        lines = run_series(connection, board, "Click-Through Rate", grafana.TimeRange(begin, end), step)
        bars = run_series(connection, board, "Spend over Time", grafana.TimeRange(begin, end), step)
    assert [point["time"] for point in lines] == [point["time"] for point in bars]


def test_every_query_gives_the_same_in_every_session_zone(boards, warehouse, server):
    time_range = grafana.TimeRange(epoch("2026-06-01 05:00:00"), epoch("2026-06-04 05:00:00"))
    job = str(max(warehouse.jobs))
    for board in (boards["campaign_performance"], boards["job_detail"]):
        models = [model["name"] for model in board["templating"]["list"]]
        for panel, target in grafana.queries(board):
            variables = [
                grafana.variable(board, name, {"step": "auto", "one_job": job}.get(name, ALL))
                for name in models
            ]
            answers = []
            for session in SESSION_ZONES:
                with server.connect(warehouse.database, zone=session) as connection:
                    answers.append(
                        grafana.run(connection, grafana.expand(target["rawSql"], variables, time_range, 60_000), target["format"])
                    )
            assert answers[0] == answers[1] == answers[2], panel["title"]
