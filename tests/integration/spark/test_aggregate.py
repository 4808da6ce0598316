"""hirestream.aggregate(): the engine's numbers, whatever Arrow types the columns have."""

import csv
import ctypes
import datetime
import decimal
import os
import pathlib
import sqlite3
import subprocess
import sys
import uuid
import warnings

import pyarrow
import pytest

import hirestream
import hirestream._kernel as kernel_library
from hirestream._kernel import ONE_SLICE, HirestreamError, Kernel

ROOT = pathlib.Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "behavior"
# Files whose point is how the file is written, or which rows of it can be read at all: the engine reads them, pyarrow does not.
ABOUT_FILES = {"formats", "malformed_rows", "import_names", "missing_column", "bids_beyond", "ids_any", "same_rows", "time_zones", "time_in_two_columns"}
NULL_DIMENSIONS = ("publisher_id", "campaign_id", "group_id")


def read_csv(path):
    """All texts; what is blank is null, as in a file."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0]) if rows else []
    return pyarrow.table({name: pyarrow.array([row[name] or None for row in rows], pyarrow.string()) for name in names})


def engine(path, directory, *options):
    """Cells and classes as the engine counts a file."""
    warehouse = directory / "engine.db"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
    subprocess.run([os.environ["HIRESTREAM_BINARY"], "run", "--once", "-q", "--source", f"csv:{path}", "--warehouse", f"sqlite:{warehouse}",
                    *options], check=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with sqlite3.connect(warehouse) as connection:
        cells = connection.execute(
            "SELECT days, hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, conversions, qualified, unqualified, "
            "bid_micros FROM events_micros ORDER BY days, hours, job_id, publisher_id, campaign_id, group_id").fetchall()
        classes = connection.execute("SELECT counted, unattributed, other_kinds, rejected FROM hirestream_accounting").fetchone()
    return cells, classes


def counted(table, **options):
    result = hirestream.aggregate(table, **options)
    assert result.rows == result.counted + result.unattributed + result.other_kinds + result.rejected
    epoch = datetime.date(1970, 1, 1)
    rows = [((row["dates"] - epoch).days, *list(row.values())[1:]) for row in result.cells.to_pylist()]
    return rows, (result.counted, result.unattributed, result.other_kinds, result.rejected)


def cases():
    """Of every case that has a file of events."""
    for path in sorted(CASES.glob("*/events.csv")):
        if path.parent.name not in ABOUT_FILES:
            yield pytest.param(path, id=path.parent.name)


@pytest.mark.parametrize("path", list(cases()))
def test_equals_the_engine_on_a_case_of_the_repository(path, tmp_path):
    if path.stat().st_size == 0 or read_csv(path).num_rows == 0:
        pytest.skip("the case has no rows")
    assert counted(read_csv(path)) == engine(path, tmp_path)


def test_equals_the_engine_with_other_settings(tmp_path):
    path = CASES / "attribution" / "events.csv"
    options = {"source.attribution": "payload", "source.timezone": "America/St_Johns"}
    expected = engine(path, tmp_path, "--attribution", "payload", "--timezone", "America/St_Johns")
    assert counted(read_csv(path), options=options) == expected


def test_an_event_time_in_two_columns(tmp_path):
    path = CASES / "time_in_two_columns" / "events.csv"
    case = (path.parent / "case").read_text(encoding="utf-8")
    assert "ts=" in case
    renames = next(word for word in case.split() if word.startswith("ts=") and "+" in word)
    assert counted(read_csv(path), options={"source.columns": renames}) == engine(path, tmp_path, "--columns", renames)


def rows(count=60):
    """Rows with every null pattern of the columns that may be null, and some that are rejected or of no counted kind."""
    out = []
    for number in range(count):
        arrival = datetime.datetime(2026, 6, 1, 10, 0, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=97 * number)
        ticks = int(arrival.timestamp() * 10_000_000) + 0x01B21DD213814000
        out.append({
            "create_time": str(uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0xFFF | 0x1000, 0x80, number, 7))),
            "ts": None if number % 17 == 0 else arrival.replace(tzinfo=None),
            "job_id": None if number & 1 else number % 5 + 1,
            "publisher_id": None if number & 2 else 3,
            "campaign_id": None if number & 4 else 4,
            "group_id": None if number & 8 else 5,
            "bid": None if number % 3 == 0 else decimal.Decimal(number) / 4,
            "custom_track": [None, "click", "conversion", "qualified", "unqualified", "alive", "CLICK"][number % 7],
            "ev": 1 if number % 2 == 0 else None,
        })
    return out


def table_of(data, **types):
    """Texts, but for columns with another type."""
    arrays = {}
    for name in data[0]:
        values = [row[name] for row in data]
        kind = types.get(name)
        if kind is None:
            arrays[name] = pyarrow.array([None if value is None else str(value) for value in values], pyarrow.string())
        elif pyarrow.types.is_fixed_size_binary(kind):
            arrays[name] = pyarrow.array([uuid.UUID(value).bytes for value in values], kind)
        elif pyarrow.types.is_dictionary(kind):
            arrays[name] = pyarrow.array([None if value is None else str(value) for value in values]).dictionary_encode().cast(kind)
        elif pyarrow.types.is_decimal(kind):
            arrays[name] = pyarrow.array(values, kind)
        elif pyarrow.types.is_floating(kind):
            arrays[name] = pyarrow.array([None if value is None else float(value) for value in values], kind)
        elif pyarrow.types.is_large_string(kind) or pyarrow.types.is_binary(kind):
            arrays[name] = pyarrow.array([None if value is None else str(value) for value in values], kind)
        else:
            arrays[name] = pyarrow.array(values).cast(kind)
    return pyarrow.table(arrays)


TEXTS = rows()
EXPECTED = None


def expected():
    global EXPECTED
    if EXPECTED is None:
        EXPECTED = counted(table_of(TEXTS))
        assert len(EXPECTED[0]) > 5 and all(EXPECTED[1]), "the rows must have everything"
    return EXPECTED


TYPES = {
    "create_time": [pyarrow.binary(16), pyarrow.large_string(), pyarrow.dictionary(pyarrow.int32(), pyarrow.string())],
    "ts": [pyarrow.timestamp("s", "UTC"), pyarrow.timestamp("ms", "UTC"), pyarrow.timestamp("us", "UTC"), pyarrow.timestamp("ns", "UTC"),
           pyarrow.timestamp("us"), pyarrow.timestamp("ns"), pyarrow.large_string()],
    "job_id": [pyarrow.int8(), pyarrow.int16(), pyarrow.int32(), pyarrow.int64(), pyarrow.uint8(), pyarrow.uint32(), pyarrow.uint64(),
               pyarrow.float32(), pyarrow.float64(), pyarrow.dictionary(pyarrow.int8(), pyarrow.string())],
    "publisher_id": [pyarrow.uint16(), pyarrow.float64()],
    "bid": [pyarrow.float32(), pyarrow.float64(), pyarrow.decimal128(12, 2), pyarrow.decimal128(38, 20), pyarrow.large_string()],
    "custom_track": [pyarrow.large_string(), pyarrow.binary(), pyarrow.dictionary(pyarrow.uint16(), pyarrow.string())],
    "ev": [pyarrow.int8(), pyarrow.float64(), pyarrow.int64()],
}


@pytest.mark.parametrize("column, kind", [(column, kind) for column, kinds in TYPES.items() for kind in kinds], ids=str)
def test_a_column_of_any_type_means_what_its_text_means(column, kind):
    assert counted(table_of(TEXTS, **{column: kind})) == expected()


@pytest.mark.parametrize("kind", [pyarrow.binary(16), pyarrow.binary(), pyarrow.large_binary()], ids=str)
@pytest.mark.parametrize("as_dictionary", [False, True])
def test_an_id_may_be_its_bytes(kind, as_dictionary):
    ids = pyarrow.array([uuid.UUID(row["create_time"]).bytes for row in TEXTS], kind)
    ids = ids.dictionary_encode() if as_dictionary else ids
    table = table_of(TEXTS)
    assert counted(table.set_column(table.column_names.index("create_time"), "create_time", ids)) == expected()


def test_rows_without_an_id_are_rejected_each_by_itself():
    table = table_of(TEXTS[1:6])
    ids = pyarrow.array([TEXTS[1]["create_time"], None, None, None, " "])
    counted = hirestream.aggregate(table.set_column(table.column_names.index("create_time"), "create_time", ids))
    assert (counted.rows, counted.rejected) == (5, 4)


def test_slices_of_a_table_have_offsets_that_are_honoured():
    native = table_of(TEXTS, job_id=pyarrow.int32(), ts=pyarrow.timestamp("us", "UTC"), bid=pyarrow.float64(), create_time=pyarrow.binary(16),
                      custom_track=pyarrow.dictionary(pyarrow.int8(), pyarrow.string()))
    pieces = [native.slice(begin, 7) for begin in range(0, native.num_rows, 7)]
    assert counted(pyarrow.concat_tables(pieces)) == expected()
    padded = pyarrow.concat_tables([native.slice(50), native, native.slice(0, 3)]).combine_chunks()
    assert counted(padded.slice(10, native.num_rows)) == expected()


def test_columns_without_any_null_have_no_validity():
    data = [row for row in TEXTS if row["job_id"] and row["ts"] and row["custom_track"]]
    native = table_of(data, job_id=pyarrow.int64(), ts=pyarrow.timestamp("us", "UTC"))
    assert native["job_id"].chunk(0).buffers()[0] is None
    assert counted(native) == counted(table_of(data))


def test_a_column_of_nulls_alone_and_one_that_is_missing_are_the_same():
    without = table_of(TEXTS).drop_columns(["group_id"])
    assert counted(without) == counted(without.append_column("group_id", pyarrow.nulls(without.num_rows)))


def test_a_row_that_comes_twice_is_one_row():
    table = table_of(TEXTS)
    assert counted(pyarrow.concat_tables([table, table.slice(5, 20)])) == expected()


def test_frames_of_other_libraries():
    duckdb = pytest.importorskip("duckdb")
    table = table_of(TEXTS, job_id=pyarrow.int32(), ts=pyarrow.timestamp("us"))
    assert counted(duckdb.from_arrow(table)) == expected()
    assert counted(table.to_reader()) == expected()
    assert counted(table.to_batches()[0]) == expected()


def test_what_cannot_be_counted_is_said():
    with pytest.raises(hirestream.HirestreamError, match="create_time") as refused:
        hirestream.aggregate(table_of(TEXTS).drop_columns(["create_time"]))
    assert refused.value.kind == "config"
    with pytest.raises(hirestream.HirestreamError, match="job_id.*cannot be read"):
        hirestream.aggregate(table_of(TEXTS).drop_columns(["job_id"]).append_column("job_id", pyarrow.array([[1]] * len(TEXTS))))
    with pytest.raises(hirestream.HirestreamError, match="twice"):
        hirestream.aggregate(pyarrow.Table.from_arrays(list(table_of(TEXTS).columns) + [table_of(TEXTS)["ts"]],
                                                       names=[*table_of(TEXTS).column_names, "ts"]))
    with pytest.raises(hirestream.HirestreamError, match="no table"):
        hirestream.aggregate([1, 2, 3])
    with pytest.raises(hirestream.HirestreamError, match="timezone"):
        hirestream.aggregate(table_of(TEXTS), options={"source.timezone": "Mars/Olympus"})


def test_rejected_rows_and_kinds_are_named():
    result = hirestream.aggregate(table_of(TEXTS))
    assert {reject["reason"] for reject in result.rejects} == {"ts_missing"}
    assert "alive" in {kind["kind"] for kind in result.kinds}


def test_a_column_that_is_missing_is_warned_of():
    table = table_of(TEXTS)
    with pytest.warns(UserWarning, match="no column bid.*--columns bid=price"):
        result = hirestream.aggregate(table.rename_columns(["price" if name == "bid" else name for name in table.column_names]))
    assert result.missing_columns.startswith("no column bid")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hirestream.aggregate(table).missing_columns == ""


def test_a_payload_is_looked_at_only_where_rows_are_attributed_by_it():
    table = table_of(TEXTS).append_column("ed", pyarrow.array([{"jobId": 1}] * len(TEXTS)))
    assert counted(table) == expected()
    with pytest.raises(HirestreamError, match="ed.*cannot be read"):
        hirestream.aggregate(table, options={"source.attribution": "payload"})


def test_the_first_thousand_rejects_are_named():
    table = table_of([{**row, "ts": None} for row in rows(60)])
    place = table.column_names.index("create_time")
    copies = [table.set_column(place, "create_time", pyarrow.array([str(uuid.UUID(int=uuid.UUID(text.as_py()).int + copy)) for text in table["create_time"]]))
              for copy in range(40)]
    result = hirestream.aggregate(pyarrow.concat_tables(copies))
    assert result.rejected > 1000 and len(result.rejects) == 1000


def test_what_is_wrong_with_a_call_ends_no_process():
    kernel = Kernel(None, None, frame=("frame", "frame"))
    parts = kernel.count(table_of(TEXTS).to_batches())
    before = parts.summary()
    parts.move(parts)
    assert parts.summary() == before
    beyond = kernel_library.library().hs_parts_get(parts.handle, len(parts), *(ctypes.byref(kind()) for kind in (ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p,
                                                                                                                ctypes.c_size_t)))
    assert beyond == 4
    with pytest.raises(HirestreamError, match="no such setting"):
        Kernel(None, {"source.urri": "x"}, frame=("frame", "frame"))


def test_a_counter_is_empty_once_it_was_finished():
    counter = Kernel(None, None, frame=("frame", "frame")).counter()
    for _ in range(2):
        counter.add(table_of(TEXTS).to_batches()[0])
        assert counter.finish().summary()["rows"] == len(TEXTS)


def test_a_counter_that_failed_counts_no_more():
    batch = table_of(TEXTS).to_batches()[0]
    counter = Kernel(None, None, frame=("frame", "frame")).counter()
    with pytest.raises(HirestreamError, match="custom_track"):
        counter.add(batch.select(["create_time", "ts"]))
    for failing in (lambda: counter.add(batch), counter.finish):
        with pytest.raises(HirestreamError, match="earlier batch"):
            failing()


def test_parts_travel_and_add_up_in_any_order():
    kernel = hirestream.Kernel(frame=("frame", "frame"))
    table = table_of(TEXTS)
    pieces = [kernel.count(table.slice(begin, 13).to_batches()) for begin in (39, 0, 52, 26, 13)]
    together = hirestream.Parts()
    for piece in pieces:
        for _, _, part in piece:
            together.add(part)
    whole = kernel.count(table.to_batches())
    assert together.cells().equals(whole.cells())
    assert {**together.summary(), "rejects": 0} == {**whole.summary(), "rejects": 0}
    with pytest.raises(hirestream.HirestreamError, match="checksum|not a part"):
        together.add(part[:-1] + b"x")


def test_the_arithmetic_of_the_documents_is_that_of_the_script():
    printed = subprocess.run([sys.executable, ROOT / "benchmarks" / "spark_scaling.py"], text=True, stdout=subprocess.PIPE, check=True).stdout
    assert printed.strip() == (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8").strip()


def test_rows_counted_as_one_slice_have_the_same_sums_and_are_not_staged():
    batches = table_of(TEXTS).to_batches()
    kernel = Kernel(None, None, frame=("frame", "frame"))
    by_slice, as_one = (kernel.count(batches, flags=flags) for flags in (0, ONE_SLICE))
    assert by_slice.cells().equals(as_one.cells()) and by_slice.cells().num_rows > 5

    def figures(parts):
        return {name: sorted(value, key=str) if name == "rejects" else value for name, value in parts.summary().items() if name not in ("slices", "cells")}

    assert figures(by_slice) == figures(as_one) and as_one.summary()["slices"] == 1 and by_slice.summary()["slices"] > 5
    with pytest.raises(HirestreamError, match="one slice"):
        kernel.stage("a run", 0, as_one)


EDGES = {
    "bid": [(pyarrow.decimal128(38, scale), [decimal.Decimal(text).scaleb(-scale) for text in
                                             ("0", "1", "-1", "7", "999999", "1000000000", "1000000001", "1000000000000000", "1000000000000001", "9223372036854775807",
                                              "9223372036854775808", "18446744073709551615", "123456789012345678901234567890")]) for scale in (0, 2, 5, 6, 7, 12)]
    + [(kind, [0.0, -0.0, 1e9, 1.1e9, -1.5, 0.1, 1.4, 1e-7, 5e-7, 123456.789]) for kind in (pyarrow.float32(), pyarrow.float64())]
    + [(pyarrow.int64(), [0, -1, 10**9, 10**9 + 1])],
    "ts": [(pyarrow.timestamp(unit), [(days * 86_400 + second) * per_second + fraction for days in (-719_162, -25_568, -1, 0, 20_000, 47_482, 200_000)
                                      for second in (0, 86_399) for fraction in {0, 1, per_second // 2, per_second - 1}])
           for unit, per_second in (("s", 1), ("ms", 10**3), ("us", 10**6))]
    + [(pyarrow.timestamp("ns"), [days * 86_400 * 10**9 + fraction for days in (-100, 0, 20_000) for fraction in (0, 1, 499, 500, 999, 1000, 123_456_789)])],
}


@pytest.mark.parametrize("column, kind, values", [(column, kind, values) for column, cases in EDGES.items() for kind, values in cases], ids=str)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_numbers_at_the_edges_are_what_their_texts_are(column, kind, values, zone):
    def result(array):
        filler = {"create_time": [row["create_time"] for row in rows(len(values))], "job_id": [1] * len(values),
                  "custom_track": ["click"] * len(values), "ts": ["2026-11-01 10:00:00"] * len(values), "bid": ["1"] * len(values)}
        found = hirestream.aggregate(pyarrow.table({**{name: pyarrow.array(texts) for name, texts in filler.items() if name != column}, column: array}),
                                     options={"source.timezone": zone, "counting.ts_min": "0001-01-01", "counting.future_max": "36500d"} if column == "ts" else {})
        return found.cells, found.counted, sorted((reject["reason"], reject["value"]) for reject in found.rejects if column == "ts")

    array = pyarrow.array(values, kind)
    assert result(array) == result(array.cast(pyarrow.string()))
