"""Stopped at any moment, in any way: the next run ends with the same result. Seeded, so that a failure can be repeated."""

import os
import random
import signal
import sqlite3
import time

import pytest

from conftest import assert_equal
from oracle.recount import Recount, read_events

SEED = int(os.environ.get("HIRESTREAM_E2E_SEED", "1"))


@pytest.fixture
def raw_log(request, dataset, tmp_path):
    if request.param == "sqlite":
        return dataset.write(f"sqlite:{tmp_path}/raw.db")
    return dataset.write(request.getfixturevalue("cassandra").uri(request.getfixturevalue("keyspace")))


def interrupt(hirestream, arguments, send, after_s):
    """The exit code; None when it was done before."""
    process = hirestream.start(*arguments)
    time.sleep(after_s)
    if process.poll() is not None:
        process.communicate()
        return None
    process.send_signal(send)
    process.communicate(timeout=120)
    return process.returncode


def assert_nothing_counted_twice(recount, warehouse):
    """What is committed at any moment is never more than the rows say."""
    try:
        events = read_events(warehouse)
    except Exception as error:  # stopped before the tables were made
        assert "doesn't exist" in str(error), error
        return
    expected = recount.cells()
    for key, (measures, _, _) in events.items():
        assert all(found <= right for found, right in zip(measures, expected[key])), (key, measures, expected[key])


@pytest.mark.parametrize("raw_log", ["sqlite", "cassandra"], indirect=True)
@pytest.mark.parametrize("send", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl_c"])
def test_run_ends_equal_after_interruptions(raw_log, send, hirestream, dataset, mysql, mysql_database):
    choose = random.Random(SEED)
    arguments = ["run", "--once", "--source", raw_log, "--warehouse", mysql.uri(mysql_database), "--jobs", dataset.jobs,
                 "--rows-per-commit", "5000"]
    codes = []
    for _ in range(12):
        codes.append(interrupt(hirestream, arguments, send, choose.uniform(0.02, 0.8)))
        assert_nothing_counted_twice(dataset.recount(), mysql.events(mysql_database))
        if codes[-1] is None:
            break
    allowed = {None, -signal.SIGKILL} if send == signal.SIGKILL else {None, 130, -signal.SIGINT, 0}
    assert set(codes) <= allowed, codes
    print("exit codes", codes)
    hirestream(*arguments)
    assert_equal(dataset.recount(), mysql.events(mysql_database), dataset.companies())


def test_two_engines_on_one_source_end_equal(hirestream, tmp_path, mysql, mysql_database):
    """The one that came later fences the other, which stops with code 4 and has done no harm."""
    source, journal = f"sqlite:{tmp_path}/raw.db", tmp_path / "journal.csv"
    writer = hirestream.start("generate", "--to", source, "--rate", 100, "--seconds", 15, "--journal", journal)
    time.sleep(1.0)
    arguments = ["run", "--source", source, "--warehouse", mysql.uri(mysql_database)]
    first = hirestream.start(*arguments)
    time.sleep(3.0)
    second = hirestream.start(*arguments)
    try:
        _, errors = first.communicate(timeout=60)
        assert first.returncode == 4, errors
        out, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, out + errors
    finally:
        for process in (first, second, writer):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
    assert second.returncode == 0
    hirestream(*arguments, "--once")
    assert_equal(Recount([str(journal)]), mysql.events(mysql_database))


def test_interrupted_generation_leaves_a_journal_of_exactly_what_was_acknowledged(hirestream, tmp_path):
    source, journal = f"sqlite:{tmp_path}/raw.db", tmp_path / "journal.ndjson"
    process = hirestream.start("generate", "--to", source, "--rows", 2_000_000, "--journal", journal)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, out + errors
    with sqlite3.connect(f"{tmp_path}/raw.db") as database:
        (rows,) = database.execute("SELECT COUNT(*) FROM tracking").fetchone()
    assert rows == Recount([str(journal)]).rows() > 0
