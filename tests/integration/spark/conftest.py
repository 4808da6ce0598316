"""The servers and rows of the end-to-end tests, and one Spark session for all tests."""

import glob
import importlib.util
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROWS = int(os.environ.get("HIRESTREAM_SPARK_ROWS", "40000"))


def load_end_to_end():
    spec = importlib.util.spec_from_file_location("end_to_end", ROOT / "tests" / "e2e" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["end_to_end"] = module
    spec.loader.exec_module(module)
    return module


if "HIRESTREAM_SPARK_JARS" in os.environ:
    end_to_end = load_end_to_end()
    from end_to_end import Dataset, cassandra, directory, hirestream, keyspace, mysql, mysql_database, sql_server, unique  # noqa: F401

    @pytest.fixture(scope="session")
    def dataset(directory, hirestream):  # noqa: F811
        """Bad values, repeated rows, event times in several notations, late rows, every null pattern."""
        return Dataset(directory, hirestream, "dataset", ROWS, "--dirty", 0.01, "--duplicates", 0.01, "--mixed-timestamps", 0.05)

    def jars():
        return sorted(glob.glob(os.path.join(os.environ["HIRESTREAM_SPARK_JARS"], "*.jar")))

    @pytest.fixture(scope="session")
    def spark():
        from pyspark.sql import SparkSession

        os.environ["HIRESTREAM_MYSQL_PASSWORD"] = end_to_end.SQL_PASSWORD
        address = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "cassandra://127.0.0.1:9042").removeprefix("cassandra://")
        host, _, port = address.partition(":")
        # local[2] alone never tries a task again.
        builder = SparkSession.builder.master("local[2,4]").appName("hirestream tests")
        for name, value in {
            "spark.jars": ",".join(jars()), "spark.driver.extraClassPath": ":".join(jars()), "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "1g", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "2",
            "spark.cassandra.connection.host": host, "spark.cassandra.connection.port": port or "9042",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()
