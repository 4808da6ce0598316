"""Days that are kept no longer leave `events`; all else stays as it was, and nobody sees a difference."""

import datetime

import pytest

from conftest import sqlite_events
from oracle.recount import Recount, compare, read_accounting, read_events

KEPT_DAYS = 5


@pytest.fixture(params=["mysql", "mariadb", "sqlite"])
def warehouse(request, tmp_path):
    if request.param == "sqlite":
        uri = f"sqlite:{tmp_path}/etl.db"
        return uri, lambda: sqlite_events(uri)
    server, database = request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_database")
    return server.uri(database), lambda: server.events(database)


def by_age(cells, first_kept):
    """Those of days that are kept, and the others."""
    kept = {key: value for key, value in cells.items() if str(key[0]) >= str(first_kept)}
    return kept, {key: value for key, value in cells.items() if key not in kept}


def test_old_days_go_and_the_rest_stays(hirestream, cassandra, keyspace, warehouse, tmp_path):
    uri, events = warehouse
    source, journal = cassandra.uri(keyspace), tmp_path / "journal.csv"
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=12)
    hirestream("generate", "--to", source, "--rows", 20_000, "--from", begin.strftime("%Y-%m-%d %H:%M:%S"), "--span", "11d", "--journal", journal)
    run = ["run", "--once", "--source", source, "--warehouse", uri, "--retention", "3d", "--audit-delays", "10min"]
    refused = hirestream(*run, "--events-retention", "3d", expect=2)
    assert "must be at least a day longer" in refused
    hirestream(*run)
    right = Recount([str(journal)])
    assert not compare(right, events())
    rows = sum(read_accounting(events()).values())
    hirestream(*run, "--events-retention", f"{KEPT_DAYS}d")
    first_kept = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=KEPT_DAYS)).date()
    expected, old_before = by_age(right.cells(), first_kept)
    found, old = by_age({key: value[0] for key, value in read_events(events()).items()}, first_kept)
    assert found == expected
    # Slices that are not frozen yet give a little to old days.
    assert len(old) * 10 < len(old_before)
    assert sum(read_accounting(events()).values()) == rows
    hirestream("verify", "--source", source, "--warehouse", uri, "--retention", "3d")
    hirestream("status", "--warehouse", uri)
    hirestream("rebuild", "--warehouse", uri)
    # Once more: nothing is left to do.
    hirestream(*run, "--events-retention", f"{KEPT_DAYS}d")
    assert {key: value[0] for key, value in read_events(events()).items()} == found | old
