"""Makes the bytes that the reader of Cassandra's commit log is tested with: writes rows of every kind to a running server, takes the segment
they stand in, and asks the server what has become of them.

usage: make_data.py HOST:PORT COMMITLOG_FOLDER TARGET_FOLDER [--few]

TARGET_FOLDER gets the segment, cut behind its last marker, and tables.txt: the tables and every value with its write time, as the server
has them. One line each, fields between tabs:
  table  KEYSPACE NAME ID   column KIND POSITION NAME TYPE    dropped NAME TYPE     (of the table above)
  row    TABLE KEY          value COLUMN HEX WRITTEN_US TTL   (of the row above; KEY: its columns in hexadecimal, TTL as it was written, 0: none)
"""
import datetime
import decimal
import glob
import os
import re
import shutil
import struct
import sys
import time
import uuid

from cassandra.cluster import Cluster
from cassandra.util import uuid_from_time

SEGMENT_BYTES = 32 << 20
KEYSPACE = "logs"
TABLES = {
    "tracking": "create_time text PRIMARY KEY, bid int, bn text, campaign_id int, custom_track text, ed text, ev int, group_id int, job_id int, "
                "publisher_id int, ts text, ua text, v int",
    "native": "job_id int, ts timestamp, create_time timeuuid, bid decimal, tags list<text>, attrs map<text, int>, nums frozen<list<int>>, "
              "st set<text>, b blob, d double, ok boolean, si smallint, ti tinyint, bi bigint, f float, dt date, tm time, ip inet, vi varint, u uuid, "
              "tup frozen<tuple<int, text>>, dur duration, PRIMARY KEY ((job_id), ts, create_time)",
    "composite": "a int, b text, c int, s1 text static, v text, PRIMARY KEY ((a, b), c)",
    "wide": "k int, c int, " + ", ".join(f"c{i:03} int" for i in range(100)) + ", PRIMARY KEY (k, c)",
    "changed": "k text PRIMARY KEY, v text, w int, x text",
}


def segments(folder):
    return sorted(glob.glob(os.path.join(folder, "CommitLog-*.log")))


def marked_end(path):
    """Behind the last marker that is set."""
    with open(path, "rb") as file:
        header = file.read(14)
        at = 14 + struct.unpack(">H", header[12:])[0] + 4
        while True:
            file.seek(at)
            end = struct.unpack(">i", file.read(4).ljust(4, b"\0"))[0]
            if end <= at:
                return at + 8
            at = end


def next_segment(session, folder):
    """What is written from now on stands in a segment of its own."""
    session.execute(f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.filler (k int PRIMARY KEY, v blob)")
    fill = session.prepare(f"INSERT INTO {KEYSPACE}.filler (k, v) VALUES (?, ?)")
    before = set(begun(folder))
    while set(begun(folder)) == before:
        # Random: a compressed segment is to be filled, too. The last ones are small, for one of them begins the new segment.
        left = SEGMENT_BYTES - marked_end(begun(folder)[-1])
        session.execute(fill, (1, os.urandom(min(4 << 20, max(left // 2, 2000)))))
        time.sleep(0.3)


def begun(folder):
    return [path for path in segments(folder) if marked_end(path) > 200]


def write_rows(session, few):
    def execute(query, *values):
        session.execute(query.replace("logs.", KEYSPACE + "."), values or None)

    for i in range(3 if few else 20):
        execute("INSERT INTO logs.tracking (create_time, bid, custom_track, job_id, ts, ua) VALUES (%s, %s, %s, %s, %s, %s)",
                str(uuid_from_time(1_700_000_000 + i)), i, "click", 100 + i, "2026-11-28 07:50:00", "ü" * i)
    if few:
        return
    key = "2026-11-28 07:50:00 é"
    execute("INSERT INTO logs.tracking (create_time, bid, bn, ts, ua, v) VALUES (%s, -5, 'b', %s, 'u', -2147483648)", key, "x" * 300)
    execute("INSERT INTO logs.tracking (create_time, bid) VALUES (%s, 7)", key)
    execute("UPDATE logs.tracking SET bn = 'updated' WHERE create_time = %s", key)
    execute("INSERT INTO logs.tracking (create_time, ev) VALUES (%s, 1) USING TTL 864000", key)
    execute("UPDATE logs.tracking USING TTL 770000 SET group_id = 9 WHERE create_time = %s", key)
    execute("DELETE ua FROM logs.tracking WHERE create_time = %s", key)
    execute("INSERT INTO logs.tracking (create_time, bid, v) VALUES ('old', 8, null) USING TIMESTAMP 1")
    execute("INSERT INTO logs.tracking (create_time, bid) VALUES ('older', 8) USING TIMESTAMP -9000000000000000000")
    execute("INSERT INTO logs.tracking (create_time, bid) VALUES ('deleted', 8)")
    execute("DELETE FROM logs.tracking WHERE create_time = 'deleted'")
    execute("INSERT INTO logs.tracking (create_time) VALUES ('key alone')")
    execute("INSERT INTO logs.tracking (create_time, bid) VALUES ('once', 1) IF NOT EXISTS")
    execute("INSERT INTO logs.tracking (create_time, bid) VALUES ('once', 2) IF NOT EXISTS")
    execute("UPDATE logs.tracking SET bid = 3 WHERE create_time = 'once' IF bid = 1")
    execute("BEGIN BATCH INSERT INTO logs.tracking (create_time, bid) VALUES ('of a batch', 11); "
            "INSERT INTO logs.changed (k, v, w) VALUES ('of a batch', 'q', 3); "
            "INSERT INTO logs.composite (a, b, c, v) VALUES (1, 'of a batch', 2, 'v') APPLY BATCH")
    stamp, when = uuid_from_time(1_700_000_100), datetime.datetime(2026, 11, 28, 7, 50, 1, 123000)
    values = {"job_id": 12, "ts": when, "create_time": stamp, "bid": decimal.Decimal("-123.4500"), "tags": ["a", "", "c"], "attrs": {"x": 1, "y": -2},
              "nums": [1, 2, -3], "st": {"p", "q"}, "b": b"\x00\xff", "d": -1.5, "ok": True, "si": -3, "ti": -4, "bi": -2**63, "f": 0.25,
              "dt": datetime.date(2026, 11, 28), "tm": datetime.time(7, 50), "ip": "10.0.0.1", "vi": -2**90, "u": uuid.UUID(int=77), "tup": (1, "z")}
    insert = session.prepare(f"INSERT INTO {KEYSPACE}.native ({', '.join(values)}) VALUES ({', '.join('?' for _ in values)})")
    session.execute(insert, list(values.values()))
    where = "WHERE job_id = 12 AND ts = '2026-11-28 07:50:01.123+0000' AND create_time = " + str(stamp)
    execute(f"UPDATE logs.native SET tags = tags + ['d'], attrs['z'] = 9, dur = 1mo2d3s {where}")
    execute(f"DELETE attrs['x'], st FROM logs.native {where}")
    execute("BEGIN UNLOGGED BATCH " + "".join(f"INSERT INTO logs.native (job_id, ts, create_time, bi) VALUES (7, {i}, {stamp}, {i}); "
                                              for i in range(30)) + "APPLY BATCH")
    execute(f"DELETE FROM logs.native WHERE job_id = 7 AND ts = 3 AND create_time = {stamp}")
    execute(f"DELETE FROM logs.native WHERE job_id = 99 AND ts >= 1 AND ts < 5")
    execute("INSERT INTO logs.composite (a, b, c, s1, v) VALUES (1, 'bb', 3, 'S', 'V')")
    execute("UPDATE logs.composite SET s1 = 'T' WHERE a = 1 AND b = 'bb'")
    execute("INSERT INTO logs.wide (k, c, c001, c099) VALUES (1, 1, 2, 3)")
    execute("BEGIN UNLOGGED BATCH " + "".join(
        f"INSERT INTO logs.wide (k, c, {', '.join(columns)}) VALUES (2, {row}, {', '.join(map(str, range(len(columns))))}); "
        for row, columns in enumerate([[f"c{i:03}" for i in range(count)] for count in (100, 1, 90, 40)])) + "APPLY BATCH")
    execute("INSERT INTO logs.changed (k, v, x) VALUES ('before', 'b', 'c')")
    execute("ALTER TABLE logs.changed DROP x")
    execute("ALTER TABLE logs.changed ADD y int")
    execute("INSERT INTO logs.changed (k, v, y) VALUES ('after', 'b', 4)")
    execute("CREATE TABLE logs.passing (k int PRIMARY KEY, v text)")
    execute("INSERT INTO logs.passing (k, v) VALUES (1, 'v')")
    execute("INSERT INTO logs.tracking (create_time, bid) VALUES ('the last', 1)")


def write_tables(session, out):
    names = [row.table_name for row in session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (KEYSPACE,))]
    others = [(row.keyspace_name, row.table_name) for row in session.execute("SELECT keyspace_name, table_name FROM system_schema.tables")]
    for keyspace, name in sorted(others):
        where = f"WHERE keyspace_name = '{keyspace}' AND table_name = '{name}'"
        number = session.execute(f"SELECT id FROM system_schema.tables {where}").one().id
        print("table", keyspace, name, number, sep="\t", file=out)
        for row in session.execute(f"SELECT column_name, kind, position, type FROM system_schema.columns {where}"):
            print("column", row.kind, row.position, row.column_name, row.type, sep="\t", file=out)
        for row in session.execute(f"SELECT column_name, type FROM system_schema.dropped_columns {where}"):
            print("dropped", row.column_name, row.type, sep="\t", file=out)
    for name in sorted(set(names) & set(TABLES)):
        write_values(session, name, out)


def write_values(session, name, out):
    columns = list(session.execute(f"SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = '{KEYSPACE}' "
                                   f"AND table_name = '{name}'"))
    kinds = ("partition_key", "clustering")
    key = [row.column_name for row in sorted((row for row in columns if row.kind in kinds), key=lambda row: (kinds.index(row.kind), row.position))]
    regular = [row.column_name for row in columns if row.kind == "regular" and not re.match(r"(list|set|map)<", row.type)]
    types = {row.column_name: row.type for row in columns}

    def blob(column):
        return column if types[column] == "blob" else f"{blob_function(types[column])}({column})"

    for row in session.execute(f"SELECT {', '.join(key)}, {', '.join(f'writetime({c}), ttl({c})' for c in regular)} FROM {KEYSPACE}.{name}"):
        where = " AND ".join(f"{column} = %s" for column in key)
        exact = session.execute(f"SELECT {', '.join(blob(c) for c in key + [c for c in regular if convertible(types[c])])} FROM {KEYSPACE}.{name} "
                                f"WHERE {where}", row[:len(key)]).one()
        print("row", name, ",".join(value.hex() for value in exact[:len(key)]), sep="\t", file=out)
        bytes_of = dict(zip([c for c in regular if convertible(types[c])], exact[len(key):]))
        for i, column in enumerate(regular):
            written, left = row[len(key) + 2 * i], row[len(key) + 2 * i + 1]
            if written is not None:
                ttl = 0 if left is None else -(-left // 1000) * 1000
                print("value", column, bytes_of[column].hex() if column in bytes_of else "?", written, ttl, sep="\t", file=out)


def convertible(kind):
    return "<" not in kind and kind != "duration"


def blob_function(kind):
    return kind + "AsBlob"


def main():
    few = "--few" in sys.argv
    address, folder, target = [argument for argument in sys.argv[1:] if argument != "--few"]
    host, port = address.split(":")
    session = Cluster([host], port=int(port), protocol_version=4).connect()
    session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    session.execute(f"CREATE KEYSPACE {KEYSPACE} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    for name, columns in TABLES.items():
        session.execute(f"CREATE TABLE {KEYSPACE}.{name} ({columns})")
    next_segment(session, folder)
    write_rows(session, few)
    time.sleep(1)
    path = begun(folder)[-1]
    os.makedirs(target, exist_ok=True)
    with open(path, "rb") as source, open(os.path.join(target, os.path.basename(path)), "wb") as copy:
        copy.write(source.read(marked_end(path)))
    session.execute(f"DROP TABLE IF EXISTS {KEYSPACE}.passing")  # its entry stands in the segment
    with open(os.path.join(target, "tables.txt"), "w", encoding="utf-8") as out:
        write_tables(session, out)
    print(os.path.join(target, os.path.basename(path)), os.path.getsize(os.path.join(target, os.path.basename(path))), "bytes")


main()
