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


COLUMNS = ("dates, hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, conversion, qualified_application, "
           "disqualified_application, spend_hour, company_id")


def query(mysql, database, statement):
    with mysql.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def cells(mysql, database):
    return query(mysql, database, f"SELECT {COLUMNS} FROM events ORDER BY dates, hours, job_id, publisher_id, campaign_id, group_id")


def classes(mysql, database):
    return query(mysql, database, "SELECT SUM(counted), SUM(unattributed), SUM(other_kinds), SUM(rejected) FROM hirestream_accounting")


if "HIRESTREAM_SPARK_JARS" in os.environ:
    end_to_end = load_end_to_end()
    from end_to_end import Dataset, cassandra, directory, hirestream, keyspace, mysql, mysql_database, sql_server, unique  # noqa: F401

    @pytest.fixture(scope="session")
    def dataset(directory, hirestream):  # noqa: F811
        """Bad values, repeated rows, event times in several notations, late rows, every null pattern."""
        return Dataset(directory, hirestream, "dataset", ROWS, "--dirty", 0.01, "--duplicates", 0.01, "--mixed-timestamps", 0.05)

    @pytest.fixture(scope="session")
    def raw_logs(dataset, cassandra, directory):
        """The same rows in each kind of raw log: kind → URI. Keyspaces go when the tests end."""
        made = []

        def keyspace():
            made.append(end_to_end.unique("ks"))
            cassandra.execute(f"CREATE KEYSPACE {made[-1]} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
            return made[-1]

        logs = {"tail": dataset.write(cassandra.uri(keyspace())),
                "scan": dataset.write(cassandra.uri(keyspace()), "--layout", "plain"),
                "csv": dataset.write(f"csv:{directory}/raw.csv"),
                "ndjson": dataset.write(f"ndjson:{directory}/raw.ndjson")}
        yield logs
        for name in made:
            cassandra.execute(f"DROP KEYSPACE {name}")


    @pytest.fixture(scope="session")
    def engine_database(raw_logs, hirestream, mysql):
        """What the engine makes of the rows."""
        database = end_to_end.unique("db")
        mysql.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        hirestream("run", "--once", "-q", "--rejects-cap", 10_000_000, "--source", raw_logs["tail"], "--warehouse", mysql.uri(database))
        yield database
        mysql.execute(f"DROP DATABASE {database}")


    @pytest.fixture(scope="session")
    def expected(engine_database, dataset, mysql):
        """The same, which is what a plain recount says."""
        end_to_end.assert_equal(dataset.recount(), mysql.events(engine_database))
        return cells(mysql, engine_database), classes(mysql, engine_database)


def of_the_servers():
    """Spark's settings for the connector, and the password for its tasks."""
    os.environ["HIRESTREAM_MYSQL_PASSWORD"] = end_to_end.SQL_PASSWORD
    jars = sorted(glob.glob(os.path.join(os.environ["HIRESTREAM_SPARK_JARS"], "*.jar")))
    host, _, port = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "cassandra://127.0.0.1:9042").split("://")[-1].partition(":")
    return {"spark.jars": ",".join(jars), "spark.driver.extraClassPath": ":".join(jars),
            "spark.cassandra.connection.host": host, "spark.cassandra.connection.port": port or "9042"}


@pytest.fixture(scope="session")
def spark():
    if sys.version_info >= (3, 12):
        pytest.skip("PySpark 3.4 does not run on Python 3.12 and later")
    from pyspark.sql import SparkSession

    settings = of_the_servers() if "HIRESTREAM_SPARK_JARS" in os.environ else {}
    # local[2] alone never tries a task again.
    builder = SparkSession.builder.master("local[2,4]").appName("hirestream tests")
    for name, value in {
        **settings, "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1", "spark.driver.memory": "1g", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "2",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
