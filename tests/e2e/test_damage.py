"""The ledger's blobs are damaged, one bit each, in every warehouse: it is reported, never trusted, and mended from the raw log."""

import csv
import random
import re
import sqlite3

import pytest

from conftest import Dataset, assert_equal, content, sqlite_events

SEED = 11


class SqliteLedger:
    cells = "events_micros"

    def __init__(self, path):
        self.uri = f"sqlite:{path}"
        self.path = path

    def events(self):
        return sqlite_events(self.uri)

    def run(self, statement, *values):
        with sqlite3.connect(self.path) as connection:
            return connection.execute(statement, values).fetchall()


class SqlLedger:
    cells = "events"

    def __init__(self, server, database):
        self.server = server
        self.database = database
        self.uri = server.uri(database)

    def events(self):
        return self.server.events(self.database)

    def run(self, statement, *values):
        with self.server.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), values)
            return cursor.fetchall()


@pytest.fixture(params=["sqlite", "mysql", "mariadb"])
def ledger(request, tmp_path):
    if request.param == "sqlite":
        return SqliteLedger(tmp_path / "warehouse.db")
    return SqlLedger(request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_database"))


def split(path, folder, count):
    """A directory of files, each of which is a slice."""
    folder.mkdir()
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    for part in range(count):
        with open(folder / f"{part}.csv", "w", newline="") as file:
            csv.writer(file).writerows([header, *rows[part::count]])
    return f"csv:{folder}"


def flip_a_bit_each(ledger, count):
    """In `count` of the slices' blobs, anywhere from the magic to the last byte."""
    generator = random.Random(SEED)
    blobs = sorted(bytes(row[0]) for row in ledger.run("SELECT contribution FROM hirestream_slices WHERE contribution IS NOT NULL"))
    assert len(blobs) > count and len(set(blobs)) == len(blobs)
    for blob in generator.sample(blobs, count):
        damaged = bytearray(blob)
        damaged[generator.randrange(len(blob))] ^= 1 << generator.randrange(8)
        ledger.run("UPDATE hirestream_slices SET contribution = ? WHERE contribution = ?", bytes(damaged), blob)


def test_damaged_blobs_are_reported_and_mended(hirestream, tmp_path, ledger):
    dataset = Dataset(tmp_path, hirestream, "rows", 30_000)
    dataset.write(f"csv:{tmp_path}/all.csv")
    source = split(tmp_path / "all.csv", tmp_path / "parts", count=5)
    here = ["--source", source, "--warehouse", ledger.uri]
    hirestream("run", "--once", "--quiet", *here)
    assert_equal(dataset.recount(), ledger.events())
    before = content(ledger.events())

    flip_a_bit_each(ledger, count=3)
    found = hirestream("verify", *here, expect=1)
    assert "different: 0 slices, 0 cells of events; damaged: 3 slices" in found, found
    assert "compared only in part" in found and "WHERE" not in found and "somebody else" not in found, found
    assert "repair with: hirestream verify --repair" in found, found
    # An engine that meets the damage changes nothing, and does not hide it.
    hirestream("run", "--once", "--quiet", *here)
    assert content(ledger.events()) == before

    mended = hirestream("verify", "--repair", *here)
    assert "repaired:" in mended, mended
    assert "no difference" in hirestream("verify", *here)
    assert content(ledger.events()) == before
    assert_equal(dataset.recount(), ledger.events())


def test_what_damage_cannot_explain_is_still_reported(hirestream, tmp_path, ledger):
    dataset = Dataset(tmp_path, hirestream, "rows", 10_000)
    dataset.write(f"csv:{tmp_path}/all.csv")
    here = ["--source", split(tmp_path / "all.csv", tmp_path / "parts", count=5), "--warehouse", ledger.uri]
    hirestream("run", "--once", "--quiet", *here)
    flip_a_bit_each(ledger, count=1)
    # A cell that holds less than the other slices gave it.
    [(most,)] = ledger.run(f"SELECT MAX(impressions) FROM {ledger.cells}")
    ledger.run(f"UPDATE {ledger.cells} SET impressions = 0 WHERE impressions = ?", most)
    found = hirestream("verify", *here, expect=1)
    assert re.search("different: 0 slices, [1-9] cells of events; damaged: 1 slices", found), found
    assert "impressions 0 → " in found and "compared only in part" in found, found
