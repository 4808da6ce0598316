"""A large ledger, made by SQL: two sources with eight shards each, by the minute, a third not frozen yet, the others as sums by day; and a month of engines' minutes."""

import json
import time

SOURCES, SHARDS, MINUTES_KEPT = (1, 2), 8, 31 * 1440
FINGERPRINT = {"strategy": "tail", "bucket_width_s": "60", "timezone": "UTC", "attribution": "columns"}
BLOB_BYTES = 2048  # 150 cells
AT_ONCE = 2000

SLICES = """
INSERT INTO hirestream_slices (source_id, shard, bucket, name, tag, revision, state, row_count, row_hash, counted, unattributed, other_kinds,
  rejected, too_late, settled_at_us, audited_at_us, held, token, updated_at, contribution)
SELECT s.id, h.n, %(now)s - b.n, '', '', 3, IF(b.n < 3, 0, 1), 1500, b.n * 77777777777, 1200, 200, 80, b.n %% 16, 5,
  (%(now)s - b.n) * 60000000, (%(now)s - b.n) * 60000000, 0, 12345678901234, UTC_TIMESTAMP(6),
  REPEAT(UNHEX(SHA2(b.n * 8 + h.n, 256)), %(blob)s)
FROM hirestream_sources s
CROSS JOIN (SELECT n FROM numbers WHERE n < %(shards)s) h
CROSS JOIN (SELECT n FROM numbers WHERE n >= %(first)s AND n < %(last)s) b
"""

FROZEN_DAYS = """
INSERT INTO hirestream_frozen_days (source_id, shard, day, slices, row_count, row_hash, counted, unattributed, other_kinds, rejected, too_late)
SELECT s.id, h.n, (%(now)s - %(not_frozen)s) DIV 1440 - d.n, 1440, 1500 * 1440, d.n * 77777777777, 1200 * 1440, 200 * 1440, 80 * 1440, 11520, 7200
FROM hirestream_sources s CROSS JOIN (SELECT n FROM numbers WHERE n < %(shards)s) h CROSS JOIN (SELECT n FROM numbers WHERE n < %(days)s) d
"""

WRITERS = """
INSERT INTO hirestream_writers (source_id, shard, epoch, owner, token, settled_until, updated_at)
SELECT s.id, h.n, 4, 'engine', 0, %(now)s - 3, UTC_TIMESTAMP(6) FROM hirestream_sources s CROSS JOIN numbers h WHERE h.n < %(shards)s
"""

MINUTES = """
INSERT INTO hirestream_minutes (minute_us, source_id, new_rows, rows_read, requests, commits, commit_us_sum, commit_us_max, freshness_us_p50,
  freshness_us_p95, freshness_us_max, slices_settled, slices_corrected, slices_audited, conflicts, retries, rejected)
SELECT (%(now)s - b.n) * 60000000, s.id, 9000, 40000, 500, 200, 900000, 40000, 200000, 400000, 900000, 8, 0, 32, 0, 0, 20
FROM hirestream_sources s CROSS JOIN (SELECT n FROM numbers WHERE n < %(minutes)s) b
"""


def fill(connection, slices):
    """Returns the epoch minute up to which there is something."""
    buckets = slices // (len(SOURCES) * SHARDS)
    values = {"now": int(time.time()) // 60, "shards": SHARDS, "minutes": MINUTES_KEPT, "blob": BLOB_BYTES // 32}
    values["not_frozen"] = max(4, buckets // 3)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (n INT PRIMARY KEY)")
        cursor.executemany("INSERT INTO numbers VALUES (%s)", [(n,) for n in range(max(MINUTES_KEPT, buckets))])
        cursor.executemany(
            "INSERT INTO hirestream_sources (id, name, kind, fingerprint) VALUES (%s, %s, 'cassandra', %s)",
            [(source, f"logs.tracking_{source}", json.dumps(FINGERPRINT)) for source in SOURCES],
        )
        for first in range(0, values["not_frozen"], AT_ONCE):
            cursor.execute(SLICES, values | {"first": first, "last": min(first + AT_ONCE, values["not_frozen"])})
        cursor.execute(FROZEN_DAYS, values | {"days": (buckets - values["not_frozen"]) // 1440 + 1})
        cursor.execute(WRITERS, values)
        cursor.execute(MINUTES, values)
        cursor.execute("ANALYZE TABLE hirestream_slices, hirestream_minutes")
    return values["now"]
