"""What the wheel does in the Python that it was installed into: prove_pythons.py runs this in each, with test_aggregate.py and test_frames.py."""

import importlib.metadata
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest

import hirestream
import test_aggregate

COMMAND = pathlib.Path(sys.prefix) / "bin" / "hirestream-spark"


def command(*arguments):
    return subprocess.run([str(COMMAND), *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def typed():
    return test_aggregate.table_of(test_aggregate.TEXTS, job_id=pyarrow.int32(), ts=pyarrow.timestamp("us"), bid=pyarrow.float64())


def test_the_package_and_its_library_are_those_of_the_wheel():
    package = pathlib.Path(hirestream.__file__).parent
    assert package.parent == next(pathlib.Path(sys.prefix).glob("lib/python*/site-packages"))
    assert (package / "libhirestream_kernel.so").is_file() and "HIRESTREAM_KERNEL" not in os.environ
    assert hirestream.product().startswith(importlib.metadata.version("hirestream") + " (commit ")


def pandas_frame(table):
    return table.to_pandas()


def polars_frame(table):
    import polars

    return polars.from_arrow(table)


def duckdb_relation(table):
    import duckdb

    return duckdb.from_arrow(table)


@pytest.mark.parametrize("made", [pandas_frame, polars_frame, duckdb_relation])
def test_a_frame_of_another_library_is_counted_as_its_table_is(made):
    frame = made(typed())
    assert not isinstance(frame, pyarrow.Table)
    assert test_aggregate.counted(frame) == test_aggregate.counted(typed())


def test_the_command_helps_and_names_its_script():
    helped, script = command("--help"), command("--script")
    assert (helped.returncode, helped.stderr) == (0, "") and "rebuild" in helped.stdout
    assert script.returncode == 0 and pathlib.Path(script.stdout.strip()).is_file()
    assert command("backfill", "--help").returncode == 0


def test_the_command_counts_on_spark_or_says_that_it_cannot_here(tmp_path):
    pyarrow.parquet.write_table(typed().cast(typed().schema.set(1, pyarrow.field("ts", pyarrow.timestamp("us", "UTC")))), tmp_path / "rows.parquet")
    warehouse = tmp_path / "counts.db"
    done = command("backfill", "--reader", "parquet", "--path", tmp_path / "rows.parquet", "--set", f"warehouse.uri=sqlite:{warehouse}")
    if sys.version_info >= (3, 12):
        assert done.returncode == 2 and not warehouse.exists()
        assert "PySpark 3.4 does not run on Python 3.12 and later" in done.stderr and "Traceback" not in done.stderr
        return
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout[done.stdout.index("{"):])["complete"]
    with sqlite3.connect(str(warehouse)) as connection:
        cells = connection.execute(
            "SELECT days, hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, conversions, qualified, unqualified, bid_micros "
            "FROM events_micros ORDER BY days, hours, job_id, publisher_id, campaign_id, group_id").fetchall()
    assert cells == test_aggregate.counted(typed())[0] and cells
