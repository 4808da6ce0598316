#!/usr/bin/env python3
"""The ways to count one Cassandra table on Spark, on the same rows and in one session: native ranges, connector and kernel, Spark SQL.

usage: tests/support/spark/run benchmarks/spark_paths.py --source cassandra://127.0.0.1:9042/KEYSPACE/TABLE [--warehouse mysql://…]
           [--repeats 3] [--tasks N] [--server-pid PID ...]

Prints one JSON line for each way: median wall seconds, CPU seconds of the client (driver, JVM, Python workers) and of the servers named by
--server-pid, and rows a second of each client core. Counting alone: nothing is staged; with --warehouse also a whole backfill, published,
(the first time into an empty table, then the same again: unchanged). The first run of each way is not counted.
"""
import argparse
import glob
import json
import os
import pathlib
import statistics
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("HIRESTREAM_KERNEL", str(ROOT / "build" / "libhirestream_kernel.so"))
sys.path.insert(0, str(ROOT / "integrations" / "spark"))

from hirestream import _kernel as kernel  # noqa: E402
from hirestream.spark import Job, Settings  # noqa: E402
from hirestream.spark import job as spark_job  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
SQL_COUNTS = ", ".join(f"count(if(custom_track = '{kind}', 1, null)) {kind}" for kind in ("click", "conversion", "qualified", "unqualified"))
SQL = f"""select to_date(ts) dates, hour(ts) hours, job_id, coalesce(publisher_id, 0) p, coalesce(campaign_id, 0) c, coalesce(group_id, 0) g, {SQL_COUNTS},
  count(if(coalesce(custom_track, '') = '' and ev = 1, 1, null)) impressions,
  sum(if(custom_track = 'click', cast(bid as decimal(20, 6)), 0)) spend
  from raw where job_id is not null and ts is not null and (custom_track in ('click', 'conversion', 'qualified', 'unqualified')
    or (coalesce(custom_track, '') = '' and ev = 1)) group by 1, 2, 3, 4, 5, 6"""


def cpu_of(root):
    """Of the process and all below it, those that have ended too, in seconds."""
    children, seconds = {}, {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                head, _, rest = file.read().rpartition(")")
        except OSError:
            continue  # it has ended
        process, fields = int(head.split()[0]), rest.split()
        children.setdefault(int(fields[1]), []).append(process)
        seconds[process] = sum(map(int, fields[11:15])) / TICKS
    waiting, total = [root], 0.0
    while waiting:
        process = waiting.pop()
        total += seconds.get(process, 0.0)
        waiting += children.get(process, [])
    return total


def measure(name, work, given, rows):
    walls, clients, servers = [], [], []
    for repeat in range(given.repeats + 1):
        before = [cpu_of(os.getpid()), sum(map(cpu_of, given.server_pid))]
        began = time.monotonic()
        work()
        if repeat > 0:
            walls.append(time.monotonic() - began)
            clients.append(cpu_of(os.getpid()) - before[0])
            servers.append(sum(map(cpu_of, given.server_pid)) - before[1])
    client = statistics.median(clients)
    print(json.dumps({"way": name, "rows": rows, "wall_s": round(statistics.median(walls), 2), "client_cpu_s": round(client, 2),
                      "server_cpu_s": round(statistics.median(servers), 2), "rows_per_s": round(rows / statistics.median(walls)),
                      "rows_per_client_core_s": round(rows / client) if client else None}), flush=True)


def session(uri):
    from pyspark.sql import SparkSession

    jars = ":".join(sorted(glob.glob(os.path.join(os.environ["HIRESTREAM_SPARK_JARS"], "*.jar"))))
    builder = SparkSession.builder.master("local[2,4]").appName("spark_paths").config("spark.driver.extraClassPath", jars)
    for name, value in {"ui.enabled": "false", "ui.showConsoleProgress": "false", "driver.bindAddress": "127.0.0.1", "driver.host": "127.0.0.1",
                        "driver.memory": "1g", "sql.session.timeZone": "UTC", "sql.shuffle.partitions": "2",
                        "cassandra.connection.host": uri.hostname, "cassandra.connection.port": str(uri.port or 9042)}.items():
        builder = builder.config(f"spark.{name}", value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--warehouse")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--server-pid", type=int, action="append", default=[])
    given = parser.parse_args()
    uri = urllib.parse.urlparse(given.source)
    keyspace, table = uri.path.strip("/").split("/")
    spark = session(uri)
    options = {"source.uri": given.source}
    if given.warehouse:
        options["warehouse.uri"] = given.warehouse
    job = Job(spark, Settings.of(options=options))
    run = spark_job.Run("measured", job.settings, 0, kernel.TRUST_KEYS)

    def count_ranges(ranges):
        parts = kernel.Parts()
        for begin, end in ranges:
            parts.move(run.settings.open().count_range(begin, end, 0, run.flags))
        yield parts.summary()["rows"]

    def count_batches(batches):
        import pyarrow

        parts = run.settings.open().count(batches, 0, 0)
        yield pyarrow.RecordBatch.from_arrays([pyarrow.array([parts.summary()["rows"]], pyarrow.int64())], ["rows"])

    def native():
        return sum(spark.sparkContext.parallelize(spark_job.ring(given.tasks), given.tasks).mapPartitions(count_ranges).collect())

    rows = native()
    frame = job.connector_frame(keyspace, table)
    frame.createOrReplaceTempView("raw")
    ways = {"native": native, "connector": lambda: frame.mapInArrow(count_batches, "rows long").collect(),
            "spark_sql": lambda: spark.sql(SQL).write.format("noop").mode("overwrite").save()}
    for name, work in ways.items():
        measure(name, work, given, rows)
    if given.warehouse:
        measure("backfill", lambda: job.backfill(given.tasks, closed_only=False), given, rows)
    spark.stop()


if __name__ == "__main__":
    main()
