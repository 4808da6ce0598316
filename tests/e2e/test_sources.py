"""The same rows through every source and into every warehouse: always what a plain recount says, and a second run changes nothing."""

import pytest

from conftest import Dataset, assert_equal, content, sqlite_events
from oracle.recount import Recount

PLAIN_NATIVE = """CREATE TABLE {}.tracking (
  create_time timeuuid PRIMARY KEY, ts timestamp, job_id int, publisher_id int, campaign_id bigint, group_id smallint, bid double,
  custom_track text, ev int, ed text, bn text, cd int, de text, dl text, dt text, id text, md text, rl text, sr text, tz int, ua text,
  uid text, utm_campaign text, utm_content text, utm_medium text, utm_source text, utm_term text, v int, vp text)"""

SOURCES = ["csv", "csv_gz", "ndjson_zst", "sqlite", "tail_native", "tail_text", "scan_text", "scan_native"]


@pytest.fixture
def raw_log(request, dataset, tmp_path):
    """The URI of a raw log of the given kind that holds the dataset."""
    kind = request.param
    if kind in ("csv", "csv_gz"):
        return dataset.write(f"csv:{tmp_path}/raw.{kind.replace('_', '.')}")
    if kind == "ndjson_zst":
        return dataset.write(f"ndjson:{tmp_path}/raw.ndjson.zst")
    if kind == "sqlite":
        return dataset.write(f"sqlite:{tmp_path}/raw.db")
    cassandra = request.getfixturevalue("cassandra")
    keyspace = request.getfixturevalue("keyspace")
    options = {"tail_native": [], "tail_text": ["--types", "text"], "scan_text": ["--layout", "plain"], "scan_native": []}[kind]
    if kind == "scan_native":
        cassandra.execute(PLAIN_NATIVE.format(keyspace))
    return dataset.write(cassandra.uri(keyspace), *options)


def run_once(hirestream, source, warehouse, dataset, *options):
    return hirestream("run", "--once", "--source", source, "--warehouse", warehouse, "--jobs", dataset.jobs, *options)


@pytest.mark.parametrize("raw_log", SOURCES, indirect=True)
def test_source_into_mysql_equals_a_recount(raw_log, hirestream, dataset, mysql, mysql_database):
    run_once(hirestream, raw_log, mysql.uri(mysql_database), dataset)
    assert_equal(dataset.recount(), mysql.events(mysql_database), dataset.companies())
    before = content(mysql.events(mysql_database))
    run_once(hirestream, raw_log, mysql.uri(mysql_database), dataset)
    assert content(mysql.events(mysql_database)) == before, "a second run must change nothing, updated_at included"


@pytest.mark.parametrize("raw_log", ["sqlite", "tail_native"], indirect=True)
def test_into_mariadb_equals_a_recount(raw_log, hirestream, dataset, mariadb, mariadb_database):
    run_once(hirestream, raw_log, mariadb.uri(mariadb_database), dataset)
    assert_equal(dataset.recount(), mariadb.events(mariadb_database), dataset.companies())


@pytest.mark.parametrize("raw_log", ["csv", "tail_native"], indirect=True)
def test_into_sqlite_equals_a_recount(raw_log, hirestream, dataset, tmp_path):
    warehouse = f"sqlite:{tmp_path}/counts.db"
    run_once(hirestream, raw_log, warehouse, dataset)
    assert_equal(dataset.recount(), sqlite_events(warehouse), dataset.companies())
    before = content(sqlite_events(warehouse))
    run_once(hirestream, raw_log, warehouse, dataset)
    assert content(sqlite_events(warehouse)) == before


@pytest.mark.parametrize("raw_log", ["sqlite", "tail_text", "scan_text"], indirect=True)
def test_payload_attribution_in_a_local_time_zone_equals_a_recount(raw_log, hirestream, dataset, tmp_path):
    warehouse = f"sqlite:{tmp_path}/counts.db"
    run_once(hirestream, raw_log, warehouse, dataset, "--attribution", "payload", "--timezone", "America/St_Johns")
    recount = dataset.recount(attribution="payload", timezone="America/St_Johns")
    assert recount.classes()["counted"] > dataset.recount().classes()["counted"]
    assert_equal(recount, sqlite_events(warehouse), dataset.companies())


def test_values_that_only_text_can_hold_are_rejected_everywhere_alike(hirestream, directory, cassandra, keyspace, tmp_path):
    dataset = Dataset(directory, hirestream, "text_dirt", 20_000, "--dirty", 0.2, "--text-dirt")
    sources = [(f"csv:{tmp_path}/raw.csv", []), (f"ndjson:{tmp_path}/raw.ndjson", []), (f"sqlite:{tmp_path}/raw.db", []),
               (cassandra.uri(keyspace, "tail"), ["--types", "text"]), (cassandra.uri(keyspace, "scan"), ["--layout", "plain"])]
    for number, (source, options) in enumerate(sources):
        warehouse = f"sqlite:{tmp_path}/counts_{number}.db"
        dataset.write(source, *options)
        run_once(hirestream, source, warehouse, dataset)
        assert dataset.recount().classes()["rejected"] > 1000
        assert_equal(dataset.recount(), sqlite_events(warehouse), dataset.companies())


def test_sources_of_one_warehouse_add_up(hirestream, directory, dataset, tmp_path, mysql, mysql_database):
    """Two raw logs with different rows in one events table."""
    other = Dataset(directory, hirestream, "other", 20_000, seed=8)
    for rows, source in ((dataset, f"csv:{tmp_path}/a.csv"), (other, f"ndjson:{tmp_path}/b.ndjson")):
        rows.write(source)
        run_once(hirestream, source, mysql.uri(mysql_database), rows)
    both = Recount([str(dataset.journal), str(other.journal)])
    assert_equal(both, mysql.events(mysql_database))


def test_import_loads_files_into_raw_logs_without_duplicates(hirestream, dataset, cassandra, keyspace, tmp_path):
    dataset.write(f"csv:{tmp_path}/raw.csv.zst")
    dataset.write(f"ndjson:{tmp_path}/raw.ndjson.gz")
    for number, target in enumerate([f"sqlite:{tmp_path}/raw.db", cassandra.uri(keyspace)]):
        if number == 1:
            hirestream("init", "--source", target, "--warehouse", f"sqlite:{tmp_path}/counts_1.db")
        hirestream("import", tmp_path / "raw.csv.zst", tmp_path / "raw.ndjson.gz", "--to", target)
        run_once(hirestream, target, f"sqlite:{tmp_path}/counts_{number}.db", dataset)
        assert_equal(dataset.recount(), sqlite_events(f"sqlite:{tmp_path}/counts_{number}.db"), dataset.companies())
