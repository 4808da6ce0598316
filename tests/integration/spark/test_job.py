"""hirestream on Spark: every way to read gives the engine's events, whatever happens to tasks, worker and driver."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid

import hirestream._kernel as kernel
import pytest
from pyspark import cloudpickle

from conftest import cells, classes, end_to_end, query
from hirestream import HirestreamError
from hirestream.spark import Job, Settings
from hirestream.spark import job as spark_job
from hirestream.spark.command import file_frame

# Tasks of this file run in processes that do not have it.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def make_job(spark, mysql, database, source, flags=0, frame=None):
    options = {"warehouse.uri": mysql.uri(database)}
    if source is not None:
        options["source.uri"] = source
    return Job(spark, Settings.of(options=options, frame=frame), flags)


def settle(hirestream, mysql, database, source):
    """A verification by the engine: no difference, to the last row."""
    hirestream("verify", "--source", source, "--warehouse", mysql.uri(database))


def keyspace_of(uri):
    return uri.split("/")[3]


def frame_of(spark, raw_logs, kind, directory):
    if kind == "parquet":
        path = directory / "raw.parquet"
        if not path.exists():
            file_frame(spark, "csv", raw_logs["csv"].removeprefix("csv:")).repartition(3).write.parquet(str(path))
        return spark.read.parquet(str(path))
    return file_frame(spark, kind, raw_logs[kind].removeprefix(f"{kind}:"))


def count_by(reader, spark, mysql, database, raw_logs, directory):
    kind, _, layout = reader.partition("_")
    if kind in ("native", "connector"):
        # The plain table's create_time is text, which can say one id in two ways.
        job = make_job(spark, mysql, database, raw_logs[layout], flags=4 if reader == "native_scan" else 0)
        if kind == "native":
            return job.backfill(3)
        return job.backfill_connector(keyspace_of(raw_logs[layout]), "tracking")
    job = make_job(spark, mysql, database, None, frame=(kind, f"{directory}/{kind}"))
    return job.backfill_frame(frame_of(spark, raw_logs, kind, directory).repartition(3, "create_time"))


READERS = ["native_tail", "native_scan", "connector_tail", "connector_scan", "parquet", "csv", "ndjson"]


@pytest.mark.parametrize("reader", READERS)
def test_every_way_to_read_gives_the_events_of_the_engine(reader, spark, mysql, mysql_database, raw_logs, directory, expected, hirestream):
    report = count_by(reader, spark, mysql, mysql_database, raw_logs, directory)
    assert report["complete"], report
    assert (cells(mysql, mysql_database), classes(mysql, mysql_database)) == expected
    if reader in ("native_tail", "connector_tail", "native_scan", "connector_scan"):
        settle(hirestream, mysql, mysql_database, raw_logs[reader.partition("_")[2]])
    assert query(mysql, mysql_database, "SELECT COUNT(*) FROM hirestream_staged_slices") == ((0,),)


def test_plain_spark_sql_says_the_same(spark, mysql, raw_logs, engine_database, expected):
    """But for the rows that the engine rejected, each with its reason, which SQL knows nothing of."""
    job_columns = spark.read.format("org.apache.spark.sql.cassandra").options(keyspace=keyspace_of(raw_logs["tail"]), table="tracking").load()
    rejected = [str(uuid.UUID(bytes=row[0])) for row in query(mysql, engine_database, "SELECT row_id FROM hirestream_rejects")]
    job_columns.where(~job_columns["create_time"].isin(rejected)).createOrReplaceTempView("raw")
    kinds = {"impressions": "coalesce(custom_track, '') = '' and ev = 1"}
    kinds |= {name: f"custom_track = '{name}'" for name in ("click", "conversion", "qualified", "unqualified")}
    counts = ", ".join(f"count(if({test}, 1, null)) {name}" for name, test in kinds.items())
    found = spark.sql(f"""select cast(to_date(ts) as string) dates, hour(ts) hours, cast(job_id as bigint), coalesce(publisher_id, 0), coalesce(campaign_id, 0),
        coalesce(group_id, 0), {counts}, cast(sum(if(custom_track = 'click', coalesce(bround(bid, 6), 0), 0)) as decimal(20, 6)) spend
        from raw where job_id is not null and job_id <> 0 and ts is not null and ({" or ".join(f"({test})" for test in kinds.values())})
        group by 1, 2, 3, 4, 5, 6""").collect()
    assert sorted(tuple(row) for row in found) == sorted((str(row[0]), *row[1:-1]) for row in expected[0])


# --- what happens to tasks


def once(marker):
    """True for the first who asks: tasks run in several processes."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def failing(task, marker, how):
    """The task, but one attempt of it ends badly."""

    def flaky(items):
        if how == "before" and once(marker):
            raise RuntimeError("before anything was counted")
        receipts = list(task(items))
        if how == "after_commit" and once(marker):
            raise RuntimeError("after the staging was committed")
        if how == "killed" and once(marker):
            os._exit(9)
        return iter(receipts)

    return flaky


@pytest.mark.parametrize("how", ["before", "after_commit", "killed"])
def test_a_task_that_is_tried_again_is_counted_once(how, spark, mysql, mysql_database, raw_logs, expected, tmp_path):
    job = make_job(spark, mysql, mysql_database, raw_logs["tail"])
    run = job.begin()
    marker = str(tmp_path / "failed")
    receipts = job.count(run, failing(spark_job.ranges_task(run), marker, how), spark_job.ring(4), 4)
    assert os.path.exists(marker)
    report = job.publish(run, receipts)
    assert report["attempts_discarded"] == (0 if how == "before" else 1)
    assert (cells(mysql, mysql_database), classes(mysql, mysql_database)) == expected


def test_another_process_publishes_what_a_driver_that_is_gone_has_staged(spark, mysql, mysql_database, raw_logs, expected, hirestream):
    job = make_job(spark, mysql, mysql_database, raw_logs["tail"])
    run = job.begin("of a driver that is gone")
    receipts = job.count(run, spark_job.ranges_task(run), spark_job.ring(2), 2)
    job.kernel.accept(run.id, [receipt[0] for receipt in receipts])
    publish = ["publish", "--run", run.id, "--warehouse", mysql.uri(mysql_database)]
    publisher = hirestream.start(*publish)
    time.sleep(0.3)
    publisher.send_signal(signal.SIGKILL)
    publisher.communicate(timeout=30)
    hirestream(*publish)
    hirestream(*publish)
    assert (cells(mysql, mysql_database), classes(mysql, mysql_database)) == expected


def test_verify_tells_what_differs_and_changes_nothing(spark, mysql, mysql_database, raw_logs, hirestream):
    # For ever: else all of it would be frozen, and nothing to compare.
    hirestream("run", "--once", "-q", "--retention", "0", "--source", raw_logs["tail"], "--warehouse", mysql.uri(mysql_database))
    job = make_job(spark, mysql, mysql_database, raw_logs["tail"])
    assert job.backfill(2, end="compare")["complete"]
    key = query(mysql, mysql_database, "SELECT shard, bucket FROM hirestream_slices ORDER BY row_count DESC LIMIT 1")[0]
    for table in ("hirestream_slices", "hirestream_deltas"):
        mysql.execute(f"DELETE FROM {mysql_database}.{table} WHERE shard = {key[0]} AND bucket = {key[1]}")
    before = cells(mysql, mysql_database)
    report = job.backfill(2, end="compare")
    assert report["slices_different"] == 1 and not report["complete"]
    assert cells(mysql, mysql_database) == before
    assert query(mysql, mysql_database, "SELECT COUNT(*) FROM hirestream_staged_runs") == ((0,),)


def test_a_live_engine_goes_on_while_spark_counts_under_it(spark, mysql, mysql_database, raw_logs, expected, hirestream):
    engine = hirestream.start("run", "-q", "--source", raw_logs["tail"], "--warehouse", mysql.uri(mysql_database))
    try:
        job = make_job(spark, mysql, mysql_database, raw_logs["tail"])
        for number in range(2):
            report = job.backfill(2, run=f"beside an engine {number}")
            assert report["slices_held"] == 0
        deadline = time.monotonic() + 60
        while cells(mysql, mysql_database) != expected[0] and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        end_to_end.stop(engine)
    assert (cells(mysql, mysql_database), classes(mysql, mysql_database)) == expected
    settle(hirestream, mysql, mysql_database, raw_logs["tail"])


@pytest.mark.parametrize("layout", ["bucketed", "plain"])
def test_continuous_counts_new_rows_by_slices_and_by_windows(spark, mysql, mysql_database, cassandra, keyspace, hirestream, tmp_path, layout):
    """Spark alone: rows that arrive after the first round are in after the next one. Of the plain table a round reads a window of event times."""
    def write(rows, seed):
        hirestream("generate", "--to", cassandra.uri(keyspace), "--layout", layout, "--rows", rows, "--seed", seed, "--journal", tmp_path / f"journal_{seed}.csv",
                   "--span", "300s")

    hirestream("init", "--warehouse", mysql.uri(mysql_database))
    write(2000, 1)
    job = make_job(spark, mysql, mysql_database, cassandra.uri(keyspace), flags=kernel.TRUST_KEYS)
    assert job.source["strategy"] == {"bucketed": "tail", "plain": "scan"}[layout]
    rounds = job.continuous(every_s=0, look_back_s=3600, rounds=1)
    next(rounds)
    write(1000, 2)
    report = next(rounds)
    assert report["slices_published"] > 0
    recount = end_to_end.Recount([str(tmp_path / f"journal_{seed}.csv") for seed in (1, 2)])
    end_to_end.assert_equal(recount, mysql.events(mysql_database))
    if layout == "plain":
        # One that begins within a minute leaves that minute out: half of its rows would be less than were counted.
        run = job.begin()
        begin_us = (run.begun_us - 150_000_000) // 60_000_000 * 60_000_000 + 30_000_000
        report = job.publish(run, job.count(run, spark_job.window_task(run, begin_us, run.begun_us), spark_job.ring(2), 2))
        assert (report["slices_held"], report["slices_published"]) == (0, 0)
        end_to_end.assert_equal(recount, mysql.events(mysql_database))


# --- events made anew, in one step


def tables_left(mysql, database):
    return query(mysql, database, f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{database}' AND LEFT(table_name, 18) = 'hirestream_rebuild'")


def test_rebuild_replaces_everything_at_once_wherever_it_was_killed(spark, mysql, mysql_database, raw_logs, expected, hirestream):
    job = make_job(spark, mysql, mysql_database, raw_logs["tail"])
    run = job.begin("to be rebuilt")
    receipts = job.count(run, spark_job.ranges_task(run), spark_job.ring(2), 2)
    job.kernel.accept(run.id, [receipt[0] for receipt in receipts])
    rebuild = ["rebuild", "--run", run.id, "--warehouse", mysql.uri(mysql_database), "--quiet"]
    process = hirestream.start(*rebuild)
    time.sleep(random.uniform(0.1, 0.8))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    held = cells(mysql, mysql_database)
    counted = query(mysql, mysql_database, "SELECT COUNT(*) FROM hirestream_slices")[0][0]
    assert (held == () and counted == 0) or (held == expected[0] and counted > 0)
    report = job.publish(run, receipts, end="rebuild")
    assert report["complete"] and report["slices_published"] + report["slices_unchanged"] > 0, report
    assert (cells(mysql, mysql_database), classes(mysql, mysql_database)) == expected
    assert not tables_left(mysql, mysql_database)
    assert query(mysql, mysql_database, "SELECT COUNT(*) FROM hirestream_staged_slices") == ((0,),)
    assert len(query(mysql, mysql_database, "SHOW INDEX FROM events WHERE key_name = 'events_company'")) == 2
    settle(hirestream, mysql, mysql_database, raw_logs["tail"])
    again = job.backfill(2, end="rebuild")
    assert again["slices_published"] == 0 and again["rebuild"]["cells_put_back"] + again["rebuild"]["cells_taken_away"] == 0


def test_rebuild_beside_a_live_engine(spark, mysql, mysql_database, cassandra, keyspace, hirestream, tmp_path):
    """Settled slices of which the engine has not all rows are put right in one step, while it counts what arrives."""
    source, warehouse = cassandra.uri(keyspace), mysql.uri(mysql_database)
    journals = [tmp_path / f"journal_{seed}.csv" for seed in range(3)]

    def generate(seed, *options):
        return hirestream.start("generate", "--to", source, "--seed", seed, "--journal", journals[seed], *options)

    assert generate(0, "--rows", 3000, "--span", "600s").wait() == 0
    hirestream("run", "--once", "-q", "--source", source, "--warehouse", warehouse)
    assert generate(1, "--rows", 3000, "--span", "600s").wait() == 0
    job = make_job(spark, mysql, mysql_database, source)
    engine = hirestream.start("run", "-q", "--source", source, "--warehouse", warehouse, "--poll-interval", "50ms")
    try:
        writer = generate(2, "--rate", 300, "--seconds", 6)
        reports = [job.backfill(2, end="rebuild")]
        while writer.poll() is None:
            reports.append(job.backfill(2, end="rebuild"))
        assert writer.returncode == 0
        recount = end_to_end.Recount([str(journal) for journal in journals])
        deadline = time.monotonic() + 60
        while end_to_end.compare(recount, mysql.events(mysql_database)) and time.monotonic() < deadline:
            time.sleep(0.5)
        end_to_end.assert_equal(recount, mysql.events(mysql_database))
        assert engine.poll() is None, engine.communicate()
    finally:
        end_to_end.stop(engine)
    assert reports[0]["rebuild"]["slices_replaced"] > 0 and reports[0]["slices_held"] == 0, reports
    assert not tables_left(mysql, mysql_database)
    settle(hirestream, mysql, mysql_database, source)


# --- the command line


def submit(*arguments, environment=None):
    return subprocess.run([sys.executable, "-m", "hirestream.spark.command", *arguments], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=os.environ | (environment or {}), check=False)


def test_a_terminal_shows_how_far_it_is(mysql, mysql_database, raw_logs):
    terminal, inside = os.openpty()
    process = subprocess.Popen([sys.executable, "-m", "hirestream.spark.command", "backfill", "--tasks", "16", "--set", f"source.uri={raw_logs['tail']}",
                                "--set", f"warehouse.uri={mysql.uri(mysql_database)}"], stdout=subprocess.PIPE, stderr=inside,
                               env=os.environ | {"HIRESTREAM_MYSQL_PASSWORD": end_to_end.SQL_PASSWORD})
    os.close(inside)
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while chunk := os.read(terminal, 65536):
            shown += chunk
    os.close(terminal)
    report = process.communicate()[0]
    assert process.returncode == 0 and json.loads(report)["slices_published"] > 0, shown[-2000:]
    assert re.search(rb"\[Stage \d+:.*/ 16\]", shown), shown[-2000:]


def test_wrong_settings_are_said_before_anything_runs():
    missing = submit("backfill", "--reader", "parquet")
    assert missing.returncode == 2 and "--path" in missing.stderr
    wrong = submit("backfill", "--set", "source.uri")
    assert wrong.returncode == 2 and "NAME=VALUE" in wrong.stderr


def test_a_table_whose_ids_may_be_in_two_partitions_is_refused(spark, mysql, mysql_database, raw_logs):
    job = make_job(spark, mysql, mysql_database, raw_logs["scan"])
    with pytest.raises(HirestreamError, match="--trust-keys") as refused:
        job.backfill(2)
    assert refused.value.kind == "config"


def test_reads_that_may_miss_acknowledged_rows_are_refused(spark, mysql, mysql_database, cassandra, hirestream):
    """One node stands for three: only the schema is read."""
    keyspace = end_to_end.unique("ks")
    replicas = "{{'class': 'SimpleStrategy', 'replication_factor': {}}}"
    cassandra.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replicas.format(1)}")
    try:
        one = cassandra.uri(keyspace)
        hirestream("init", "--source", one)
        make_job(spark, mysql, mysql_database, one).begin()
        cassandra.execute(f"ALTER KEYSPACE {keyspace} WITH replication = {replicas.format(3)}")
        with pytest.raises(HirestreamError, match="consistency=LOCAL_QUORUM") as refused:
            make_job(spark, mysql, mysql_database, one).begin()
        assert refused.value.kind == "config"
        make_job(spark, mysql, mysql_database, one, flags=kernel.STRONGEST).begin("all")
    finally:
        cassandra.execute(f"DROP KEYSPACE {keyspace}")


def test_a_run_is_begun_once(spark, mysql, mysql_database, raw_logs):
    job = make_job(spark, mysql, mysql_database, raw_logs["tail"])
    job.begin("june")
    with pytest.raises(HirestreamError, match="there already"):
        job.begin("june")
