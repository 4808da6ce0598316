"""Damaged files: whatever their bytes are, each is counted or refused by name, and the others go on."""

import random

import pyarrow.parquet as pq
import pytest

from rows import BY_COLUMNS, ROWS, call, count, read_events
from test_types import table

SEED = 20240305
COPIES = 250
WRITTEN = {
    "pyarrow": {},
    "checked": {"write_page_checksum": True},
    "pages_v2": {"data_page_version": "2.0", "compression": "zstd", "row_group_size": 4},
    "plain": {"use_dictionary": False, "compression": "none"},
    "int96": {"use_deprecated_int96_timestamps": True, "compression": "gzip"},
}


def damaged(chance, good):
    """One to four bytes changed, many of them in the footer, where the sizes stand; or cut, or with a piece put in twice."""
    data = bytearray(good)
    kind = chance.random()
    if kind < 0.1:
        return bytes(data[:chance.randrange(len(data))])
    if kind < 0.2:
        begin, size = chance.randrange(len(data)), chance.randrange(1, 64)
        return bytes(data[:begin + size] + data[begin:])
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(data)) if chance.random() < 0.5 else chance.randrange(len(data) // 2, len(data))
        data[place] = chance.choice([0, 0x7F, 0x80, 0xFF, chance.randrange(256), data[place] ^ 1 << chance.randrange(8)])
    return bytes(data)


@pytest.mark.parametrize("written", WRITTEN)
def test_damaged_bytes_never_crash(written, tmp_path):
    chance = random.Random(f"{SEED} {written}")
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(table(), folder / "good.parquet", **WRITTEN[written])
    good = (folder / "good.parquet").read_bytes()
    for copy in range(COPIES):
        (folder / f"damaged_{copy:03}.parquet").write_bytes(damaged(chance, good))
    done = call("run", "--once", "--source", f"parquet:{folder}", "--warehouse", f"sqlite:{tmp_path}/w.db", exits=(0, 2))
    assert "panic" not in done.stderr
    assert "bug" not in done.stderr
    cells = {cell[:5] for cell in read_events(tmp_path / "w.db")}
    assert {cell[:5] for cell in BY_COLUMNS} <= cells


def test_damaged_file_is_named_and_the_others_are_counted(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(table(), folder / "good.parquet")
    pq.write_table(table(rows=ROWS * 100), folder / "cut.parquet")
    (folder / "cut.parquet").write_bytes((folder / "cut.parquet").read_bytes()[:-100])
    (folder / "text.parquet").write_text("create_time,ts\n")
    done = call("run", "--once", "--source", f"parquet:{folder}", "--warehouse", f"sqlite:{tmp_path}/w.db", exits=(2,))
    assert "cut.parquet" in done.stderr
    assert "text.parquet" in done.stderr
    assert read_events(tmp_path / "w.db") == BY_COLUMNS


def test_page_that_does_not_match_its_checksum_is_refused(tmp_path):
    pq.write_table(table(), tmp_path / "rows.parquet", write_page_checksum=True, compression="none", use_dictionary=False)
    data = (tmp_path / "rows.parquet").read_bytes()
    assert data.count(b"unqualified") >= 1
    (tmp_path / "rows.parquet").write_bytes(data.replace(b"unqualified", b"unqualifiee"))
    done = call("run", "--once", "--source", f"parquet:{tmp_path}/rows.parquet", "--warehouse", f"sqlite:{tmp_path}/w.db",
                exits=(2,))
    assert "rows.parquet" in done.stderr


def test_encrypted_footer_is_refused(tmp_path):
    pq.write_table(table(), tmp_path / "rows.parquet")
    data = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(data[:-4] + b"PARE")
    done = call("run", "--once", "--source", f"parquet:{tmp_path}/rows.parquet", "--warehouse", f"sqlite:{tmp_path}/w.db",
                exits=(2,))
    assert "rows.parquet" in done.stderr


def test_empty_table_is_no_error(tmp_path):
    pq.write_table(table(rows=[]), tmp_path / "rows.parquet")
    cells, rows = count(f"parquet:{tmp_path}/rows.parquet", tmp_path / "w.db")
    assert (cells, rows["total"]) == ([], 0)
