"""Rows that are taken by columns, and the same ones taken one by one as text: what is counted, refused and said of them is the same."""

import datetime
import random
import sqlite3
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rows import IDS, count, event_id

ROWS = 1400  # of at most 1,000 a slice keeps what is wrong with them
UTC = datetime.timezone.utc
BEGIN = datetime.datetime(2024, 3, 5, 10)


def whole_numbers(chance):
    return chance.choice([None, 0, 1, 188, -3, chance.randrange(1, 50), (1 << 41) + chance.randrange(9), -(1 << 63), (1 << 63) - 1])


def bids(chance):
    return chance.choice([None, 0.0, -0.0, 1.5, 0.1 + 0.2, 1e-7, 5e-7, -2.0, 1e9, 1e9 + 1, 1e22, 1e300, float("inf"), float("nan"), chance.random()])


def ticks(chance, per_second):
    day = 86_400 * per_second
    return chance.choice([None, 0, -1, 1, chance.randrange(1_709_600_000 * per_second, 1_709_700_000 * per_second), -25_567 * day - 1, 47_482 * day,
                          2_932_897 * day if per_second < 1_000_000_000 else day, -719_163 * day if per_second < 1_000_000_000 else -day])


def texts(chance):
    return chance.choice([None, "", " ", "click", " click ", "CLICK", "null", "NaN", "conversion", "alive", "a,b", 'c"d', "é", "x" * 40])


def ids_as_text(chance, number):
    usual = event_id(BEGIN + datetime.timedelta(seconds=number), number)
    return chance.choice([usual] * 8 + [usual.upper(), f"{{{usual}}}", f" {usual}", None, "", "null", f"order-{number}", str(uuid.UUID(int=number))])


def ids_as_bytes(chance, number):
    usual = uuid.UUID(event_id(BEGIN + datetime.timedelta(seconds=number), number)).bytes
    return chance.choice([usual] * 9 + [None, uuid.UUID(int=number).bytes])


KINDS = {
    "uuid, local us": (pa.uuid(), ids_as_bytes, pa.timestamp("us"), pa.int64()),
    "bytes, utc ns": (pa.binary(16), ids_as_bytes, pa.timestamp("ns", "UTC"), pa.int32()),
    "text, utc ms": (pa.string(), ids_as_text, pa.timestamp("ms", "UTC"), pa.int64()),
    "text, local ns": (pa.string(), ids_as_text, pa.timestamp("ns"), pa.int64()),
    "text, numbers": (pa.string(), ids_as_text, pa.int64(), pa.int64()),
}
PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def table_of(chance, kind):
    id_type, id_of, ts_type, number_type = KINDS[kind]
    per_second = PER_SECOND[ts_type.unit] if pa.types.is_timestamp(ts_type) else chance.choice(list(PER_SECOND.values()))
    small = pa.types.is_int32(number_type)

    def number():
        value = whole_numbers(chance)
        return value if value is None or not small or abs(value) < 1 << 31 else 7

    columns = {"create_time": pa.array([id_of(chance, place) for place in range(ROWS)], id_type),
               "ts": pa.array([ticks(chance, per_second) for _ in range(ROWS)], pa.int64()).cast(ts_type)}
    columns |= {name: pa.array([number() for _ in range(ROWS)], number_type) for name in IDS}
    columns |= {"bid": chance.choice([pa.array([bids(chance) for _ in range(ROWS)], pa.float64()), pa.array([number() for _ in range(ROWS)], number_type)]),
                "custom_track": pa.array([texts(chance) for _ in range(ROWS)], pa.string()),
                "ev": chance.choice([pa.array([number() for _ in range(ROWS)], number_type), pa.array([texts(chance) for _ in range(ROWS)], pa.string())]),
                "ed": pa.array([chance.choice([None, "", "{", '{"jobId":"5"}', '{"jobId":0}']) for _ in range(ROWS)], pa.string())}
    return pa.table(columns)


def contested(table):
    """Two different rows of one id, which nothing else has: a page view of no job, counted nowhere."""
    id_type = table.schema.field("create_time").type
    one = uuid.UUID(event_id(datetime.datetime(2020, 1, 1), 1))
    ids = pa.array([str(one) if id_type == pa.string() else one.bytes] * 2, id_type)
    others = {name: pa.array([name] * 2 if pa.types.is_string(kind) and name == "ed" else [None] * 2, kind) for name, kind in
              zip(table.schema.names, table.schema.types, strict=True)}
    columns = others | {"create_time": ids, "ed": pa.array(["1", "2"], pa.string())}
    return pa.table(columns, schema=table.schema)


def refused(warehouse):
    """Of rows with an id of their own; the others' ids have the number of the row in them."""
    with sqlite3.connect(warehouse) as database:
        return sorted(database.execute("SELECT hex(row_id), column_name, value, reason FROM hirestream_rejects"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seed", "options"), [
    (1, []), (2, ["--attribution", "payload", "--source-timezone", "Europe/Berlin"]),
    (3, ["--null-words", f"-1,0,188,1.5,NaN,{uuid.UUID(int=7)}"])], ids=["columns", "payload", "words"])
def test_by_columns_and_one_by_one(kind, seed, options, tmp_path):
    table = table_of(random.Random(seed), kind)
    results = []
    # Rows that contest an id come last, so that both ways begin with the same ones; the first pass of the second file is by columns as well, and void.
    for name, content in {"columns": table, "records": pa.concat_tables([table, contested(table)])}.items():
        path = tmp_path / "rows.parquet"
        pq.write_table(content, path, row_group_size=1100)
        cells, rows = count(f"parquet:{path}", tmp_path / f"{name}.db", *options)
        results.append((cells, rows, refused(tmp_path / f"{name}.db")))
    (cells, rows, refusals), (record_cells, record_rows, record_refusals) = results
    assert cells == record_cells
    assert refusals == record_refusals
    changed = {name: record_rows[name] - value for name, value in rows.items() if record_rows[name] != value}
    assert changed.pop("total") == 1 and list(changed.values()) == [1], changed
