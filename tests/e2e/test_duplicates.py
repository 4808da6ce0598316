"""An id in two partitions of a Cassandra table is counted twice: `verify --duplicates` tells."""

import json

COPIES = 37


def to_other_shard(cassandra, keyspace):
    """Some rows once more, in another shard of their bucket, as a writer with another idea of the layout leaves them."""
    rows = cassandra.session.execute(f"SELECT bucket, shard, create_time FROM {keyspace}.tracking LIMIT {COPIES}")
    for bucket, shard, create_time in rows:
        text = cassandra.session.execute(
            f"SELECT JSON * FROM {keyspace}.tracking WHERE bucket = %s AND shard = %s AND create_time = %s",
            (bucket, shard, create_time)).one()[0]
        row = json.loads(text) | {"shard": (shard + 1) % 8}
        cassandra.session.execute(f"INSERT INTO {keyspace}.tracking JSON %s", (json.dumps(row),))


def test_ids_in_two_partitions_are_found(hirestream, cassandra, keyspace, tmp_path):
    source, warehouse = cassandra.uri(keyspace), f"sqlite:{tmp_path}/counts.db"
    hirestream("generate", "--to", source, "--rows", 20_000, "--span", "3h")
    hirestream("run", "--once", "--source", source, "--warehouse", warehouse)
    options = ["--quiet", "--source", source, "--warehouse", warehouse]
    assert "no id is in several partitions" in hirestream("verify", "--duplicates", *options)
    to_other_shard(cassandra, keyspace)
    hirestream("verify", "--repair", *options)
    found = json.loads(hirestream("verify", "--duplicates", "--json", *options))[0]
    assert not found["difference_remains"], "all of them are counted"
    assert (found["rows_read"], found["rows_duplicate"]) == (20_000 + COPIES, COPIES)
    assert not found["duplicates_in_part"] and len(found["duplicates"]) == 5
    said = hirestream("verify", "--duplicates", *options)
    assert f"warning: {COPIES} rows have an id that is in another partition, too" in said and found["duplicates"][0] in said
