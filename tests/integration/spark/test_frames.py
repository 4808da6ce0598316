"""DataFrames into a SQLite warehouse: what needs Spark and no server."""

import sqlite3
import sys

import pyarrow
import pyarrow.parquet
import pytest

import test_aggregate
from hirestream import HirestreamError
from hirestream.spark import Job, Settings, command
from hirestream.spark import job as spark_job


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "counts.db"


def make_job(spark, warehouse, frame=("parquet", "rows"), **options):
    return Job(spark, Settings.of(options={"warehouse.uri": f"sqlite:{warehouse}", **options}, frame=frame))


def parquet(directory, table):
    path = directory / "rows.parquet"
    pyarrow.parquet.write_table(table, path)
    return str(path)


def sums(warehouse):
    with sqlite3.connect(warehouse) as connection:
        return connection.execute("SELECT SUM(impressions), SUM(clicks), SUM(bid_micros), COUNT(*) FROM events_micros").fetchone()


def native():
    return test_aggregate.table_of(test_aggregate.TEXTS, job_id=pyarrow.int32(), ts=pyarrow.timestamp("us", "UTC"))


def test_a_second_run_of_the_same_rows_changes_nothing(spark, tmp_path, warehouse):
    frame = spark.read.parquet(parquet(tmp_path, native()))
    first = make_job(spark, warehouse).backfill_frame(frame)
    assert first["slices_published"] > 0 and first["complete"]
    before = sums(warehouse)
    second = make_job(spark, warehouse).backfill_frame(frame)
    assert second["slices_published"] == 0 and second["slices_unchanged"] == first["slices_published"]
    assert sums(warehouse) == before
    cells, _ = test_aggregate.counted(native())
    assert before == (sum(cell[6] for cell in cells), sum(cell[7] for cell in cells), sum(cell[11] for cell in cells), len(cells))


def test_parts_of_one_slice_from_several_tasks_add_up(spark, tmp_path, warehouse):
    frame = spark.read.parquet(parquet(tmp_path, native())).repartition(5)
    assert make_job(spark, warehouse).backfill_frame(frame)["attempts_accepted"] == 5
    assert sums(warehouse)[3] == len(test_aggregate.counted(native())[0])


def test_an_id_is_one_id_in_whichever_way_it_is_spelled(spark, tmp_path, warehouse):
    table, place = native(), native().column_names.index("create_time")
    spelled = [[spell(text) for text in table["create_time"].to_pylist()] for spell in (str, str.upper, " {} ".format, "{{{}}}".format)]
    rows = pyarrow.concat_tables([table.set_column(place, "create_time", pyarrow.array(ids)) for ids in spelled])
    job = make_job(spark, warehouse)
    report = job.backfill_frame(job.by_id(spark.read.parquet(parquet(tmp_path, rows)), 7))
    assert report["complete"] and report["attempts_accepted"] == 7
    cells, _ = test_aggregate.counted(native())
    assert sums(warehouse)[1] == sum(cell[7] for cell in cells)


def test_what_a_task_met_is_told_as_it_was(spark, tmp_path, warehouse):
    frame = spark.read.parquet(parquet(tmp_path, native())).selectExpr("*", "array(ev) as ed")
    with pytest.raises(HirestreamError, match="ed.*cannot be read") as refused:
        make_job(spark, warehouse, **{"source.attribution": "payload"}).backfill_frame(frame)
    assert refused.value.kind == "config" and refused.value.hint


def test_other_settings_under_the_same_name_are_refused(spark, tmp_path, warehouse):
    frame = spark.read.parquet(parquet(tmp_path, native()))
    make_job(spark, warehouse).backfill_frame(frame)
    with pytest.raises(HirestreamError, match="timezone"):
        make_job(spark, warehouse, **{"source.timezone": "Europe/Berlin"}).begin()


def test_a_start_that_only_the_warehouse_knows_holds_for_tasks(spark, tmp_path, warehouse):
    frame = spark.read.parquet(parquet(tmp_path, native()))
    first = make_job(spark, warehouse, **{"source.start_at": "2026-06-01T10:30:00Z"}).backfill_frame(frame)
    second = make_job(spark, warehouse).backfill_frame(frame)
    assert 0 < first["rows"] and 0 < first["rows_counted"] < len(test_aggregate.TEXTS)
    assert (second["slices_published"], second["rows_counted"]) == (0, first["rows_counted"])


def test_columns_that_are_missing_are_told_before_anything_is_counted(spark, tmp_path, warehouse):
    frame = spark.read.parquet(parquet(tmp_path, native()))
    report = make_job(spark, warehouse).backfill_frame(frame.withColumnRenamed("bid", "price"))
    assert len(report["warnings"]) == 1 and report["warnings"][0].startswith("no column bid")
    with pytest.raises(HirestreamError, match="custom_track"):
        make_job(spark, warehouse).backfill_frame(frame.drop("custom_track"))


def test_a_node_s_own_settings_do_not_hold_for_tasks(spark, tmp_path, warehouse, monkeypatch):
    monkeypatch.setenv("HIRESTREAM_SOURCE_TIMEZONE", "UTC")
    settings = Settings.of(options={"warehouse.uri": f"sqlite:{warehouse}"}, frame=("csv", "rows"))

    def found(_):
        import os

        os.environ["HIRESTREAM_SOURCE_ATTRIBUTION"] = "payload"
        settings.open()
        yield sorted(name for name in os.environ if name.startswith("HIRESTREAM_SOURCE_"))

    assert spark.sparkContext.parallelize([0], 1).mapPartitions(found).collect() == [["HIRESTREAM_SOURCE_TIMEZONE"]]


def test_a_damaged_record_of_csv_is_rejected(spark, tmp_path, warehouse):
    path = tmp_path / "rows.csv"
    table = native().cast(pyarrow.schema([(name, pyarrow.string()) for name in native().column_names]))
    lines = [",".join(row[name] or "" for name in table.column_names) for row in table.to_pylist()]
    whole = [line for line in lines if ",click," in line]
    cut_off, too_long = whole[0].rsplit(",", 2)[0], whole[1] + ",more"
    path.write_text("\n".join([",".join(table.column_names), cut_off, too_long, *whole[2:], ""]), encoding="utf-8")
    job = make_job(spark, warehouse, ("csv", str(path)))
    report = job.backfill_frame(job.by_id(command.file_frame(spark, "csv", str(path)), 2))
    assert report["rejected"] == 2 and report["rows"] == len(whole)


@pytest.mark.parametrize(("path", "identity"), [
    ("/logs/", "/logs"), ("file:///logs/./may", "/logs/may"), ("file:/logs", "/logs"), ("./may//a.csv", "may/a.csv"),
    ("hdfs://name:9000/logs/../logs/", "hdfs://name:9000/logs"), ("s3a://bucket/", "s3a://bucket"), ("s3a://bucket", "s3a://bucket"),
])
def test_a_path_is_known_by_one_spelling(path, identity):
    assert command.settings_of(command.parse(["backfill", "--reader", "csv", "--path", path])).frame == ("csv", identity)


def test_passwords_of_files_travel_and_nothing_of_the_page(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("of the engine\n", encoding="utf-8")
    monkeypatch.delenv("HIRESTREAM_MYSQL_PASSWORD", raising=False)
    monkeypatch.setenv("HIRESTREAM_MYSQL_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("HIRESTREAM_HTTP_TOKEN", "of the page, which tasks do not serve")
    carried = Settings.of(options={}).secrets
    assert carried["HIRESTREAM_MYSQL_PASSWORD"] == "of the engine" and not any("FILE" in name or "HTTP" in name for name in carried)
    monkeypatch.setenv("HIRESTREAM_MYSQL_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(HirestreamError, match="none") as refused:
        Settings.of(options={})
    assert refused.value.kind == "config"


def test_a_process_opens_its_kernel_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HIRESTREAM_MYSQL_PASSWORD", "of the engine")
    settings = Settings.of(options={"warehouse.uri": f"sqlite:{tmp_path}/events.db"}, frame=("csv", "rows"))
    assert settings.open() is settings.open()
    others = Settings.of(options={"warehouse.uri": f"sqlite:{tmp_path}/others.db"}, frame=("csv", "rows"))
    assert others.open() is not settings.open()


@pytest.mark.parametrize("text, said", [
    ("ModuleNotFoundError: No module named 'hirestream'", "wheel"),
    ("ModuleNotFoundError: No module named 'pandas'", "pandas<3"),
    ("java.lang.OutOfMemoryError: Java heap space", "--tasks"),
])
def test_what_a_worker_lacks_is_said(text, said):
    assert said in str(spark_job.explained(RuntimeError(text)))
    assert spark_job.explained(ValueError("other")).args == ("other",)


@pytest.mark.parametrize(("text", "said"), [
    # What Spark 3.4 for Scala 2.12 says with the connector for 2.13, and the other way round.
    ("An error occurred while calling o35.load.\n: java.lang.NoClassDefFoundError: scala/$less$colon$less\n\tat org.apache.spark.sql.cassandra.DefaultSource", "another Scala"),
    ("An error occurred while calling o35.load.\n: java.lang.NoSuchMethodError: 'scala.collection.mutable.ArrayOps scala.Predef$.refArrayOps(java.lang.Object[])'", "another Scala"),
    ("An error occurred while calling o35.load.\n: java.lang.ClassNotFoundException: \nFailed to find data source: org.apache.spark.sql.cassandra.", "is not there"),
])
def test_says_what_is_wrong_with_the_connector(text, said):
    error = str(spark_job.connector_failure(text, "logs.tracking", "2.12.17"))
    assert said in error and "spark-cassandra-connector_2.12:3.4.1" in error, error


def test_other_failures_of_the_connector_keep_their_cause():
    trace = "\n\tat org.apache.spark.sql.cassandra.DefaultSource.inferSchema(DefaultSource.scala:69)\n\tat scala.Option.getOrElse(Option.scala:189)"
    refused = spark_job.connector_failure("java.io.IOException: Failed to open native connection to Cassandra at {127.0.0.1:1} :: refused" + trace, "logs.tracking", "2.12.17")
    assert refused.kind == "transient" and "{127.0.0.1:1} :: refused" in str(refused)
    assert spark_job.connector_failure("java.io.IOException: Couldn't find table tracking in logs" + trace, "logs.tracking", "2.12.17") is None


@pytest.mark.parametrize(("python", "said"), [((3, 11, 0), "pip install 'pyspark==3.4"), ((3, 12, 0), "PySpark 3.4 does not run on Python 3.12 and later")])
def test_the_command_says_what_this_python_lacks(python, said, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with monkeypatch.context() as changed:
        changed.setattr(sys, "version_info", python)
        status = command.main(["backfill"])
    assert status == 2 and said in capsys.readouterr().err
