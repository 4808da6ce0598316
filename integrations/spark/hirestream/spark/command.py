"""The command line of hirestream on Spark.

    spark-submit --master … "$(hirestream-spark --script)" backfill --config hirestream.toml
    hirestream-spark verify --set source.uri=cassandra://db/logs/tracking --set warehouse.uri=mysql://hirestream@db/etl_data

Exit codes are those of `hirestream`: 0 done, 1 a difference or slices that want to be counted again, 2 something a person must change,
3 a server that does not answer, 70 a bug.
"""
from __future__ import annotations

import argparse
import json
import posixpath
import sys
import urllib.parse
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import hirestream._kernel as kernel
from hirestream._kernel import HirestreamError
from hirestream.spark.job import COMPARE, PUBLISH, REBUILD, Job, Settings, check_python

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EXIT_OF_KIND = {"transient": 3, "rejected": 2, "config": 2, "bug": 70}
FILES = ("parquet", "csv", "ndjson")
ENDS = {"backfill": PUBLISH, "rebuild": REBUILD, "verify": COMPARE}


def parse(arguments: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hirestream-spark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # spark-submit takes a script by the end of its name.
    parser.add_argument("--script", action="version", version=__file__, help="print where this script is, for spark-submit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (("backfill", "count everything, and publish it"),
                       ("rebuild", "count everything, and make events anew from it in one step"),
                       ("verify", "count everything, and tell what differs from the warehouse"),
                       ("continuous", "Spark alone: again and again what is new")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", metavar="FILE", help="settings as TOML, as the engine's (else HIRESTREAM_CONFIG)")
        command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="options",
                             help="a setting by its full name, above file and environment; may come several times")
        command.add_argument("--tasks", type=int, metavar="N", help="how many tasks read the table [one a core]")
        command.add_argument("--strongest", action="store_true", help="read at the strongest consistency")
        command.add_argument("--trust-keys", action="store_true", help="no create_time is in several partitions of the table")
        if name != "continuous":
            command.add_argument("--run", metavar="ID", help="what the run is called [the application and the time]")
            command.add_argument("--reader", choices=("native", "connector", *FILES), default="native",
                                 help="native: ranges of the table, by the engine's own driver [native]")
            command.add_argument("--path", metavar="PATH", help="of parquet, csv and ndjson, as Spark reads it")
            command.add_argument("--unique", action="store_true", help="of files: no create_time comes twice")
        else:
            command.add_argument("--every", type=float, default=10.0, metavar="SECONDS", help="between two rounds [10]")
            command.add_argument("--look-back", type=float, default=300.0, metavar="SECONDS", help="how late rows may be [300]")
            command.add_argument("--full-every", type=float, default=3600.0, metavar="SECONDS", help="count everything again, for rows that were later than that [3600]")
            command.add_argument("--rounds", type=int, metavar="N", help="end after so many [never]")
    given = parser.parse_args(arguments)
    if getattr(given, "reader", "native") in FILES and not given.path:
        parser.error(f"--reader {given.reader} needs --path")
    return given


def settings_of(given: argparse.Namespace) -> Settings:
    options: Dict[str, str] = {}
    for option in given.options:
        name, sign, value = option.partition("=")
        if not sign:
            raise HirestreamError("config", "read options", "--set", f"'{option}' is no NAME=VALUE", "for example source.uri=cassandra://…")
        options[name] = value
    frame: Optional[Tuple[str, str]] = None
    if getattr(given, "reader", "native") in FILES:
        frame = (given.reader, identity_of(given.path))
    return Settings.of(given.config, options, frame)


def identity_of(path: str) -> str:
    """One path in whichever way it is spelled: by it a run's source is known."""
    scheme, sign, rest = path.partition("://")
    if not sign:
        return posixpath.normpath(path[len("file:"):] if path.startswith("file:/") else path)
    host, slash, folder = rest.partition("/")
    folder = posixpath.normpath("/" + folder) if slash else ""
    return folder if scheme == "file" else f"{scheme}://{host}{folder.rstrip('/')}"


def flags_of(given: argparse.Namespace) -> int:
    return (kernel.STRONGEST if given.strongest else 0) | (kernel.TRUST_KEYS if given.trust_keys else 0)


def file_frame(spark: "SparkSession", reader: str, path: str) -> "DataFrame":
    if reader == "parquet":
        return spark.read.parquet(path)
    if reader == "csv":
        return csv_frame(spark, path)
    return spark.read.option("primitivesAsString", True).json(path)


def csv_frame(spark: "SparkSession", path: str) -> "DataFrame":
    """A record with more or fewer fields than the header is a row of nulls, which is rejected: Spark would cut it off, or fill it up."""
    from pyspark.sql import functions
    from pyspark.sql.types import StringType, StructField, StructType

    damaged = "_hirestream_damaged_record"
    reader = spark.read.option("header", True).option("escape", '"').option("multiLine", True)
    header = reader.csv(path).schema
    frame = reader.option("columnNameOfCorruptRecord", damaged).schema(StructType([*header.fields, StructField(damaged, StringType())])).csv(path)
    is_whole = functions.col(damaged).isNull()
    return frame.select(*(functions.when(is_whole, functions.col(f"`{name}`")).alias(name) for name in header.names))


def keyspace_and_table(job: Job) -> Tuple[str, str]:
    identity = urllib.parse.urlparse(job.source["uri"]).path.strip("/").split("/")
    if len(identity) != 2:
        raise HirestreamError("config", "read settings", "source.uri", "it names no keyspace and table", "cassandra://HOST/KEYSPACE/TABLE")
    return identity[0], identity[1]


def count_all(job: Job, given: argparse.Namespace) -> Dict[str, Any]:
    end = ENDS[given.command]
    if given.reader == "native":
        return job.backfill(given.tasks, given.run, end)
    if given.reader == "connector":
        keyspace, table = keyspace_and_table(job)
        return job.backfill_connector(keyspace, table, run=given.run, end=end)
    frame = file_frame(job.spark, given.reader, given.path)
    frame = frame if given.unique else job.by_id(frame, given.tasks or job.default_tasks())
    return job.backfill_frame(frame, given.run, end, kernel.UNIQUE if given.unique else 0)


def start_spark(command: str) -> "SparkSession":
    """On a terminal with Spark's own progress bar, unless spark-submit was told otherwise."""
    check_python()
    try:
        from pyspark import SparkConf
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise HirestreamError("config", "start Spark", str(error.name), "this package is not installed for " + sys.executable,
                              "pip install 'pyspark==3.4.*' 'pandas<3'; spark-submit brings PySpark along") from error

    conf = SparkConf().setIfMissing("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower())
    conf.set("spark.sql.session.timeZone", "UTC")
    return SparkSession.builder.appName(f"hirestream {command}").config(conf=conf).getOrCreate()


def run(given: argparse.Namespace) -> int:
    settings = settings_of(given)
    spark = start_spark(given.command)
    try:
        job = Job(spark, settings, flags_of(given), lambda text: print(text, file=sys.stderr, flush=True))
        if given.command == "continuous":
            for report in job.continuous(given.every, given.look_back, given.rounds, given.full_every):
                print(json.dumps(report), flush=True)
            return 0
        report = count_all(job, given)
        print(json.dumps(report, indent=2))
        return 0 if report["complete"] else 1
    finally:
        spark.stop()


def main(arguments: Optional[List[str]] = None) -> int:
    try:
        return run(parse(arguments))
    except HirestreamError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_OF_KIND[error.kind]


if __name__ == "__main__":
    sys.exit(main())
