"""A live writer and a running engine: fresh within a second or two, and equal in the end."""

import csv
import gzip
import os
import shutil
import threading
import time
import uuid

import pytest

from conftest import assert_equal, sqlite_events, stop
from oracle.recount import Recount, read_accounting, read_companies

RATE = int(os.environ.get("HIRESTREAM_E2E_RATE", "300"))
SECONDS = int(os.environ.get("HIRESTREAM_E2E_SECONDS", "20"))


class Watcher(threading.Thread):
    """Looks at the warehouse every few milliseconds: how many rows it accounts for, and when."""

    def __init__(self, warehouse):
        super().__init__(daemon=True)
        self.warehouse = warehouse
        self.seen = []  # (rows, unix time)
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                rows = sum(read_accounting(self.warehouse).values())
            except Exception as error:  # the tables are not there yet
                assert "doesn't exist" in str(error), error
                rows = 0
            if not self.seen or rows > self.seen[-1][0]:
                self.seen.append((rows, time.time()))
            time.sleep(0.02)


def arrivals(journal):
    """Unix times at which the acknowledged rows arrived, ascending."""
    with open(journal, newline="", encoding="utf-8") as file:
        return sorted((uuid.UUID(row["create_time"]).time - 0x01B21DD213814000) / 1e7 for row in csv.DictReader(file))


def freshness(arrived, seen):
    """For each row the time from its arrival until the warehouse accounts for as many rows; seconds, ascending."""
    result, at = [], 0
    for number, arrival in enumerate(arrived, start=1):
        while at < len(seen) and seen[at][0] < number:
            at += 1
        assert at < len(seen), f"row {number} of {len(arrived)} was never accounted for"
        result.append(seen[at][1] - arrival)
    return sorted(result)


def wait_for_rows(watcher, rows, seconds):
    deadline = time.time() + seconds
    while time.time() < deadline:
        if watcher.seen and watcher.seen[-1][0] >= rows:
            return
        time.sleep(0.1)
    pytest.fail(f"{watcher.seen[-1:]} rows accounted for, {rows} acknowledged")


@pytest.mark.parametrize("types", ["native", "text"])
def test_live_rows_are_counted_within_two_seconds(types, hirestream, cassandra, keyspace, mysql, mysql_database, tmp_path, capsys):
    source, warehouse = cassandra.uri(keyspace), mysql.uri(mysql_database)
    journal, jobs = tmp_path / "journal.csv", f"csv:{tmp_path}/jobs.csv"
    hirestream("generate", "--to", source, "--types", types, "--rows", 20_000, "--span", "1h", "--journal", journal, "--jobs-to", jobs)
    history = sum(1 for _ in open(journal, encoding="utf-8")) - 1
    watcher = Watcher(mysql.events(mysql_database))
    engine = hirestream.start("run", "--source", source, "--warehouse", warehouse, "--jobs", jobs, "--log-level", "warning")
    try:
        watcher.start()
        wait_for_rows(watcher, history, 120)
        live = tmp_path / "live.csv"
        hirestream("generate", "--to", source, "--rate", RATE, "--seconds", SECONDS, "--seed", 2, "--journal", live)
        arrived = arrivals(live)
        wait_for_rows(watcher, history + len(arrived), 30)
        watcher.ending.set()
        watcher.join()
        stop(engine)
    finally:
        if engine.poll() is None:
            engine.kill()
            engine.communicate()
    values = freshness(arrived, [(rows - history, at) for rows, at in watcher.seen if rows > history])
    p50, p95, p99 = (values[min(int(len(values) * share), len(values) - 1)] for share in (0.5, 0.95, 0.99))
    with capsys.disabled():
        print(f"\nfreshness seen in MySQL ({types}, {RATE} rows/s): p50 {p50:.3f} s, p95 {p95:.3f} s, p99 {p99:.3f} s")
    assert_equal(Recount([str(journal), str(live)]), mysql.events(mysql_database), read_companies(jobs))
    assert p95 < 2.0


def test_sqlite_raw_log_is_followed(hirestream, tmp_path):
    source, warehouse, journal = f"sqlite:{tmp_path}/raw.db", f"sqlite:{tmp_path}/counts.db", tmp_path / "journal.csv"
    writer = hirestream.start("generate", "--to", source, "--rate", RATE, "--seconds", 10, "--journal", journal)
    time.sleep(1)
    engine = hirestream.start("run", "--source", source, "--warehouse", warehouse, "--log-level", "warning")
    assert writer.wait(timeout=60) == 0
    time.sleep(2)
    stop(engine)
    writer.communicate()
    assert_equal(Recount([str(journal)]), sqlite_events(warehouse))


def test_watched_directory_counts_new_and_changed_files(hirestream, tmp_path):
    directory, warehouse = tmp_path / "in", f"sqlite:{tmp_path}/counts.db"
    directory.mkdir()
    hirestream("generate", "--to", f"csv:{directory}/a.csv", "--rows", 3000, "--seed", 1)
    engine = hirestream.start("run", "--source", f"csv:{directory}", "--warehouse", warehouse, "--watch-interval", "200ms",
                              "--log-level", "warning")
    time.sleep(2)
    hirestream("generate", "--to", f"csv:{directory}/b.csv.gz", "--rows", 3000, "--seed", 2)
    time.sleep(2)
    hirestream("generate", "--to", f"csv:{directory}/a.csv", "--rows", 4000, "--seed", 3, "--replace")
    time.sleep(3)
    # A file that was cut is held: what it gave stays.
    shutil.copy(directory / "a.csv", tmp_path / "whole.csv")
    hirestream("generate", "--to", f"csv:{directory}/a.csv", "--rows", 2000, "--seed", 4, "--replace")
    time.sleep(3)
    stop(engine)
    (tmp_path / "b.csv").write_bytes(gzip.decompress((directory / "b.csv.gz").read_bytes()))
    assert_equal(Recount([str(tmp_path / "whole.csv"), str(tmp_path / "b.csv")]), sqlite_events(warehouse))


def test_demo_verifies_itself(hirestream, tmp_path):
    out = hirestream("demo", "--seconds", 6, "--rows", 20_000, "--dir", tmp_path / "demo")
    assert "verified: " in out and "cells equal to a recount" in out
    again = hirestream("demo", "--seconds", 2, "--dir", tmp_path / "demo", "--json")
    assert '"cells_different": 0' in again
