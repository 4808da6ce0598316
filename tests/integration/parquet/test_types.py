"""The same rows in the column types that each tool writes give the same numbers."""

import datetime
import decimal
import uuid

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rows import BY_COLUMNS, BY_PAYLOAD, COLUMNS, IDS, ROWS, call, count, write_csv

UTC = datetime.timezone.utc
TEXTS = ["create_time", "custom_track", "dl", "ed"]
PLAIN = {name: pa.string() for name in TEXTS} | {name: pa.int32() for name in [*IDS, "ev"]} | {
    "bid": pa.float64(), "ts": pa.timestamp("us")}


def id_types(kind):
    return {name: kind for name in [*IDS, "ev"]}


def table(types=None, convert=lambda name, value: value, rows=ROWS, columns=COLUMNS):
    types = PLAIN | (types or {})
    arrays = [pa.array([None if row[name] is None else convert(name, row[name]) for row in rows], types[name]) for name in columns]
    return pa.table(arrays, columns)


def converted(**by_name):
    return lambda name, value: by_name[name](value) if name in by_name else value


def of_ids(change):
    return converted(**{name: change for name in [*IDS, "ev"]})


def epoch(ts, scale):
    return round(ts.replace(tzinfo=UTC).timestamp() * 1_000) * scale // 1_000


NAN = float("nan")
TABLES = {
    "int32": table(),
    "int64": table(id_types(pa.int64())),
    "int16": table(id_types(pa.int16())),
    "uint32": table(id_types(pa.uint32())),
    "uint64": table(id_types(pa.uint64())),
    "double_ids": table(id_types(pa.float64())),
    "float_ids": table(id_types(pa.float32())),
    "text_ids": table(id_types(pa.string()), of_ids(str)),
    "decimal_ids": table(id_types(pa.decimal128(20, 0)), of_ids(decimal.Decimal)),
    "float_bid": table({"bid": pa.float32()}),
    "decimal_bid": table({"bid": pa.decimal128(8, 2)}, converted(bid=lambda bid: decimal.Decimal(str(bid)))),
    "wide_decimal_bid": table({"bid": pa.decimal256(50, 6)}, converted(bid=lambda bid: decimal.Decimal(str(bid)))),
    "text_bid": table({"bid": pa.string()}, converted(bid=str)),
    "ts_ms": table({"ts": pa.timestamp("ms")}),
    "ts_ns": table({"ts": pa.timestamp("ns")}),
    "ts_ms_utc": table({"ts": pa.timestamp("ms", "UTC")}),
    "ts_us_of_a_zone": table({"ts": pa.timestamp("us", "Asia/Tokyo")}, converted(ts=lambda ts: ts.replace(tzinfo=UTC))),
    "ts_text": table({"ts": pa.string()}, converted(ts=lambda ts: ts.isoformat(" "))),
    **{f"ts_epoch_{unit}": table({"ts": pa.int64()}, converted(ts=lambda ts, scale=scale: epoch(ts, scale)))
       for unit, scale in {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}.items()},
    "ts_epoch_double": table({"ts": pa.float64()}, converted(ts=lambda ts: float(epoch(ts, 1_000)))),
    "create_time_fixed_bytes": table({"create_time": pa.binary(16)}, converted(create_time=lambda text: uuid.UUID(text).bytes)),
    "create_time_uuid": table({"create_time": pa.uuid()}, converted(create_time=lambda text: uuid.UUID(text).bytes)),
    "large_text": table({name: pa.large_string() for name in TEXTS}),
    "dictionaries": table({name: pa.dictionary(pa.int32(), pa.string()) for name in TEXTS}),
    "bytes": table({name: pa.binary() for name in TEXTS}, lambda name, value: value.encode() if name in TEXTS else value),
    "other_order": table(columns=COLUMNS[::-1]),
    "capitals": table().rename_columns([name.upper() for name in COLUMNS]),
}
FILES = {
    "small_groups": {"row_group_size": 3},
    "pages_v2": {"data_page_version": "2.0", "data_page_size": 1},
    "no_dictionary": {"use_dictionary": False},
    "int96": {"use_deprecated_int96_timestamps": True},
    "decimals_as_integers": {"store_decimal_as_integer": True},
    "checksums": {"write_page_checksum": True},
    "delta": {"use_dictionary": False, "column_encoding": {name: "DELTA_BYTE_ARRAY" for name in TEXTS} | {
        name: "DELTA_BINARY_PACKED" for name in [*IDS, "ev", "ts"]} | {"bid": "BYTE_STREAM_SPLIT"}},
    "version_1": {"version": "1.0"},
    **{codec: {"compression": codec} for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli")},
}


def check(path, tmp_path, *options):
    cells, rows = count(f"parquet:{path}", tmp_path / "columns.db", *options)
    assert cells == BY_COLUMNS
    assert (rows["total"], rows["counted"], rows["unattributed"], rows["other"], rows["rejected"]) == (8, 5, 2, 1, 0)
    cells, _ = count(f"parquet:{path}", tmp_path / "payload.db", "--attribution", "payload", *options)
    assert cells == BY_PAYLOAD


@pytest.mark.parametrize("types", TABLES)
def test_column_types(types, tmp_path):
    pq.write_table(TABLES[types], tmp_path / "rows.parquet")
    check(tmp_path / "rows.parquet", tmp_path)


@pytest.mark.parametrize("kind", FILES)
def test_how_the_file_is_written(kind, tmp_path):
    types = {"bid": pa.decimal128(8, 2)} if kind == "decimals_as_integers" else {}
    bids = converted(bid=lambda bid: decimal.Decimal(str(bid))) if types else converted()
    pq.write_table(table(types, bids), tmp_path / "rows.parquet", **FILES[kind])
    check(tmp_path / "rows.parquet", tmp_path)


def test_nan_is_null(tmp_path):
    arrays = table(id_types(pa.float64()) | {"bid": pa.float64()})
    for place, name in enumerate(COLUMNS):
        if pa.types.is_floating(arrays.schema.field(name).type):
            values = [NAN if value is None else value for value in arrays[name].to_pylist()]
            arrays = arrays.set_column(place, name, pa.array(values, pa.float64()))
    pq.write_table(arrays, tmp_path / "rows.parquet")
    check(tmp_path / "rows.parquet", tmp_path)


def test_as_duckdb_writes(tmp_path):
    write_csv(ROWS, tmp_path / "rows.csv")
    duckdb.sql(f"""COPY (SELECT * REPLACE (create_time::UUID AS create_time, ts::TIMESTAMPTZ AS ts, bid::DECIMAL(9, 3) AS bid),
                                [1, 2] AS list, {{'a': 1}} AS struct, ts::DATE AS day, ts::TIME AS time, true AS flag
                         FROM read_csv('{tmp_path}/rows.csv', header = true)) TO '{tmp_path}/rows.parquet' (FORMAT parquet)""")
    check(tmp_path / "rows.parquet", tmp_path)


def test_times_without_a_zone_are_in_the_source_time_zone(tmp_path):
    berlin = converted(ts=lambda ts: ts + datetime.timedelta(hours=1))  # in March an hour ahead
    for unit in ("ms", "us", "ns"):
        folder = tmp_path / unit
        folder.mkdir()
        pq.write_table(table({"ts": pa.timestamp(unit)}, berlin), folder / "local.parquet")
        check(folder / "local.parquet", folder, "--source-timezone", "Europe/Berlin")


def test_times_adjusted_to_utc_are_not(tmp_path):
    pq.write_table(table({"ts": pa.timestamp("us", "UTC")}), tmp_path / "utc.parquet")
    check(tmp_path / "utc.parquet", tmp_path, "--source-timezone", "Europe/Berlin")


def test_dates_are_midnight(tmp_path):
    pq.write_table(table({"ts": pa.date32()}, converted(ts=lambda ts: ts.date())), tmp_path / "dates.parquet")
    cells, _ = count(f"parquet:{tmp_path}/dates.parquet", tmp_path / "dates.db")
    assert {cell[1] for cell in cells} == {0}


def test_rows_of_one_id_are_one_row_as_in_csv(tmp_path):
    """Of the same columns in the same order, CSV and Parquet agree on which one wins."""
    again = [dict(row, job_id=row["job_id"] and 900 + place, bid=None) for place, row in enumerate(ROWS)]
    for name, rows in {"first": again + ROWS, "last": ROWS + again, "equal": ROWS + ROWS}.items():
        write_csv(rows, tmp_path / f"{name}.csv")
        duckdb.sql(f"COPY (FROM read_csv('{tmp_path}/{name}.csv', all_varchar = true)) "
                   f"TO '{tmp_path}/{name}.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2)")
        by_csv, csv_rows = count(f"csv:{tmp_path}/{name}.csv", tmp_path / f"{name}_csv.db")
        by_parquet, parquet_rows = count(f"parquet:{tmp_path}/{name}.parquet", tmp_path / f"{name}_parquet.db")
        assert by_csv == by_parquet
        assert csv_rows == parquet_rows
        assert parquet_rows["total"] == len(ROWS)


def test_folder_as_spark_leaves_it(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    for part, rows in enumerate((ROWS[:4], ROWS[4:], [])):
        pq.write_table(table(rows=rows), folder / f"part-0000{part}-a1b2.snappy.parquet", use_deprecated_int96_timestamps=True)
        (folder / f".part-0000{part}-a1b2.snappy.parquet.crc").write_bytes(b"crc")
    (folder / "_SUCCESS").touch()
    (folder / "._SUCCESS.crc").write_bytes(b"crc")
    check(folder, tmp_path)
    cells, _ = count(f"parquet:{folder}/*", tmp_path / "glob.db")
    assert cells == BY_COLUMNS


def test_file_that_changes_replaces_itself(tmp_path):
    pq.write_table(table(rows=ROWS[:2]), tmp_path / "rows.parquet")
    count(f"parquet:{tmp_path}/rows.parquet", tmp_path / "w.db")
    pq.write_table(table(), tmp_path / "rows.parquet")
    cells, _ = count(f"parquet:{tmp_path}/rows.parquet", tmp_path / "w.db")
    assert cells == BY_COLUMNS
    assert "no difference" in call("verify", "--source", f"parquet:{tmp_path}/rows.parquet", "--warehouse",
                                   f"sqlite:{tmp_path}/w.db").stdout


def test_import_takes_every_column(tmp_path):
    pq.write_table(table(), tmp_path / "rows.parquet")
    call("import", tmp_path / "rows.parquet", "--to", f"sqlite:{tmp_path}/raw.db")
    cells, _ = count(f"sqlite:{tmp_path}/raw.db", tmp_path / "w.db")
    assert cells == BY_COLUMNS


def test_columns_of_other_names(tmp_path):
    names = {"create_time": "event_id", "custom_track": "event_type", "ts": "created_at"}
    pq.write_table(table().rename_columns([names.get(name, name) for name in COLUMNS]), tmp_path / "rows.parquet")
    done = call("run", "--once", "--source", f"parquet:{tmp_path}/rows.parquet", "--warehouse", f"sqlite:{tmp_path}/no.db", exits=(2,))
    assert "event_id" in done.stderr
    check(tmp_path / "rows.parquet", tmp_path, "--columns", ",".join(f"{ours}={theirs}" for ours, theirs in names.items()))


def test_words_for_null(tmp_path):
    words = [{**row, "job_id": row["job_id"] or "None", "bid": row["bid"] or "NaN", "custom_track": row["custom_track"] or "NULL"} for row in ROWS]
    pq.write_table(table(id_types(pa.string()) | {"bid": pa.string()}, lambda name, value: value if name in ("ts", *TEXTS) else str(value),
                         words), tmp_path / "rows.parquet")
    check(tmp_path / "rows.parquet", tmp_path)


def test_missing_columns_are_refused_by_name(tmp_path):
    pq.write_table(table().drop_columns(["create_time"]), tmp_path / "rows.parquet")
    done = call("run", "--once", "--source", f"parquet:{tmp_path}/rows.parquet", "--warehouse", f"sqlite:{tmp_path}/w.db", exits=(2,))
    assert "create_time" in done.stderr


def test_a_column_of_a_type_that_is_not_read_is_named(tmp_path):
    def written(**columns):
        path = tmp_path / "rows.parquet"
        whole = table()
        for name, (values, kind) in columns.items():
            whole = whole.set_column(whole.schema.get_field_index(name), name, pa.array(values, kind))
        pq.write_table(whole, path)
        return path

    many = len(ROWS)
    done = call("run", "--once", "--source", f"parquet:{written(job_id=([{'id': 1}] * many, pa.struct({'id': pa.int32()})))}", "--warehouse",
                f"sqlite:{tmp_path}/e.db", exits=(2,))
    assert "column job_id is of a type that is not read (a list, map or struct)" in done.stderr, done.stderr
    # Nor is a row imported without the value.
    for columns, message in (({"job_id": ([{"id": 1}] * many, pa.struct({"id": pa.int32()}))}, "column job_id is of a type that is not read"),
                             ({"bid": (pa.array([1.5] * many).cast(pa.float16()), pa.float16())}, "column bid is of a type that is not read")):
        done = call("import", written(**columns), "--to", f"sqlite:{tmp_path}/raw.db", exits=(2,))
        assert message in done.stderr, done.stderr
    # A payload that nobody looks into is only told.
    done = call("run", "--once", "--source", f"parquet:{written(ed=([[1]] * many, pa.list_(pa.int32())))}", "--warehouse", f"sqlite:{tmp_path}/f.db")
    assert "column ed is of a type that is not read (a list, map or struct): as if it were not there" in done.stderr, done.stderr


def test_doctor_looks_at_the_schema(tmp_path):
    pq.write_table(table().drop_columns(["job_id"]), tmp_path / "rows.parquet")
    assert "job_id" in call("doctor", "--source", f"parquet:{tmp_path}", exits=(0, 1)).stdout


def test_memory_does_not_grow_with_the_file(tmp_path):
    duckdb.sql(f"""COPY (SELECT uuid()::VARCHAR AS create_time, TIMESTAMP '2024-03-05 10:00:00' AS ts, 'click' AS custom_track,
                                i % 50 AS job_id, 1.5 AS bid, repeat('x', 900) || i AS ed FROM range(600000) t(i))
                   TO '{tmp_path}/rows.parquet' (FORMAT parquet, COMPRESSION snappy)""")
    _, rows = count(f"parquet:{tmp_path}/rows.parquet", tmp_path / "w.db", "--attribution", "payload")
    assert rows["total"] == 600000
