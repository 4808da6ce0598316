"""Tables as people have them: the same rows under every key and with every type of column give the same `events`."""

import collections
import dataclasses
import datetime
import decimal
import json
import random
import sqlite3
import time
import uuid

import pytest

UTC = datetime.timezone.utc
ROWS = 60
KINDS = {"click": "clicks", "conversion": "conversion", "qualified": "qualified_application", "unqualified": "disqualified_application"}
KIND_TEXTS = [*KINDS, None, "alive"]
TYPES = {"create_time": "timeuuid", "ts": "text", "job_id": "int", "publisher_id": "int", "campaign_id": "int", "group_id": "int", "bid": "double",
         "custom_track": "text", "ev": "int", "ed": "text"}
IDS = ["job_id", "publisher_id", "campaign_id", "group_id", "ev"]


@dataclasses.dataclass
class Table:
    key: str
    types: dict
    extra: dict = dataclasses.field(default_factory=dict)  # column: its type and its value for a row

    def ddl(self, name):
        columns = TYPES | self.types | {column: type_name for column, (type_name, _) in self.extra.items()}
        return f"CREATE TABLE {name} ({', '.join(f'{column} {words}' for column, words in columns.items())}, PRIMARY KEY ({self.key}))"


def ids(type_name):
    return dict.fromkeys(IDS, type_name)


def day_of(row):
    return row["ts"].date()


TABLES = {
    "id_alone": Table("create_time", {}),
    "all_text": Table("create_time", {"create_time": "text"} | ids("text") | {"bid": "text"}),
    "doubles": Table("create_time", {"create_time": "text"} | ids("double")),
    "floats_decimal_bid": Table("create_time", ids("float") | {"bid": "decimal"}),
    "decimals": Table("create_time", ids("decimal") | {"bid": "float"}),
    "varints_bigint_ts": Table("create_time", ids("varint") | {"bid": "varint", "ts": "bigint"}),
    "tinyints_version_4": Table("create_time", ids("tinyint") | {"create_time": "uuid", "bid": "tinyint", "ts": "timestamp"}),
    "by_job": Table("(job_id), ts, create_time", {"job_id": "text", "create_time": "text"}),
    "by_job_newest_first": Table("(job_id), ts, create_time", {"ts": "timestamp"}),
    "by_day": Table("(event_date), create_time", {"ts": "timestamp"}, {"event_date": ("date", day_of)}),
    "by_day_with_static": Table("(event_date), create_time", {}, {"event_date": ("text", lambda row: str(day_of(row))), "note": ("text static", lambda row: "x")}),
    "id_and_ts": Table("create_time, ts", {"create_time": "uuid", "ts": "timestamp"}),
    "ts_and_id": Table("(ts), create_time", {"ts": "timestamp"}),
    "ts_and_id_in_one": Table("(ts, create_time)", {}),
    "date_as_ts": Table("(ts), create_time", {"ts": "date"}),
    "date_and_time": Table("create_time", {"ts": "date"}, {"time_of_day": ("time", lambda row: row["ts"].time())}),
    "day_and_text_time": Table("(ts), create_time", {"ts": "date"}, {"time_of_day": ("text", lambda row: f"{row['ts']:%H:%M:%S}")}),
    "ts_behind_the_id": Table("(job_id), create_time, ts", {"ts": "bigint", "job_id": "bigint"}),
    "a_key_of_its_own": Table("(number)", {}, {"number": ("uuid", lambda row: uuid.uuid4())}),
    "other_buckets": Table("(bucket, shard), create_time", {}, {"bucket": ("date", day_of), "shard": ("int", lambda row: row["job_id"] % 3)}),
}


def version_1(moment, number):
    ticks = int(moment.timestamp() * 1_000_000) * 10 + 0x01B21DD213814000
    return uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF | 0x1000, 0x80, number & 0xFF, 0x0242AC120002))


@pytest.fixture(scope="module")
def rows():
    """Whole seconds: a bigint may count them. Every row has a job, for that may be a part of the key."""
    rng = random.Random(5)
    now = datetime.datetime.now(UTC).replace(microsecond=0) - datetime.timedelta(hours=3)
    made = []
    for number in range(ROWS):
        ts = now - datetime.timedelta(seconds=rng.randrange(3 * 86_400))
        kind = rng.choice(KIND_TEXTS)
        made.append({"create_time": version_1(ts + datetime.timedelta(seconds=rng.random()), number), "ts": ts, "job_id": 101 + rng.randrange(3),
                     "publisher_id": rng.choice([7, 8, None]), "campaign_id": rng.choice([55, None]), "group_id": rng.choice([9, None]),
                     "bid": rng.choice([1, 2, None]) if kind == "click" else None, "custom_track": kind, "ev": 1 if kind is None else 2,
                     "ed": "{}"})
    return made


def expected_events(rows, midnight=False):
    cells = collections.defaultdict(collections.Counter)
    for row in rows:
        if row["custom_track"] == "alive":
            continue
        hour = 0 if midnight else row["ts"].hour
        cell = cells[(row["job_id"], str(row["ts"].date()), hour, row["publisher_id"] or 0, row["campaign_id"] or 0, row["group_id"] or 0)]
        cell[KINDS.get(row["custom_track"], "impressions")] += 1
        cell["spend"] += row["bid"] or 0
    return {key: dict(+cell) for key, cell in cells.items()}


def events_of(warehouse):
    names = [*KINDS.values(), "impressions"]
    with sqlite3.connect(warehouse) as connection:
        found = connection.execute(
            f"SELECT job_id, dates, hours, publisher_id, campaign_id, group_id, spend_hour, {', '.join(names)} FROM events").fetchall()
    return {tuple(row[:6]): {name: value for name, value in zip(["spend", *names], row[6:]) if value} for row in found}


def native(value, type_name):
    """The value as the driver wants it for that type."""
    if value is None:
        return None
    if isinstance(value, datetime.datetime) and type_name not in ("timestamp", "text"):
        return value.date() if type_name == "date" else int(value.timestamp())
    return {"text": lambda: f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime.datetime) else str(value), "double": lambda: float(value),
            "float": lambda: float(value), "decimal": lambda: decimal.Decimal(value)}.get(type_name, lambda: value)()


def fill(cassandra, keyspace, name, table, rows):
    cassandra.execute(table.ddl(f"{keyspace}.{name}"))
    types = TYPES | table.types | {column: type_name.split()[0] for column, (type_name, _) in table.extra.items()}
    insert = cassandra.session.prepare(f"INSERT INTO {keyspace}.{name} ({', '.join(types)}) VALUES ({', '.join('?' * len(types))})")
    for row in rows:
        if "version_4" in name:
            row = row | {"create_time": uuid.uuid4()}
        values = row | {column: value_of(row) for column, (_, value_of) in table.extra.items()}
        cassandra.session.execute(insert, [native(values[column], type_name) for column, type_name in types.items()])
    if "static" in name:
        cassandra.execute(f"INSERT INTO {keyspace}.{name} (event_date, note) VALUES ('2001-01-01', 'a day without rows')")


def summary_of(said):
    """What a command prints with --json, before its warnings."""
    return json.JSONDecoder().raw_decode(said)[0]


def count(hirestream, uri, warehouse, *options):
    return summary_of(hirestream("--json", "--quiet", "run", "--once", "--source", uri, "--warehouse", f"sqlite:{warehouse}", *options))


@pytest.mark.parametrize("name", TABLES)
def test_the_same_rows_in_any_table_give_the_same_events(hirestream, cassandra, shared_keyspace, rows, tmp_path, name):
    fill(cassandra, shared_keyspace, name, TABLES[name], rows)
    uri, warehouse = cassandra.uri(shared_keyspace, name), tmp_path / "w.db"
    options = ["--columns", "ts=ts+time_of_day"] if "time_of_day" in TABLES[name].extra else []
    summary = count(hirestream, uri, warehouse, *options)
    assert summary["rows"]["total"] == ROWS and summary["rows"]["rejected"] == 0, summary
    assert events_of(warehouse) == expected_events(rows, midnight=name == "date_as_ts")
    assert count(hirestream, uri, warehouse, *options)["rows"] == summary["rows"]
    assert "no difference" in hirestream("verify", "--source", uri, "--warehouse", f"sqlite:{warehouse}", *options)


def held_slices(warehouse):
    with sqlite3.connect(warehouse) as connection:
        return connection.execute("SELECT COALESCE(SUM(slices_held), 0) FROM hirestream_accounting").fetchone()[0]


def test_rows_of_one_id_are_one_row_and_the_same_one_in_every_scan(hirestream, cassandra, shared_keyspace, rows, tmp_path):
    """Written twice under two keys: another job, and a little later. Bounded scans, whose edges pass between the two, count as complete ones do."""
    table = Table("(job_id), ts, create_time", {"ts": "timestamp"})
    now = datetime.datetime.now(UTC).replace(microsecond=0)
    first = [row | {"ts": now - datetime.timedelta(seconds=10 * number), "create_time": version_1(now - datetime.timedelta(seconds=10 * number), number)}
             for number, row in enumerate(rows)]
    second = [row | {"job_id": 501 + number % 7, "ts": row["ts"] + datetime.timedelta(seconds=number % 3 * 70)} for number, row in enumerate(first)]
    fill(cassandra, shared_keyspace, "twice", table, first + second)
    uri, warehouse = cassandra.uri(shared_keyspace, "twice"), tmp_path / "w.db"
    assert count(hirestream, uri, warehouse)["rows"]["total"] == ROWS
    before = events_of(warehouse)
    engine = hirestream.start("run", "--source", uri, "--warehouse", f"sqlite:{warehouse}", "--scan-interval", "100ms", "--scan-window", "5min")
    time.sleep(4)
    engine.terminate()
    assert engine.wait(timeout=60) == 0
    assert events_of(warehouse) == before and held_slices(warehouse) == 0
    assert "no difference" in hirestream("verify", "--source", uri, "--warehouse", f"sqlite:{warehouse}")


def test_numbers_that_are_not_whole_are_rejected_with_their_value(hirestream, cassandra, shared_keyspace, rows, tmp_path):
    clicks = [row | {"custom_track": "click", "bid": None} for row in rows[:4]]
    fill(cassandra, shared_keyspace, "fractions", Table("create_time", ids("double")), [])
    insert = cassandra.session.prepare(
        f"INSERT INTO {shared_keyspace}.fractions (create_time, ts, job_id, custom_track, ev, bid) VALUES (?, ?, ?, 'click', ?, ?)")
    nan = float("nan")
    for row, job, ev, bid in zip(clicks, [101.5, nan, 101.0, 102.0], [2.0, 2.0, nan, 2.0], [1.0, 1.0, 1.0, nan]):
        cassandra.session.execute(insert, (row["create_time"], f"{row['ts']:%Y-%m-%d %H:%M:%S}", job, ev, bid))
    uri, warehouse = cassandra.uri(shared_keyspace, "fractions"), tmp_path / "w.db"
    classes = count(hirestream, uri, warehouse)["rows"]
    assert (classes["counted"], classes["unattributed"], classes["rejected"]) == (2, 1, 1), classes
    assert sum(cell.get("spend", 0) for cell in events_of(warehouse).values()) == 1
    said = hirestream("rejects", "--warehouse", f"sqlite:{warehouse}")
    assert "job_id_unreadable" in said and "101.5" in said, said
