"""Board Pipeline health, the provisional region and the alert rules, over rows of which the right answer is known."""

import contextlib
import datetime
import json
import random
import sqlite3
import time
from urllib.parse import urlsplit

import pytest

import expected
import grafana
from generator import alert_rules

SEED = 5
MINUTE = 60
BEGIN = 1780390800  # 2026-06-02 09:00 UTC
RANGE = grafana.TimeRange(BEGIN, BEGIN + 3 * 3600)
OUTAGE = range(BEGIN + 61 * MINUTE, BEGIN + 73 * MINUTE)  # nothing was noted
MINUTE_COLUMNS = [
    "minute_us",
    "source_id",
    "new_rows",
    "rows_read",
    "requests",
    "commits",
    "commit_us_sum",
    "commit_us_max",
    "freshness_us_p50",
    "freshness_us_p95",
    "freshness_us_max",
    "slices_settled",
    "slices_corrected",
    "slices_audited",
    "conflicts",
    "retries",
    "rejected",
]
LIVE, FILE, IDLE = 1, 2, 3


def insert(connection, table, rows):
    with connection.cursor() as cursor:
        columns = list(rows[0])
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})", [tuple(row.values()) for row in rows]
        )


def execute(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def utc_now():
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def fingerprint(strategy):
    return json.dumps({"strategy": strategy, "bucket_width_s": "60", "timezone": "UTC", "attribution": "columns"})


def made_slice(source, shard, bucket, state, held, classes):
    counted, unattributed, other, rejected, too_late = classes
    return {
        "source_id": source,
        "shard": shard,
        "bucket": bucket,
        "name": b"",
        "tag": b"",
        "revision": 1,
        "state": state,
        "row_count": sum(classes),
        "row_hash": 0,
        "counted": counted,
        "unattributed": unattributed,
        "other_kinds": other,
        "rejected": rejected,
        "too_late": too_late,
        "settled_at_us": 0,
        "audited_at_us": 0,
        "held": held,
        "token": 0,
        "updated_at": "2026-06-02 09:00:00",
    }


FROZEN = 2  # no state of the ledger: such a slice is in the sums of its day


def frozen_day(piece):
    sums = {name: piece[name] for name in ("source_id", "shard", "row_count", "row_hash", "counted", "unattributed", "other_kinds", "rejected", "too_late")}
    return sums | {"day": piece["bucket"], "slices": 1}


def made_verification(source, at, **values):
    columns = ("rows_read", "slices_checked", "slices_different", "slices_repaired", "slices_held", "slices_damaged", "cells_checked", "cells_different")
    return {"source_id": source, "at_us": int(at * 1e6)} | dict.fromkeys(columns, 0) | values


def made_minute(dice, at, source, quiet):
    fresh = sorted(dice.randrange(1, 5_000_000) for _ in range(3)) if not quiet else [-1, -1, -1]
    values = [
        at * 1_000_000,
        source,
        0 if quiet else dice.randrange(1, 900),
        dice.randrange(0, 4000),
        5,
        0 if quiet else dice.randrange(1, 9),
        dice.randrange(0, 900_000),
        dice.randrange(0, 400_000),
        *fresh,
        *(dice.randrange(0, 9) for _ in range(6)),
    ]
    return dict(zip(MINUTE_COLUMNS, values))


class Pipeline:
    def __init__(self, connection):
        dice = random.Random(SEED)
        print("seed", SEED)
        self.connection = connection
        insert(
            connection,
            "hirestream_sources",
            [
                {"id": LIVE, "name": "logs.tracking", "kind": "cassandra", "fingerprint": fingerprint("tail")},
                {"id": FILE, "name": "old.csv", "kind": "csv", "fingerprint": fingerprint("files")},
                {"id": IDLE, "name": "other.tracking", "kind": "cassandra", "fingerprint": fingerprint("scan")},
            ],
        )
        self.minutes = [
            made_minute(dice, at, source, dice.random() < 0.2)
            for source in (LIVE, IDLE)
            for at in range(BEGIN - 30 * MINUTE, BEGIN + 200 * MINUTE, MINUTE)
            if at not in OUTAGE
        ]
        insert(connection, "hirestream_minutes", self.minutes)
        self.slices = [
            made_slice(
                source,
                dice.randrange(8),
                bucket,
                state := dice.choice((0, 1, 1, FROZEN)),
                int(dice.random() < 0.1 and state != FROZEN),
                [dice.randrange(0, 100) for _ in range(5)],
            )
            for source in (LIVE, FILE)
            for bucket in range(100)
        ]
        insert(connection, "hirestream_slices", [piece for piece in self.slices if piece["state"] != FROZEN])
        insert(connection, "hirestream_frozen_days", [frozen_day(piece) for piece in self.slices if piece["state"] == FROZEN])
        self.rejects = [
            {
                "source_id": dice.choice((LIVE, FILE)),
                "shard": 0,
                "bucket": index,
                "row_id": index.to_bytes(16, "big"),
                "revision": 1,
                "reason": dice.choice(("no_ts", "bad_bid")),
                "column_name": dice.choice(("ts", "bid")),
                "value": b"x",
                "row_json": b"{}",
                "first_seen_us": (BEGIN + dice.randrange(-3600, 4 * 3600)) * 1_000_000,
            }
            for index in range(300)
        ]
        insert(connection, "hirestream_rejects", self.rejects)
        self.kinds = [
            {
                "source_id": dice.choice((LIVE, FILE)),
                "shard": 0,
                "bucket": index,
                "frozen": 0,
                "class": dice.choice(("other", "unattributed")),
                "kind": f"kind {dice.randrange(15)}",
                "row_count": dice.randrange(1, 1000),
                "newest_us": (BEGIN + index) * 1_000_000,
                "newest": "",
            }
            for index in range(300)
        ]
        insert(connection, "hirestream_kinds", self.kinds)
        insert(
            connection,
            "hirestream_verifications",
            [
                made_verification(LIVE, BEGIN, rows_read=90, slices_different=3),
                made_verification(LIVE, BEGIN + 60, rows_read=100, slices_checked=9, cells_checked=70),
                made_verification(FILE, BEGIN + 30, rows_read=50, slices_checked=4, slices_damaged=1, cells_checked=20, cells_different=2),
            ],
        )
        self.written = utc_now() - datetime.timedelta(seconds=40)
        self.settled = {shard: (BEGIN + 3600) // 60 + shard for shard in range(3)}
        insert(
            connection,
            "hirestream_writers",
            [
                {
                    "source_id": LIVE,
                    "shard": shard,
                    "epoch": 4,
                    "owner": "engine",
                    "token": 0,
                    "settled_until": bucket,
                    "updated_at": self.written,
                }
                for shard, bucket in self.settled.items()
            ]
            + [
                {"source_id": FILE, "shard": 0, "epoch": 1, "owner": "engine", "token": 0, "settled_until": 12, "updated_at": self.written},
                {
                    "source_id": IDLE,
                    "shard": 0,
                    "epoch": 1,
                    "owner": "engine",
                    "token": 0,
                    "settled_until": None,
                    "updated_at": self.written,
                },
            ],
        )


@pytest.fixture(scope="module")
def pipeline(server, hirestream, make_database):
    name = make_database()
    hirestream("init", "--warehouse", server.uri(name))
    connection = server.connect(name)
    yield Pipeline(connection)
    connection.close()


SOURCES = {"all": (grafana.ALL, {LIVE, FILE, IDLE}), "one": (str(LIVE), {LIVE}), "two": ([str(LIVE), str(FILE)], {LIVE, FILE})}


def ask(pipeline, board, title, value, interval_ms=60_000):
    _, target = grafana.query_of(board, title)
    source = grafana.variable(board, "source", value)
    source.options = (str(LIVE), str(FILE), str(IDLE))
    return grafana.run(pipeline.connection, grafana.expand(target["rawSql"], [source], RANGE, interval_ms), target["format"]).records()


def minutes_by_step(pipeline, sources, step_s):
    steps = {}
    for minute in pipeline.minutes:
        at = minute["minute_us"] // 1_000_000
        if minute["source_id"] in sources and RANGE.begin <= at <= RANGE.end:
            steps.setdefault(at // step_s * step_s, []).append(minute)
    return sorted(steps.items())


def worst(minutes, column):
    values = [minute[column] for minute in minutes if minute[column] >= 0]
    return max(values) / 1e6 if values else None


def total(minutes, column):
    return sum(minute[column] for minute in minutes)


def ratio(above, below):
    return above / below if below else None


SERIES = {
    "Freshness": {
        "p50": lambda m: worst(m, "freshness_us_p50"),
        "p95": lambda m: worst(m, "freshness_us_p95"),
        "max": lambda m: worst(m, "freshness_us_max"),
    },
    "Rows": {"New rows": lambda m: total(m, "new_rows"), "Rows read": lambda m: total(m, "rows_read")},
    "Read amplification": {"Reads of a row": lambda m: ratio(total(m, "rows_read"), total(m, "new_rows"))},
    "Settled, audited, corrected": {
        "Settled": lambda m: total(m, "slices_settled"),
        "Audited": lambda m: total(m, "slices_audited"),
        "Corrected": lambda m: total(m, "slices_corrected"),
    },
    "Commit time": {
        "Mean": lambda m: ratio(total(m, "commit_us_sum") / 1e6, total(m, "commits")),
        "Slowest": lambda m: max(minute["commit_us_max"] for minute in m) / 1e6,
    },
    "Rejected rows": {"Rejected rows": lambda m: total(m, "rejected")},
    "Conflicts and retries": {"Conflicts": lambda m: total(m, "conflicts"), "Retries": lambda m: total(m, "retries")},
}
LINES = {"Freshness", "Read amplification", "Commit time"}
OTHERS = {"Rows by class (all time)", "Slices (all time)", "Rejects by reason", "Kinds not counted (all time)", "Shards", "Sources", "Verifications"}


def test_every_panel_is_recounted_here(boards):
    assert {panel["title"] for panel, _ in grafana.queries(boards["pipeline_health"])} == set(SERIES) | OTHERS


@pytest.mark.parametrize("chosen", SOURCES)
@pytest.mark.parametrize(("interval_ms", "step_s"), [(1000, 60), (60_000, 60), (300_000, 300), (90_000, 60)])
@pytest.mark.parametrize("title", SERIES)
def test_minutes_add_up(boards, pipeline, title, interval_ms, step_s, chosen):
    value, sources = SOURCES[chosen]
    wanted = [
        {"time": at * 1000, **{name: of(minutes) for name, of in SERIES[title].items()}}
        for at, minutes in minutes_by_step(pipeline, sources, step_s)
    ]
    if title in LINES:
        points, wanted = len(wanted), expected.broken_at_gaps(wanted, step_s)
        assert len(wanted) == points + 1, "one outage"
    got = ask(pipeline, boards["pipeline_health"], title, value, interval_ms)
    difference = expected.difference(
        [{name: value if value is None else round(float(value), 9) for name, value in row.items()} for row in got],
        [{name: value if value is None else round(float(value), 9) for name, value in row.items()} for row in wanted],
    )
    if title == "Commit time":  # DECIMAL: sums are divided to eight digits
        difference = next(
            (
                f"{left} instead of {right}"
                for left, right in zip(got, wanted, strict=True)
                for name in left
                if not near(left[name], right[name], 1e-6)
            ),
            None,
        )
    assert difference is None
    assert len(got) > 30


def near(left, right, tolerance):
    return left is None and right is None or abs(float(left) - float(right)) <= tolerance


@pytest.mark.parametrize("chosen", SOURCES)
def test_classes_and_slices_add_up(boards, pipeline, chosen):
    value, sources = SOURCES[chosen]
    mine = [piece for piece in pipeline.slices if piece["source_id"] in sources]
    row = ask(pipeline, boards["pipeline_health"], "Rows by class (all time)", value)[0]
    classes = {
        "Counted": "counted",
        "Unattributed": "unattributed",
        "Other kinds": "other_kinds",
        "Rejected": "rejected",
        "Too late": "too_late",
    }
    assert {name: int(row[name]) for name in classes} == {name: total(mine, column) for name, column in classes.items()}
    assert int(row["Read"]) == sum(int(row[name]) for name in classes) > 0
    assert float(row["Rejected share"]) == pytest.approx(int(row["Rejected"]) / int(row["Read"]))
    row = ask(pipeline, boards["pipeline_health"], "Slices (all time)", value)[0]
    assert {name: int(count) for name, count in row.items()} == {
        "Open": sum(piece["state"] == 0 for piece in mine),
        "Settled": sum(piece["state"] == 1 for piece in mine),
        "Frozen": sum(piece["state"] == FROZEN for piece in mine),
        "Held": total(mine, "held"),
    }


def test_rejects_of_the_range_by_reason(boards, pipeline):
    got = ask(pipeline, boards["pipeline_health"], "Rejects by reason", str(LIVE))
    groups = {}
    for row in pipeline.rejects:
        if row["source_id"] == LIVE and RANGE.begin <= row["first_seen_us"] // 1_000_000 <= RANGE.end:
            groups.setdefault((row["reason"], row["column_name"]), []).append(row["first_seen_us"] // 1000)
    assert {(row["Reason"], row["Column"]): (row["Rows kept"], row["Newest"]) for row in got} == {
        key: (len(times), max(times)) for key, times in groups.items()
    }
    assert [row["Rows kept"] for row in got] == sorted((row["Rows kept"] for row in got), reverse=True)


def test_kinds_not_counted_are_the_most_frequent(boards, pipeline):
    got = ask(pipeline, boards["pipeline_health"], "Kinds not counted (all time)", str(LIVE))
    sums = {}
    for row in pipeline.kinds:
        if row["source_id"] == LIVE:
            rows, newest = sums.get((row["class"], row["kind"]), (0, 0))
            sums[row["class"], row["kind"]] = rows + row["row_count"], max(newest, row["newest_us"] // 1000)
    assert len(sums) > 20
    expected = sorted(sums.items(), key=lambda item: (-item[1][0], item[0][1], item[0][0]))[:20]
    assert [((row["Class"], row["Kind"]), (int(row["Rows"]), row["Newest"])) for row in got] == expected


def test_shards_say_how_far_they_are(boards, pipeline):
    rows = ask(pipeline, boards["pipeline_health"], "Shards", grafana.ALL)
    live = {row["Shard"]: row for row in rows if row["Source"] == "logs.tracking"}
    assert {shard: row["Settled until"] for shard, row in live.items()} == {
        shard: bucket * 60_000 for shard, bucket in pipeline.settled.items()
    }
    now = time.time()
    for shard, row in live.items():
        assert abs(row["Behind now"] - (now - pipeline.settled[shard] * 60)) < 30
        assert 35 <= row["Last commit"] < 600
    # Slices of files are not times, and nothing is settled there.
    assert all(row["Settled until"] is None and row["Behind now"] is None for row in rows if row["Source"] != "logs.tracking")


def test_sources_show_what_their_numbers_mean(boards, pipeline):
    rows = {row["Source"]: row for row in ask(pipeline, boards["pipeline_health"], "Sources", grafana.ALL)}
    assert rows["logs.tracking"]["Strategy"] == "tail" and rows["logs.tracking"]["Reporting time zone"] == "UTC"
    mine = [piece for piece in pipeline.slices if piece["source_id"] == FILE]
    assert int(rows["old.csv"]["Counted"]) == total(mine, "counted")
    assert set(rows) == {"logs.tracking", "old.csv", "other.tracking"}


def test_verifications_show_the_last_of_each_source(boards, pipeline):
    rows = {row["Source"]: row for row in ask(pipeline, boards["pipeline_health"], "Verifications", grafana.ALL)}
    live = {"Source": "logs.tracking", "Verified": (BEGIN + 60) * 1000, "Differences": 0, "Rows read": 100, "Slices": 9, "Cells": 70}
    file = {"Source": "old.csv", "Verified": (BEGIN + 30) * 1000, "Differences": 3, "Rows read": 50, "Slices": 4, "Cells": 20}
    assert rows["logs.tracking"] == live | {"Held": 0} and rows["old.csv"] == file | {"Held": 0}
    # Never verified is said, not left out.
    assert rows["other.tracking"]["Verified"] is None and rows["other.tracking"]["Differences"] is None
    assert [row["Source"] for row in ask(pipeline, boards["pipeline_health"], "Verifications", str(LIVE))] == ["logs.tracking"]


def test_source_variable_lists_all_sources(boards, pipeline):
    model = boards["pipeline_health"]["templating"]["list"][0]
    rows = grafana.run(pipeline.connection, grafana.expand(model["query"], [], RANGE, 1), "table").rows
    assert rows == [["logs.tracking", LIVE], ["old.csv", FILE], ["other.tracking", IDLE]]


@pytest.mark.parametrize("board", ["campaign_performance", "job_detail"])
def test_provisional_region_begins_where_the_slowest_shard_is_settled(boards, pipeline, board):
    (annotation,) = boards[board]["annotations"]["list"]

    def regions(time_range):
        return grafana.run(pipeline.connection, grafana.expand(annotation["target"]["rawSql"], [], time_range, 1), "table").records()

    (region,) = regions(RANGE)
    assert region["time"] == min(pipeline.settled.values()) * 60_000
    assert abs(region["timeend"] / 1000 - time.time()) < 30
    assert "logs.tracking" in region["text"]
    assert annotation["mappings"]["timeEnd"]["value"] == "timeend"
    assert regions(grafana.TimeRange(BEGIN - 7200, BEGIN - 3600)) == []


# --- alert rules: each is made to fire, and is silent before


def firing(connection, uid):
    """Labels of the instances above (or below) the threshold."""
    rule = alert_rules()[uid]
    query, threshold = rule["data"]
    answer = grafana.run(connection, query["model"]["rawSql"], query["model"]["format"])
    numbers = [index for index, name in enumerate(answer.types) if name not in grafana.TEXT]
    assert len(numbers) == 1, "an alert's table has exactly one column of numbers; the others are labels"
    condition = threshold["model"]["conditions"][0]["evaluator"]
    found = []
    for row in answer.rows:
        value = row[numbers[0]]
        above = value is not None and (value > condition["params"][0] if condition["type"] == "gt" else value < condition["params"][0])
        if above:
            found.append(next(text for index, text in enumerate(row) if index != numbers[0]))
    return found


@pytest.fixture(scope="module")
def emptied(server, hirestream, make_database):
    name = make_database()
    hirestream("init", "--warehouse", server.uri(name))
    connection = server.connect(name)
    yield connection
    connection.close()


@pytest.fixture
def quiet(emptied):
    """Two sources and nothing to complain of."""
    for table in ("events", "sources", "minutes", "writers", "slices", "jobs", "verifications"):
        execute(emptied, f"DELETE FROM {table if table == 'events' else 'hirestream_' + table}")
    insert(
        emptied,
        "hirestream_sources",
        [
            {"id": LIVE, "name": "logs.tracking", "kind": "cassandra", "fingerprint": fingerprint("tail")},
            {"id": FILE, "name": "old.csv", "kind": "csv", "fingerprint": fingerprint("files")},
        ],
    )
    return emptied


def report(connection, seconds_ago, source=LIVE, **values):
    row = dict.fromkeys(MINUTE_COLUMNS, 0) | {"freshness_us_p50": 200_000, "freshness_us_p95": 400_000, "freshness_us_max": 900_000}
    row |= {"minute_us": int(time.time() - seconds_ago) // 60 * 60_000_000, "source_id": source, "requests": 5} | values
    insert(connection, "hirestream_minutes", [row])


def spend(connection, hours_ago, company, amount):
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours_ago)
    insert(
        connection,
        "events",
        [
            {
                "job_id": company,
                "dates": at.date(),
                "hours": at.hour,
                "publisher_id": 1,
                "company_id": company,
                "campaign_id": 1,
                "group_id": 1,
                "clicks": 1,
                "spend_hour": amount,
                "updated_at": at.replace(tzinfo=None),
            }
        ],
    )


def test_every_rule_is_answered_with_the_readers_grants(reader):
    for uid in alert_rules():
        firing(reader, uid)


def commit(connection, shard, seconds_ago, source=LIVE):
    row = {"source_id": source, "shard": shard, "epoch": 1, "owner": "engine", "token": 0, "settled_until": 1}
    insert(connection, "hirestream_writers", [row | {"updated_at": utc_now() - datetime.timedelta(seconds=seconds_ago)}])


STALE = ["logs.tracking"]
NOTHING_NEW = {"freshness_us_p50": -1, "freshness_us_p95": -1, "freshness_us_max": -1}


def test_stale_is_silent_of_what_does_not_move(quiet):
    report(quiet, 86_400, source=FILE)
    assert firing(quiet, "hirestream-stale") == [], "a file, and a source of which no engine has ever reported"


def test_stale_is_silent_while_an_idle_engine_reads(quiet):
    report(quiet, 20_000, new_rows=900, rows_read=4000, commits=9)
    for minute in range(1, 300):
        report(quiet, 60 * minute, requests=240, **NOTHING_NEW)
    assert firing(quiet, "hirestream-stale") == []


def test_stale_fires_when_the_engine_is_dead(quiet):
    for seconds_ago in (420, 480, 540):
        report(quiet, seconds_ago, new_rows=900, rows_read=4000, commits=9)
    assert firing(quiet, "hirestream-stale") == STALE


def test_stale_fires_when_the_source_is_unreachable(quiet):
    report(quiet, 60, requests=0, retries=4, **NOTHING_NEW)
    assert firing(quiet, "hirestream-stale") == [], "a minute"
    report(quiet, 420, requests=0, retries=4, **NOTHING_NEW)
    assert firing(quiet, "hirestream-stale") == STALE, "never reached"
    report(quiet, 180)
    assert firing(quiet, "hirestream-stale") == [], "three minutes"
    execute(quiet, "DELETE FROM hirestream_minutes WHERE requests > 0")
    report(quiet, 900)
    assert firing(quiet, "hirestream-stale") == STALE, "reached before"


def test_stale_fires_when_the_engine_of_one_shard_is_dead(quiet):
    report(quiet, 0)
    commit(quiet, 0, 50)
    commit(quiet, 1, 200)
    assert firing(quiet, "hirestream-stale") == []
    execute(quiet, "UPDATE hirestream_writers SET updated_at = updated_at - INTERVAL 200 SECOND WHERE shard = 1")
    assert firing(quiet, "hirestream-stale") == STALE
    # A bucket of an hour is committed once an hour; an idle scan commits nothing.
    for change in (("bucket_width_s", "60", "3600"), ("strategy", "tail", "scan")):
        name, old, new = change
        execute(quiet, f"UPDATE hirestream_sources SET fingerprint = JSON_SET(fingerprint, '$.{name}', '{new}') WHERE id = {LIVE}")
        assert firing(quiet, "hirestream-stale") == [], change
        execute(quiet, f"UPDATE hirestream_sources SET fingerprint = JSON_SET(fingerprint, '$.{name}', '{old}') WHERE id = {LIVE}")
    assert firing(quiet, "hirestream-stale") == STALE


@pytest.mark.parametrize("strategy", ["tail", "scan"])
@pytest.mark.parametrize("retries", [5, 1], ids=["row_locked", "table_locked"])
def test_stale_fires_when_commits_are_refused(quiet, strategy, retries):
    """Five attempts of 10 s each while a row is locked, of half a minute each while the table is: fewer than that nobody tells."""
    execute(quiet, f"UPDATE hirestream_sources SET fingerprint = '{fingerprint(strategy)}' WHERE id = {LIVE}")
    report(quiet, 600, new_rows=900, rows_read=4000, commits=9)
    for seconds_ago in (60, 120, 180, 240):
        report(quiet, seconds_ago, rows_read=4000, retries=retries, **NOTHING_NEW)
    assert firing(quiet, "hirestream-stale") == STALE
    execute(quiet, "UPDATE hirestream_minutes SET retries = 0 ORDER BY minute_us DESC LIMIT 2")
    assert firing(quiet, "hirestream-stale") == [], "nothing to commit, and a source that did not answer once or twice"
    execute(quiet, "UPDATE hirestream_minutes SET retries = 0")
    assert firing(quiet, "hirestream-stale") == [], "idle"
    execute(quiet, "UPDATE hirestream_minutes SET retries = 6")
    execute(quiet, "UPDATE hirestream_minutes SET commits = 1 ORDER BY minute_us DESC LIMIT 1")
    assert firing(quiet, "hirestream-stale") == [], "committed since"


def wait_until(connection, sql, process):
    """Until the query finds a row; the engine notes its minutes every five seconds."""
    deadline = time.monotonic() + 60
    while not execute(connection, sql):
        assert process.poll() is None, f"the engine has ended with {process.returncode}"
        assert time.monotonic() < deadline, sql
        time.sleep(0.2)


def an_hour_passes(connection):
    execute(connection, "UPDATE hirestream_minutes SET minute_us = minute_us - 3600000000 ORDER BY minute_us")


RECENT = "SELECT 1 FROM hirestream_minutes WHERE minute_us > (UNIX_TIMESTAMP() - 600) * 1000000 AND "


@pytest.mark.parametrize("server", ["mysql"], indirect=True, scope="session")
def test_stale_follows_a_real_engine(server, hirestream, make_database, tmp_path):
    """No rows, no engine, no source, all well again; the hours between are made by moving what was noted back in time."""
    warehouse, raw = server.uri(make_database()), tmp_path / "raw.db"
    hirestream("generate", "--to", f"sqlite:{raw}", "--rows", 100, "--seed", SEED, "--from", "2026-06-01", "--to-time", "2026-06-02")
    source = sqlite3.connect(raw, isolation_level=None)
    source.execute("PRAGMA journal_mode = DELETE")  # so that a lock keeps readers out, too
    run = (tmp_path / "log", "run", "--source", f"sqlite:{raw}", "--warehouse", warehouse)
    with contextlib.closing(source), contextlib.closing(server.connect(urlsplit(warehouse).path[1:])) as connection:
        hirestream("init", "--warehouse", warehouse)
        with hirestream.running(*run) as engine:
            wait_until(connection, RECENT + "new_rows = 100", engine)
            an_hour_passes(connection)
            wait_until(connection, RECENT + "new_rows = 0 AND requests > 0", engine)
            assert firing(connection, "hirestream-stale") == [], "idle"
        an_hour_passes(connection)
        assert firing(connection, "hirestream-stale") == [f"sqlite:{raw}"], "dead"
        source.execute("BEGIN EXCLUSIVE")
        with hirestream.running(*run) as engine:
            wait_until(connection, RECENT + "retries > 0", engine)
            assert firing(connection, "hirestream-stale") == [f"sqlite:{raw}"], "running, the source unreachable"
            source.execute("ROLLBACK")
            wait_until(connection, RECENT + "requests > 0", engine)
            assert firing(connection, "hirestream-stale") == [], "reachable again"


def test_freshness_fires_when_late(quiet):
    report(quiet, 60)
    report(quiet, 3600, freshness_us_p95=90_000_000)
    assert firing(quiet, "hirestream-freshness") == []
    report(quiet, 130, freshness_us_p95=45_000_000)
    assert firing(quiet, "hirestream-freshness") == ["logs.tracking"]


@pytest.mark.parametrize(
    ("new_rows", "rejected", "seconds_ago", "fires"),
    [(5000, 40, 30, False), (5000, 60, 30, True), (50, 9, 30, False), (50, 10, 30, True), (0, 10, 30, True), (5000, 60, 2000, False)],
)
def test_rejects_fire_by_share_of_the_new_rows(quiet, new_rows, rejected, seconds_ago, fires):
    report(quiet, seconds_ago, new_rows=new_rows // 2, rejected=rejected // 2)
    report(quiet, seconds_ago + 120, new_rows=new_rows - new_rows // 2, rejected=rejected - rejected // 2)
    assert firing(quiet, "hirestream-rejects") == (["logs.tracking"] if fires else [])


@pytest.mark.parametrize("server", ["mysql"], indirect=True, scope="session")
def test_rejects_fire_for_what_a_real_engine_rejects(server, hirestream, make_database, tmp_path):
    """More than hirestream_rejects keeps; and not again for what a second run only reads."""
    warehouse, raw = server.uri(make_database()), tmp_path / "raw.db"
    hirestream(*("generate", "--to", f"sqlite:{raw}", "--rows", 30_000, "--seed", SEED, "--dirty", 0.5))
    run = ("run", "--once", "--source", f"sqlite:{raw}", "--warehouse", warehouse)
    hirestream(*run)
    with contextlib.closing(server.connect(urlsplit(warehouse).path[1:])) as connection:
        ((rejected,),) = execute(connection, "SELECT SUM(rejected) FROM hirestream_slices")
        assert execute(connection, "SELECT SUM(rejected) FROM hirestream_minutes") == ((rejected,),)
        ((kept,),) = execute(connection, "SELECT COUNT(*) FROM hirestream_rejects")
        assert 1000 < rejected, "nothing to see"
        print(f"seed {SEED}: {rejected} rejected, {kept} kept")
        assert firing(connection, "hirestream-rejects") == [f"sqlite:{raw}"]
        hirestream(*run)
        assert execute(connection, "SELECT SUM(rejected) FROM hirestream_minutes") == ((rejected,),)


def test_held_fires_with_the_first_slice(quiet):
    insert(quiet, "hirestream_slices", [made_slice(LIVE, 0, 1, 1, 0, [1, 0, 0, 0, 0])])
    assert firing(quiet, "hirestream-held") == []
    insert(quiet, "hirestream_slices", [made_slice(LIVE, 0, 2, 1, 1, [1, 0, 0, 0, 0])])
    assert firing(quiet, "hirestream-held") == ["logs.tracking"]


@pytest.mark.parametrize("column", ["slices_different", "slices_damaged", "cells_different"])
def test_verification_difference_fires_until_a_verify_finds_none(quiet, column):
    now = time.time()
    insert(quiet, "hirestream_verifications", [made_verification(FILE, now - 900), made_verification(LIVE, now - 800)])
    assert firing(quiet, "hirestream-verify") == []
    insert(quiet, "hirestream_verifications", [made_verification(LIVE, now - 700, **{column: 1})])
    assert firing(quiet, "hirestream-verify") == ["logs.tracking"]
    insert(quiet, "hirestream_verifications", [made_verification(LIVE, now - 600, slices_repaired=1)])
    assert firing(quiet, "hirestream-verify") == []


@pytest.mark.parametrize(("recounts", "corrected", "fires"), [(100, 10, False), (100, 30, True), (10, 9, False)])
def test_corrections_fire_by_share_of_enough_recounts(quiet, recounts, corrected, fires):
    report(quiet, 600, slices_settled=recounts // 2, slices_audited=recounts - recounts // 2, slices_corrected=corrected)
    assert firing(quiet, "hirestream-corrected") == (["logs.tracking"] if fires else [])


@pytest.fixture
def early_in_the_hour():
    if time.time() % 3600 > 3570:
        time.sleep(40)  # the hour must not change between the test and the query


def test_spend_jump_compares_with_the_same_hour_of_the_week_before(quiet, early_in_the_hour):
    for company in (1, 2, 3):
        for day in range(1, 8):
            spend(quiet, 24 * day, company, 20)
        spend(quiet, 24 * 8, company, 100_000)  # out of the week
        spend(quiet, 24 + 3, company, 100_000)  # another hour
    spend(quiet, 0, 1, 59)
    spend(quiet, 0, 2, 61)
    spend(quiet, 0, 4, 5000)  # new: nothing to compare with
    assert firing(quiet, "hirestream-spend-jump") == ["Company 2"]


def test_spend_jump_compares_with_the_days_that_there_are(quiet, early_in_the_hour):
    for company, days, amount in ((1, 3, 59), (2, 3, 61), (3, 2, 5000)):
        for day in range(1, days + 1):
            spend(quiet, 24 * day, company, 20)
        spend(quiet, 0, company, amount)
    assert firing(quiet, "hirestream-spend-jump") == ["Company 2"], "the usual; a jump; too few days"


def test_spend_jump_names_the_company(quiet, early_in_the_hour):
    job = {"job_id": 1, "company_id": 7, "group_id": 1, "campaign_id": 1, "title": "Cook", "company_name": "Müller & Söhne"}
    job |= {"campaign_name": "", "group_name": "", "updated_at": "2026-06-02 09:00:00"}
    insert(quiet, "hirestream_jobs", [job, job | {"job_id": 2}])
    for day in range(7):
        spend(quiet, 24 * day, 7, 20 if day else 61)
    assert firing(quiet, "hirestream-spend-jump") == ["Müller & Söhne (7)"]
