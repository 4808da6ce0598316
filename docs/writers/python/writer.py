"""Writes tracking events into the recommended table. usage: writer.py HOST:PORT KEYSPACE TABLE < events.ndjson"""

import datetime
import decimal
import json
import sys
import uuid

from cassandra.cluster import Cluster
from cassandra.query import UNSET_VALUE

MASK = (1 << 64) - 1
EPOCH_TICKS = 0x01B21DD213814000  # 1970 in 100 ns since 1582
COLUMNS = ["ts", "job_id", "publisher_id", "campaign_id", "group_id", "bid", "custom_track", "ev", "ed"]
READ = {"ts": lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")), "bid": lambda bid: decimal.Decimal(str(bid)), "ev": str}


def shard_of(create_time, shards):
    """XXH3 (64 bits, seed 0) of the id's 16 bytes, modulo the shards: what hirestream's own writers take."""
    low = int.from_bytes(create_time.bytes[:8], "little") ^ 0x6782737BEA4239B9
    high = int.from_bytes(create_time.bytes[8:], "little") ^ 0xAF56BC3B0996523A
    product = low * high
    mixed = (16 + int.from_bytes(low.to_bytes(8, "little"), "big") + high + (product & MASK ^ product >> 64)) & MASK
    mixed = (mixed ^ mixed >> 37) * 0x165667919E3779F9 & MASK
    return (mixed ^ mixed >> 32) % shards


class Writer:
    def __init__(self, session, keyspace, table):
        self.session = session
        entries = session.execute(f'SELECT from_bucket_time, bucket_width_s, shard_count FROM "{keyspace}"."{table}_layout"')
        self.layout = sorted((entry[0].replace(tzinfo=datetime.timezone.utc).timestamp(), entry[1], entry[2]) for entry in entries)
        names = ["bucket", "shard", "create_time", *COLUMNS]
        self.insert = session.prepare(
            f'INSERT INTO "{keyspace}"."{table}" ({", ".join(names)}) VALUES ({", ".join("?" * len(names))})')

    def write(self, event):
        create_time = uuid.UUID(event["create_time"]) if "create_time" in event else uuid.uuid1()
        arrival_s = (create_time.time - EPOCH_TICKS) // 10_000_000
        _, width, shards = next((entry for entry in reversed(self.layout) if entry[0] <= arrival_s), self.layout[0])
        # A null that is bound is a tombstone: what is not there stays unset.
        values = [UNSET_VALUE if event.get(name) is None else READ.get(name, lambda value: value)(event[name]) for name in COLUMNS]
        return self.session.execute_async(self.insert, [arrival_s // width, shard_of(create_time, shards), create_time, *values])


def main():
    address, keyspace, table = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    with Cluster([host], int(port)) as cluster:
        writer = Writer(cluster.connect(), keyspace, table)
        for sent in [writer.write(json.loads(line)) for line in sys.stdin]:
            sent.result()


if __name__ == "__main__":
    main()
