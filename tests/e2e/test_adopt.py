"""A table that was dropped and created anew: its source goes on under its name, counts nothing twice, and holds what is missing."""

import csv
import datetime
import json

import pytest

from conftest import sqlite_events
from oracle.recount import Recount, compare, read_accounting

ROWS, MORE = 1_500, 200


def created_anew(cassandra, keyspace, keeps):
    """DROP and CREATE, then the rows of before that `keeps` lets back in."""
    table = f"{keyspace}.tracking"
    cassandra.cluster.refresh_table_metadata(keyspace, "tracking")
    create = cassandra.cluster.metadata.keyspaces[keyspace].tables["tracking"].export_as_string()
    before = cassandra.session.execute(f"SELECT id FROM system_schema.tables WHERE keyspace_name = '{keyspace}' AND table_name = 'tracking'").one()
    texts = [row[0] for row in cassandra.session.execute(f"SELECT JSON * FROM {table}")]
    cassandra.execute(f"DROP TABLE {table}", create)
    after = cassandra.session.execute(f"SELECT id FROM system_schema.tables WHERE keyspace_name = '{keyspace}' AND table_name = 'tracking'").one()
    assert before.id != after.id
    insert = cassandra.session.prepare(f"INSERT INTO {table} JSON ?")
    kept = [text for text in texts if keeps(json.loads(text)["create_time"])]
    for future in [cassandra.session.execute_async(insert, (text,)) for text in kept]:
        future.result()
    return len(texts), len(kept)


def journal_without(journal, ids, to):
    with open(journal, encoding="utf-8", newline="") as rows, open(to, "w", encoding="utf-8", newline="") as out:
        reader = csv.DictReader(rows)
        writer = csv.DictWriter(out, reader.fieldnames)
        writer.writeheader()
        writer.writerows(row for row in reader if row["create_time"] not in ids)
    return str(to)


@pytest.mark.parametrize("layout", ["plain", "bucketed"])
def test_a_table_that_was_dropped_and_created_anew(hirestream, cassandra, keyspace, tmp_path, layout):
    source, warehouse = cassandra.uri(keyspace), f"sqlite:{tmp_path}/counts.db"
    both = ["--source", source, "--warehouse", warehouse]
    journals = [tmp_path / "first.csv", tmp_path / "more.csv"]
    # Of slices that are not frozen.
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=8)

    def after(**time):
        return f"{begin + datetime.timedelta(**time):%Y-%m-%d %H:%M:%S}"

    def generate(journal, rows, seed, first):
        hirestream("generate", "--to", source, "--rows", rows, "--seed", seed, "--from", first, "--span", "2h", "--journal", journal,
                   *(["--layout", "plain"] if layout == "plain" else ["--shards", 2, "--bucket-width", 600]))

    def differences(*of):
        return compare(Recount(list(map(str, of))), sqlite_events(warehouse))

    def classes():
        return read_accounting(sqlite_events(warehouse))

    generate(journals[0], ROWS, 1, after(hours=0))
    hirestream("run", "--once", "--quiet", *both)
    assert not differences(journals[0])
    counted = classes()

    with open(journals[0], encoding="utf-8", newline="") as rows:
        gone = {row["create_time"] for row in csv.DictReader(rows) if after(hours=1) <= row["ts"] < after(hours=1, minutes=20)}
    was, kept = created_anew(cassandra, keyspace, lambda row_id: row_id not in gone)
    assert 0 < len(gone) == was - kept < was / 2

    refused = hirestream("run", "--once", *both, expect=2)
    assert "hirestream adopt" in refused, refused
    assert "table" in hirestream("adopt", *both, expect=1)
    assert "adopted" in hirestream("adopt", "--yes", *both)
    [known] = json.loads(hirestream("--json", "status", "--warehouse", warehouse))
    assert known["name"] == f"cassandra://{cassandra.address}/{keyspace}/tracking"

    # Nothing is counted twice, and nothing that is missing is taken away.
    generate(journals[1], MORE, 2, after(hours=4))
    for _ in range(2):
        hirestream("run", "--once", "--quiet", *both)
        assert not differences(*journals)
    [report] = json.loads(hirestream("--json", "--quiet", "verify", "--repair", *both, expect=1))
    assert report["slices_held"] > 0, report
    assert not differences(*journals)
    [known] = json.loads(hirestream("--json", "status", "--warehouse", warehouse))
    assert sum(known["rows"][name] for name in counted) == ROWS + MORE
    for name in ("other", "unattributed"):
        assert sum(kind["rows"] for kind in known["not_counted"] if kind["class"] == name) == known["rows"][name]

    hirestream("verify", "--repair", "--allow-shrink", "--quiet", *both)
    assert not differences(journal_without(journals[0], gone, tmp_path / "left.csv"), journals[1])
    [known] = json.loads(hirestream("--json", "status", "--warehouse", warehouse))
    assert known["slices"]["held"] == 0 and known["rows"]["total"] == ROWS + MORE - len(gone)
    for name in ("other", "unattributed"):
        assert sum(kind["rows"] for kind in known["not_counted"] if kind["class"] == name) == known["rows"][name]
