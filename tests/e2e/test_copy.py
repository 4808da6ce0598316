"""`import --from`: the history of a plain table in the recommended one, with its write times, idempotent, and on from where it was."""

import json

from test_table_shapes import ROWS, TABLES, count, events_of, expected_events, fill, rows, summary_of  # noqa: F401

def copy(hirestream, source, target, folder, *options, expect=0):
    return hirestream("--json", "--quiet", "import", "--from", source, "--to", target, *options, expect=expect, cwd=folder)


def written(cassandra, table):
    """By create_time: when its values were written, and what they have left to live."""
    found = cassandra.session.execute(f"SELECT create_time, WRITETIME(ts) AS written, TTL(ts) AS left FROM {table}")
    return {str(row.create_time): (row.written, row.left is not None) for row in found}


def test_a_plain_table_into_the_recommended_one(hirestream, cassandra, shared_keyspace, rows, tmp_path):  # noqa: F811
    fill(cassandra, shared_keyspace, "plain", TABLES["doubles"], rows)
    source, target = cassandra.uri(shared_keyspace, "plain"), cassandra.uri(shared_keyspace, "bucketed")
    plain, bucketed = f"{shared_keyspace}.plain", f"{shared_keyspace}.bucketed"
    cassandra.execute(f"INSERT INTO {plain} (create_time, ts, custom_track) VALUES ('{rows[0]['create_time']}', '2026-01-01 00:00:00', 'alive') "
                      "USING TTL 86400 AND TIMESTAMP 1")  # older than what is there
    cassandra.execute(f"INSERT INTO {plain} (create_time, ts, custom_track) VALUES ('6d4315a2-dad9-11ee-8000-0242ac120002', '2026-01-01 00:00:00', "
                      "'alive') USING TTL 86400 AND TIMESTAMP 1700000000000000")
    hirestream("init", "--source", target)
    summary = summary_of(copy(hirestream, source, target, tmp_path))
    assert (summary["rows_written"], summary["bad_rows"], summary["parts_done"]) == (ROWS + 1, 0, summary["parts"]), summary
    assert not list(tmp_path.glob("*.json")), "the progress file goes when all is copied"
    assert written(cassandra, bucketed) == written(cassandra, plain)
    assert written(cassandra, bucketed)["6d4315a2-dad9-11ee-8000-0242ac120002"] == (1_700_000_000_000_000, True)
    warehouse = tmp_path / "w.db"
    count(hirestream, target, warehouse)
    assert events_of(warehouse) == expected_events(rows)

    # What a writer has written since stays; the rest is written as it was.
    key = cassandra.session.execute(f"SELECT bucket, shard, create_time FROM {bucketed} LIMIT 1").one()
    cassandra.session.execute(f"UPDATE {bucketed} SET custom_track = 'newer' WHERE bucket = %s AND shard = %s AND create_time = %s", tuple(key))
    copy(hirestream, source, target, tmp_path)
    assert written(cassandra, bucketed) == written(cassandra, plain)
    found = cassandra.session.execute(f"SELECT custom_track FROM {bucketed} WHERE bucket = %s AND shard = %s AND create_time = %s", tuple(key)).one()
    assert found.custom_track == "newer"


def test_goes_on_where_it_was_and_knows_its_tables(hirestream, cassandra, shared_keyspace, rows, tmp_path):  # noqa: F811
    fill(cassandra, shared_keyspace, "long_key", TABLES["by_job"], rows)
    source, target = cassandra.uri(shared_keyspace, "long_key"), cassandra.uri(shared_keyspace, "resumed")
    hirestream("init", "--source", target)
    progress = tmp_path / "progress.json"
    identity = {name: f"cassandra cluster '{cluster}' table {shared_keyspace}.{table} id {number}" for name, table, cluster, number in [
        (name, table, cassandra.session.execute("SELECT cluster_name FROM system.local").one()[0],
         cassandra.session.execute(f"SELECT id FROM system_schema.tables WHERE keyspace_name = '{shared_keyspace}' AND table_name = '{table}'").one()[0])
        for name, table in [("from", "long_key"), ("to", "resumed")]]}
    progress.write_text(json.dumps(identity | {"parts": 128, "parts_done": 64}))
    summary = summary_of(copy(hirestream, source, target, tmp_path, "--progress-file", progress))
    assert summary["parts_done_before"] == 64
    behind = sum(row.t >= 0 for row in cassandra.session.execute(f"SELECT token(job_id) AS t FROM {shared_keyspace}.long_key"))
    assert summary["rows_written"] == behind
    progress.write_text(json.dumps(identity | {"to": "another table"}))
    said = copy(hirestream, source, target, tmp_path, "--progress-file", progress, expect=2)
    assert "is not about a copy" in said and "--progress-file" in said, said
    progress.unlink()
    assert summary_of(copy(hirestream, source, target, tmp_path, "--progress-file", progress))["rows_written"] == ROWS
    count(hirestream, target, tmp_path / "w.db")
    assert events_of(tmp_path / "w.db") == expected_events(rows)


def test_says_which_row_does_not_fit(hirestream, cassandra, shared_keyspace, rows, tmp_path):  # noqa: F811
    fill(cassandra, shared_keyspace, "dirty", TABLES["all_text"], rows[:5])
    cassandra.execute(f"INSERT INTO {shared_keyspace}.dirty (create_time, ts) VALUES ('row 17', '2026-01-01 00:00:00')")
    source, target = cassandra.uri(shared_keyspace, "dirty"), cassandra.uri(shared_keyspace, "clean")
    hirestream("init", "--source", target)
    said = copy(hirestream, source, target, tmp_path, expect=2)
    assert "row 17" in said and "is no version-1 UUID" in said, said
    summary = summary_of(copy(hirestream, source, target, tmp_path, "--on-bad-row", "skip", "--progress-file", tmp_path / "again.json"))
    assert (summary["rows_written"], summary["bad_rows"]) == (5, 1)


def test_refuses_what_is_no_copy(hirestream, cassandra, shared_keyspace, tmp_path):
    uri = cassandra.uri(shared_keyspace, "plain")
    assert "is --from and --to" in copy(hirestream, uri, uri, tmp_path, expect=2)
    assert "is no Cassandra table" in copy(hirestream, uri, f"sqlite:{tmp_path}/raw.db", tmp_path, expect=2)
    assert "nothing to import" in hirestream("import", "--to", uri, expect=2)


def test_a_table_of_other_names_without_a_time_of_the_event(hirestream, cassandra, shared_keyspace, tmp_path):
    table = f"{shared_keyspace}.named_otherwise"
    cassandra.execute(f'CREATE TABLE {table} (event_id timeuuid PRIMARY KEY, "Type" text, job_id text, price text)',
                      f"""INSERT INTO {table} (event_id, "Type", job_id, price) VALUES (91afd000-f924-11ec-8001-0242ac120002, 'click', '188', '1.5')""",
                      f"""INSERT INTO {table} (event_id, "Type", job_id, price) VALUES (b5731600-f924-11ec-8002-0242ac120002, 'click', 'NULL', 'n/a')""")
    source, target = cassandra.uri(shared_keyspace, "named_otherwise"), cassandra.uri(shared_keyspace, "named_as_usual")
    hirestream("init", "--source", target)
    options = ["--event-time", "arrival", "--null-words", "NULL,n/a", "--columns", "create_time=event_id,custom_track=Type,bid=price"]
    said = copy(hirestream, source, target, tmp_path, "--columns", "create_time=event_id,custom_track=Type,bid=cost", "--event-time", "arrival", expect=2)
    assert "no column cost, which stands for bid" in said, said
    said = copy(hirestream, source, target, tmp_path, expect=2)
    assert "--columns create_time=event_id,custom_track=Type" in said and "--event-time arrival" in said, said
    said = copy(hirestream, source, target, tmp_path, *options)
    assert "not copied" not in said, said
    rows = {str(row.create_time)[:8]: row for row in cassandra.session.execute(f"SELECT * FROM {shared_keyspace}.named_as_usual")}
    first, second = rows["91afd000"], rows["b5731600"]
    assert (str(first.ts), first.job_id, float(first.bid), first.custom_track) == ("2022-07-01 10:00:00", 188, 1.5, "click")
    assert (str(second.ts), second.job_id, second.bid) == ("2022-07-01 10:01:00", None, None)
