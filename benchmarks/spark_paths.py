#!/usr/bin/env python3
"""The ways to count one Cassandra table on Spark, on the same rows and in one session.

usage: tests/support/spark/run benchmarks/spark_paths.py --source cassandra://127.0.0.1:9042/KEYSPACE/TABLE
           [--warehouse mysql://root@127.0.0.1:3306/NAME --jdbc-jar mysql-connector-j.jar] [--way WAY ...] [--repeats 3] [--tasks N]
           [--server-pid PID ...] [--every SECONDS]

Counting alone, nothing is written: native (ranges of the ring by the engine's driver), connector (the Spark Cassandra Connector and the kernel),
spark_sql (the connector and one pivoted group-by).

With --warehouse, a database for each, made anew before each run and dropped afterwards, from raw rows to a filled `events`: rebuild and backfill
(hirestream-spark), engine (hirestream run --once), sql_upsert (spark_sql, its cells by JDBC into a table beside, then one INSERT … ON DUPLICATE KEY UPDATE into
hirestream's own `events`), usual_job (what is mostly written: a group-by for each kind, full outer joins, appended by JDBC to a table without keys).
JDBC needs MySQL's driver: mvn dependency:copy -Dartifact=com.mysql:mysql-connector-j:9.3.0 -DoutputDirectory=.
The password is read from HIRESTREAM_MYSQL_PASSWORD.

With --every nothing is measured: usual_job is run so often until it is stopped, over rows with a later event time than the last one had seen.

The ways take turns. Prints one JSON line for each: median wall seconds, CPU seconds of the client (driver, JVM, Python workers, engine) and of the servers named
by --server-pid, rows a second of each client core; of the writing ways MySQL's commits and how much its redo log grew, too; and then the most memory of one Python
worker. The first run of each counting way is not counted; the writing ways begin with a warm session. It ends with 1 when what one counts or the clicks that one has written differ by
more than a hundredth from those of the first: the plain ways count a repeated row twice and refuse nothing.
"""
import argparse
import glob
import json
import os
import pathlib
import statistics
import sys
import time
import subprocess
import urllib.parse

import pymysql

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("HIRESTREAM_KERNEL", str(ROOT / "build" / "libhirestream_kernel.so"))
sys.path.insert(0, str(ROOT / "integrations" / "spark"))

from hirestream import _kernel as kernel  # noqa: E402
from hirestream.spark import Job, Settings  # noqa: E402
from hirestream.spark import job as spark_job  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
# Before every row.
FIRST_TIME = "1970-01-01 00:00:00"
SQL_COUNTS = ", ".join(f"count(if(custom_track = '{kind}', 1, null)) {kind}" for kind in ("click", "conversion", "qualified", "unqualified"))
SQL = f"""select to_date(ts) dates, hour(ts) hours, job_id, coalesce(publisher_id, 0) p, coalesce(campaign_id, 0) c, coalesce(group_id, 0) g, {SQL_COUNTS},
  count(if(coalesce(custom_track, '') = '' and ev = 1, 1, null)) impressions,
  coalesce(sum(if(custom_track = 'click', cast(bid as decimal(20, 6)), 0)), 0) spend
  from raw where job_id is not null and ts is not null and (custom_track in ('click', 'conversion', 'qualified', 'unqualified')
    or (coalesce(custom_track, '') = '' and ev = 1)) group by 1, 2, 3, 4, 5, 6"""


USUAL_TABLE = """CREATE TABLE IF NOT EXISTS usual_events (job_id BIGINT, dates DATE, hours INT, publisher_id BIGINT, campaign_id BIGINT, group_id BIGINT, clicks BIGINT,
  bid_set DOUBLE, spend_hour DOUBLE, conversion BIGINT, qualified_application BIGINT, disqualified_application BIGINT, company_id BIGINT, sources VARCHAR(255),
  updated_at DATETIME)"""
UPSERT = """INSERT INTO events (dates, hours, job_id, publisher_id, campaign_id, group_id, clicks, conversion, qualified_application, disqualified_application, impressions,
  spend_hour, sources, updated_at) SELECT dates, hours, job_id, p, c, g, click, conversion, qualified, unqualified, impressions, spend, 'Cassandra', UTC_TIMESTAMP(6)
  FROM staged_cells s ON DUPLICATE KEY UPDATE clicks = s.click, conversion = s.conversion, qualified_application = s.qualified,
  disqualified_application = s.unqualified, impressions = s.impressions, spend_hour = s.spend"""


class Warehouse:
    """A database of its own for each run."""

    def __init__(self, uri, jar):
        parts = urllib.parse.urlparse(uri)
        self.host, self.port, self.user, self.jar = parts.hostname, parts.port or 3306, parts.username or "root", jar
        self.name = parts.path.strip("/")
        self.uri = f"mysql://{self.user}@{self.host}:{self.port}/{self.name}"
        self.jdbc = f"jdbc:mysql://{self.host}:{self.port}/{self.name}?useSSL=false&allowPublicKeyRetrieval=true&rewriteBatchedStatements=true"

    def execute(self, *statements):
        with pymysql.connect(host=self.host, port=self.port, user=self.user, password=os.environ.get("HIRESTREAM_MYSQL_PASSWORD", ""), autocommit=True) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall()

    def empty(self):
        self.execute(f"DROP DATABASE IF EXISTS {self.name}", f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")

    def written(self):
        """Commits and bytes of the redo log since the server's start."""
        found = dict(self.execute("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_commit', 'Innodb_os_log_written')"))
        return int(found["Com_commit"]), int(found["Innodb_os_log_written"])

    def clicks(self, table):
        return int(self.execute(f"SELECT COALESCE(SUM(clicks), 0) FROM {self.name}.{table}")[0][0])

    def append(self, frame, table):
        (frame.write.format("jdbc").option("url", self.jdbc).option("dbtable", table).option("user", self.user).option("driver", "com.mysql.cj.jdbc.Driver")
         .option("password", os.environ.get("HIRESTREAM_MYSQL_PASSWORD", "")).mode("append").save())


def hirestream(*arguments):
    subprocess.run([str(ROOT / "build" / "hirestream"), *arguments, "-q"], check=True, stdout=subprocess.DEVNULL)


def usual_job(spark, warehouse, after=FIRST_TIME):
    """A group-by for each kind, joined, of rows with an event time after this one."""
    warehouse.execute(f"USE {warehouse.name}", USUAL_TABLE)
    names = ["job_id", "dates", "hours", "publisher_id", "campaign_id", "group_id"]
    spark.sql(f"select * from raw where job_id is not null and ts > '{after}'").na.fill(
        0, ["bid", "publisher_id", "campaign_id", "group_id"]).createOrReplaceTempView("filled")

    def one(kind, name):
        figures = "count(*) clicks, avg(bid) bid_set, sum(bid) spend_hour" if kind == "click" else f"count(*) {name}"
        return spark.sql(f"select job_id, to_date(ts) dates, hour(ts) hours, publisher_id, campaign_id, group_id, {figures} from filled where custom_track = '{kind}' "
                         "group by 1, 2, 3, 4, 5, 6")

    out = one("click", "clicks")
    for kind, name in (("conversion", "conversion"), ("qualified", "qualified_application"), ("unqualified", "disqualified_application")):
        out = out.join(one(kind, name), names, "full")
    warehouse.append(out.selectExpr("*", "0 company_id", "'Cassandra' sources", "current_timestamp() updated_at"), "usual_events")


def poll_as_usual(spark, warehouse, every_s):
    seen = FIRST_TIME
    while True:
        # A visitor whose clock runs ahead would end it.
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        newest = min(now, str(spark.sql("select max(ts) from raw").first()[0]))
        if newest > seen:
            usual_job(spark, warehouse, seen)
            seen = newest
        time.sleep(every_s)


def peak_of_workers(root):
    """The most memory that a Python worker below it has had, in MB."""
    peak = 0
    for process in below(root):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as command, open(f"/proc/{process}/status", encoding="ascii") as status:
                if b"pyspark.daemon" in command.read():
                    peak = max([peak, *(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))])
        except OSError:
            continue  # it has ended
    return peak


def cpu_of(root):
    """Of the process and all below it, those that have ended too, in seconds."""
    return sum(below(root).values())


def below(root):
    """The process and all below it: CPU seconds of each."""
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
    waiting, found = [root], {}
    while waiting:
        process = waiting.pop()
        found[process] = seconds.get(process, 0.0)
        waiting += children.get(process, [])
    return found


def measure(work, given, warehouse):
    """Seconds of the wall, of the client's and of the servers' processors; and what the warehouse has written."""
    if warehouse:
        warehouse.empty()
    written = warehouse.written() if warehouse else (0, 0)
    before = [cpu_of(os.getpid()), sum(map(cpu_of, given.server_pid))]
    began = time.monotonic()
    work()
    took = time.monotonic() - began, cpu_of(os.getpid()) - before[0], sum(map(cpu_of, given.server_pid)) - before[1]
    return *took, *(now - then for now, then in zip(warehouse.written() if warehouse else (0, 0), written))


def check_close(name, found, first):
    if not first or abs(found - first) > first / 100:
        sys.exit(f"{name} has {found}, the first way {first}")


def compare(ways, given, rows, warm_up, warehouse=None):
    """In turn, so that what else the machine does at a time is not one way's loss."""
    ways = {name: work for name, work in ways.items() if not given.way or name in given.way}
    runs = {name: [] for name in ways}
    clicks = None
    for repeat in range(given.repeats + warm_up):
        for name, work in ways.items():
            seconds = measure(work, given, warehouse)
            if repeat >= warm_up:
                runs[name].append(seconds)
                print(f"  {name}: {seconds[0]:.1f} s", file=sys.stderr, flush=True)
            if warehouse:
                found = warehouse.clicks("usual_events" if name == "usual_job" else "events")
                clicks = clicks or found
                check_close(f"{name}: written clicks", found, clicks)
    for name, seconds in runs.items():
        wall, client, server, commits, redo = (statistics.median(column) for column in zip(*seconds))
        print(json.dumps({"way": name, "rows": rows, "wall_s": round(wall, 2), "client_cpu_s": round(client, 2), "server_cpu_s": round(server, 2),
                          "rows_per_s": round(rows / wall), "rows_per_client_core_s": round(rows / client) if client else None}
                         | ({"commits": round(commits), "redo_mb": round(redo / 1e6, 1)} if warehouse else {})), flush=True)
    print(json.dumps({"worker_mb": peak_of_workers(os.getpid())}), flush=True)


def session(uri, jar):
    from pyspark.sql import SparkSession

    jars = ":".join(sorted(glob.glob(os.path.join(os.environ["HIRESTREAM_SPARK_JARS"], "*.jar"))) + ([jar] if jar else []))
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
    parser.add_argument("--warehouse", help="its database is dropped")
    parser.add_argument("--jdbc-jar")
    parser.add_argument("--way", action="append", help="these alone")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--server-pid", type=int, action="append", default=[])
    parser.add_argument("--every", type=float)
    given = parser.parse_args()
    uri = urllib.parse.urlparse(given.source)
    keyspace, table = uri.path.strip("/").split("/")
    spark = session(uri, given.jdbc_jar)
    job = Job(spark, Settings.of(options={"source.uri": given.source}))
    frame = job.connector_frame(keyspace, table)
    frame.createOrReplaceTempView("raw")
    if given.every:
        poll_as_usual(spark, Warehouse(given.warehouse, given.jdbc_jar), given.every)
    run = spark_job.Run("measured", job.settings, 0, kernel.TRUST_KEYS)

    def count_ranges(ranges):
        parts = kernel.Parts()
        for begin, end in ranges:
            parts.move(run.settings.open().count_range(begin, end, 0, run.flags))
        yield parts.summary()["rows"], sum(parts.cells()["clicks"].to_pylist())

    def count_batches(batches):
        import pyarrow

        parts = run.settings.open().count(batches, 0, 0)
        yield pyarrow.RecordBatch.from_arrays([pyarrow.array([parts.summary()["rows"]], pyarrow.int64())], ["rows"])

    def native():
        return [sum(column) for column in zip(*spark.sparkContext.parallelize(spark_job.ring(given.tasks), given.tasks).mapPartitions(count_ranges).collect())]

    def connector():
        return sum(row.rows for row in frame.mapInArrow(count_batches, "rows long").collect())

    rows, clicks = native()
    check_close("connector: rows", connector(), rows)
    check_close("spark_sql: clicks", spark.sql(SQL).agg({"click": "sum"}).first()[0] or 0, clicks)
    ways = {"native": native, "connector": connector,
            "spark_sql": lambda: spark.sql(SQL).write.format("noop").mode("overwrite").save()}
    compare(ways, given, rows, 1)
    if given.warehouse:
        warehouse = Warehouse(given.warehouse, given.jdbc_jar)
        compare(writing_ways(spark, given, warehouse), given, rows, 0, warehouse)
        warehouse.execute(f"DROP DATABASE IF EXISTS {warehouse.name}")
    spark.stop()


def writing_ways(spark, given, warehouse):
    def whole(end):
        made = Job(spark, Settings.of(options={"source.uri": given.source, "warehouse.uri": warehouse.uri}), kernel.TRUST_KEYS)
        report = made.backfill(given.tasks, end=end)
        assert report["complete"], report

    def sql_upsert():
        hirestream("init", "--warehouse", warehouse.uri)
        warehouse.append(spark.sql(SQL), "staged_cells")
        warehouse.execute(f"USE {warehouse.name}", UPSERT, "DROP TABLE staged_cells")

    ways = {"rebuild": lambda: whole("rebuild"), "backfill": lambda: whole("publish"),
            "engine": lambda: hirestream("run", "--once", "--source", given.source, "--warehouse", warehouse.uri, "--retention", "0")}
    if warehouse.jar:
        ways |= {"sql_upsert": sql_upsert, "usual_job": lambda: usual_job(spark, warehouse)}
    return ways


if __name__ == "__main__":
    main()
