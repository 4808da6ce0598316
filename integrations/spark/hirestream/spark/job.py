"""What a run on Spark does.

1. The driver begins a run: the warehouse notes which revisions its ledger has.
2. Each task counts slices, stages them under its own attempt's number in one transaction, and answers with one receipt.
3. Spark delivers one receipt of each task, whatever was tried again: the driver accepts those attempts, and publishes.

What was staged by an attempt without a receipt is never published. A slice that somebody else replaced after 1 is left alone.
"""
from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import hirestream._kernel as kernel
from hirestream._kernel import HirestreamError, Kernel, Parts

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession

RECEIPT = ("attempt", "slices", "rows", "cells", "rejected")
RECEIPT_SCHEMA = ", ".join(f"{name} long" for name in RECEIPT)
Receipt = Tuple[int, ...]
# What becomes of a run's slices: each is published by itself; or all are replaced at once and `events` is made anew; or it is only
# told what differs.
End = str
ENDS = PUBLISH, REBUILD, COMPARE = "publish", "rebuild", "compare"


def carried_environment() -> Dict[str, str]:
    """What tasks get of this process's environment. A file with a password is read here: it need not be where they run."""
    carried = {}
    for name, value in os.environ.items():
        if not name.startswith("HIRESTREAM_") or name.startswith("HIRESTREAM_HTTP_") or name in ("HIRESTREAM_CONFIG", "HIRESTREAM_KERNEL"):
            continue
        if name.endswith("_PASSWORD_FILE"):
            try:
                with open(value, encoding="utf-8") as file:
                    name, value = name[:-len("_FILE")], file.read()
            except OSError as error:
                raise HirestreamError("config", "read password", value, error.strerror, f"{name} names this file") from error
            value = value[:-1] if value.endswith("\n") else value
        carried[name] = value
    return carried


def is_task() -> bool:
    """Of Spark; else this is the driver."""
    from pyspark import TaskContext

    return TaskContext.get() is not None


def drop_own_settings() -> None:
    """A task counts by the driver's settings, not by what a node has in its environment."""
    for name in [name for name in os.environ if name.startswith("HIRESTREAM_") and name != "HIRESTREAM_KERNEL"]:
        del os.environ[name]


@dataclass(frozen=True)
class Settings:
    """The engine's settings, as every worker needs them. Secrets travel with the tasks, and appear in no setting of Spark."""

    options: Dict[str, str] = field(default_factory=dict)
    toml: str = ""
    frame: Optional[Tuple[str, str]] = None
    secrets: Dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(config: Optional[str] = None, options: Optional[Dict[str, str]] = None, frame: Optional[Tuple[str, str]] = None) -> "Settings":
        config = config or os.environ.get("HIRESTREAM_CONFIG")
        toml = ""
        if config:
            with open(config, encoding="utf-8") as file:
                toml = file.read()
        return Settings(dict(options or {}), toml, frame, carried_environment())

    def __repr__(self) -> str:
        return f"Settings({sorted(self.options)}, frame={self.frame})"

    def open(self, anew: bool = False) -> Kernel:
        """This process's kernel for these settings: opened once, and anew in a process that was forked from it. What it knows of the table is of
        then."""
        name = (os.getpid(), json.dumps(asdict(self), sort_keys=True))
        if anew or name not in _kernels:
            _kernels.clear()
            if self.secrets and is_task():
                drop_own_settings()
            os.environ.update(self.secrets)
            for secret in self.secrets:
                os.environ.pop(secret + "_FILE", None)  # has been read
            with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
                file.write(self.toml)
                file.flush()
                _kernels[name] = Kernel(file.name if self.toml else None, self.options, self.frame)
        return _kernels[name]


_kernels: Dict[Tuple[int, str], Kernel] = {}


@dataclass(frozen=True)
class Run:
    """What every task of a run knows."""

    id: str
    settings: Settings
    begun_us: int
    flags: int = 0


# Between a task and the driver an exception is a text.
_CARRIED = "hirestream task failed: "


@contextlib.contextmanager
def carried() -> Iterator[None]:
    """Around what a task does: its errors reach the driver whole."""
    try:
        yield
    except HirestreamError as error:
        raise RuntimeError(_CARRIED + json.dumps(error.__reduce__()[1])) from error


def explained(error: BaseException) -> BaseException:
    """What the tasks have met, as whoever started the job can use it; else the error itself."""
    text = str(error)
    found = re.search(re.escape(_CARRIED) + r"(\[.*\])", text)
    if found:
        return HirestreamError(*json.loads(found[1]))
    if "No module named 'hirestream'" in text:
        return HirestreamError("config", "count", "worker", "the Python package hirestream is not installed there",
                               "install the wheel on every node, for the Python that PYSPARK_PYTHON names")
    if "No module named 'pyarrow'" in text or "No module named 'pandas'" in text:
        return HirestreamError("config", "count", "worker", "pyarrow or pandas is not installed there",
                               "pip install pyarrow 'pandas<3' on every node, for the Python that PYSPARK_PYTHON names")
    if "MemoryError" in text or "OutOfMemoryError" in text:
        return HirestreamError("config", "count", "worker", "the memory of a task does not do", "more tasks (--tasks), or more memory of executors")
    return error


def connector_failure(text: str, table: str, scala: str) -> Optional[HirestreamError]:
    """None: nothing is known of it. `scala`: the version that Spark runs on."""
    fitting = f"spark-submit --packages com.datastax.spark:spark-cassandra-connector_{'.'.join(scala.split('.')[:2])}:3.4.1"
    if re.search(r"(NoClassDefFoundError|ClassNotFoundException|NoSuchMethodError|AbstractMethodError):? '?[\w.$]*\s?scala[/.]", text):
        return HirestreamError("config", "read", table, f"the Spark Cassandra Connector is for another Scala than this Spark's {scala}", fitting)
    if re.search(r"(Failed to find (the )?data source|ClassNotFoundException): org\.apache\.spark\.sql\.cassandra", text):
        return HirestreamError("config", "read", table, "the Spark Cassandra Connector is not there", fitting)
    refused = re.search(r"Failed to open native connection to Cassandra at [^\n]*", text)
    if refused:
        return HirestreamError("transient", "read", table, refused[0], "spark.cassandra.connection.host, .port and the login's settings")
    return None


def stage(run: Run, parts: Parts) -> Receipt:
    """Stages what this attempt of a task has counted; the receipt must be all that the task answers."""
    from pyspark import TaskContext

    context = TaskContext.get()
    attempt = context.taskAttemptId() if context is not None else 0
    run.settings.open().stage(run.id, attempt, parts)
    summary = parts.summary()
    return (attempt, *(int(summary[name]) for name in RECEIPT[1:]))


def ranges_task(run: Run) -> Callable[[Iterable[Tuple[int, int]]], Iterator[Receipt]]:
    """Counts ranges of the ring."""

    def task(ranges: Iterable[Tuple[int, int]]) -> Iterator[Receipt]:
        with carried():
            parts = Parts()
            for begin, end in ranges:
                parts.move(run.settings.open().count_range(begin, end, run.begun_us, run.flags))
            receipt = stage(run, parts)
        yield receipt

    return task


def window_task(run: Run, from_us: int, to_us: int) -> Callable[[Iterable[Tuple[int, int]]], Iterator[Receipt]]:
    """Counts ranges of the ring, of events of these times alone."""

    def task(ranges: Iterable[Tuple[int, int]]) -> Iterator[Receipt]:
        with carried():
            parts = Parts()
            for begin, end in ranges:
                parts.move(run.settings.open().count_window(from_us, to_us, begin, end, run.begun_us, run.flags))
            receipt = stage(run, parts)
        yield receipt

    return task


def slices_task(run: Run) -> Callable[[Iterable[Tuple[int, int]]], Iterator[Receipt]]:
    """Counts slices, each a partition of the table, by name."""

    def task(slices: Iterable[Tuple[int, int]]) -> Iterator[Receipt]:
        with carried():
            receipt = stage(run, run.settings.open().count_slices(list(slices), run.begun_us, run.flags))
        yield receipt

    return task


def frame_task(run: Run) -> Callable[[Iterable["pyarrow.RecordBatch"]], Iterator["pyarrow.RecordBatch"]]:
    """Counts the batches of a DataFrame's partition."""

    def task(batches: Iterable["pyarrow.RecordBatch"]) -> Iterator["pyarrow.RecordBatch"]:
        import pyarrow

        with carried():
            receipt = stage(run, run.settings.open().count(batches, run.begun_us, run.flags))
        yield pyarrow.RecordBatch.from_arrays([pyarrow.array([value], pyarrow.int64()) for value in receipt], list(RECEIPT))

    return task


def ring(tasks: int) -> List[Tuple[int, int]]:
    """The ring in so many ranges."""
    edges = [kernel.RING_PLACES * place // tasks for place in range(tasks + 1)]
    return list(zip(edges, edges[1:]))


class Job:
    """Runs of one source on one Spark session. Nothing of it is used by tasks."""

    def __init__(self, spark: "SparkSession", settings: Settings, flags: int = 0, tell: Callable[[str], None] = lambda text: None) -> None:
        check_versions(spark)
        self.spark, self.settings, self.flags, self.tell = spark, settings, flags, tell
        self.kernel = settings.open(anew=True)
        self.source = self.kernel.describe()
        self.warnings: List[str] = []
        for text in self.source["warnings"]:
            self.warn(text)

    def begin(self, run: Optional[str] = None, flags: int = 0) -> Run:
        name = run or f"{self.spark.sparkContext.applicationId}-{int(time.time() * 1000)}"
        flags |= self.flags
        begun_us = self.kernel.begin_run(name, flags)
        settings = self.settings
        # Only the warehouse may have known it.
        if start := self.kernel.describe()["start_at"]:
            settings = replace(settings, options={**settings.options, "source.start_at": start})
        return Run(name, settings, begun_us, flags)

    def _stage(self, run: Run, text: str) -> None:
        self.tell(f"{run.id}: {text}")
        self.spark.sparkContext.setJobDescription(f"hirestream {run.id}: {text}")

    def count(self, run: Run, task: Callable[[Iterable[Any]], Iterator[Receipt]], items: Sequence[Any], tasks: int) -> List[Receipt]:
        """The receipts of a task over these items."""
        self._stage(run, f"count {self.source['name']}")
        try:
            return list(self.spark.sparkContext.parallelize(items, max(1, min(tasks, len(items)))).mapPartitions(task).collect())
        except Exception as error:
            raise explained(error) from error

    def warn(self, text: str) -> None:
        """On the terminal, and in the reports of this job."""
        if text and text not in self.warnings:
            self.warnings.append(text)
            self.tell(f"warning: {text}")

    def check_columns(self, frame: "DataFrame") -> None:
        """Refuses a frame without the columns that must be there, and warns of others that are missing."""
        import pyarrow

        none = pyarrow.RecordBatch.from_arrays([pyarrow.nulls(0) for _ in frame.columns], frame.columns)
        self.warn(self.kernel.count([none]).summary()["missing_columns"])

    def count_frame(self, run: Run, frame: "DataFrame") -> List[Receipt]:
        self._stage(run, f"count {self.source['name']}")
        try:
            return [tuple(row) for row in frame.mapInArrow(frame_task(run), RECEIPT_SCHEMA).collect()]
        except Exception as error:
            raise explained(error) from error

    def publish(self, run: Run, receipts: Sequence[Receipt], end: End = PUBLISH) -> Dict[str, Any]:
        """Accepts the receipts' attempts, and publishes (rebuilds, compares) what they have staged."""
        if end not in ENDS:
            raise ValueError(f"'{end}' is none of {', '.join(ENDS)}")
        self._stage(run, "compare with the ledger" if end == COMPARE else end)
        self.kernel.accept(run.id, [receipt[0] for receipt in receipts])
        report = self.kernel.rebuild(run.id) if end == REBUILD else self.kernel.publish(run.id, end == COMPARE)
        if end == COMPARE:
            self.kernel.forget(run.id)
        report["rows_counted"] = sum(receipt[RECEIPT.index("rows")] for receipt in receipts)
        report["warnings"] = list(self.warnings)
        return report

    def default_tasks(self) -> int:
        """Few and large: what a task costs before its first row is a tenth of a second."""
        return max(1, self.spark.sparkContext.defaultParallelism)

    def backfill(self, tasks: Optional[int] = None, run: Optional[str] = None, end: End = PUBLISH, closed_only: bool = True) -> Dict[str, Any]:
        """Counts the whole table by native ranges."""
        begun = self.begin(run, kernel.CLOSED_ONLY if closed_only else 0)
        number = tasks or self.default_tasks()
        return self.publish(begun, self.count(begun, ranges_task(begun), ring(number), number), end)

    def backfill_frame(self, frame: "DataFrame", run: Optional[str] = None, end: End = PUBLISH, flags: int = 0) -> Dict[str, Any]:
        """Counts a DataFrame. Rows of one create_time are one row: they must lie in one partition of it, unless each id is there once."""
        self.check_columns(frame)
        begun = self.begin(run, flags)
        return self.publish(begun, self.count_frame(begun, frame), end)

    def connector_frame(self, keyspace: str, table: str, options: Optional[Dict[str, str]] = None) -> "DataFrame":
        """The table through the Spark Cassandra Connector, pruned to what is counted."""
        reader = self.spark.read.format("org.apache.spark.sql.cassandra").options(keyspace=keyspace, table=table)
        settings = {"spark.cassandra.input.consistency.level": "LOCAL_QUORUM", "spark.cassandra.input.fetch.sizeInRows": "5000"}
        settings.update(options or {})
        for name, value in settings.items():
            reader = reader.option(name, value)
        try:
            frame = reader.load()
        except Exception as error:
            explained = connector_failure(str(error), f"{keyspace}.{table}", self.spark._jvm.scala.util.Properties.versionNumberString())
            if explained is None:
                raise
            raise explained from error
        read = self.source["columns"].split(",")
        return frame.select(*(read if self.source["strategy"] == "scan" else ["bucket", "shard", *read]))

    def by_id(self, frame: "DataFrame", tasks: Optional[int] = None) -> "DataFrame":
        """All rows of one id in one partition: of a text in whichever case, with blanks and braces or without."""
        from pyspark.sql import functions
        from pyspark.sql.types import StringType

        name = self.source["id"]
        if name not in frame.columns:
            raise HirestreamError("config", "read frame", name, "no such column; there is " + ", ".join(frame.columns),
                                  "columns of other names: source.columns = \"create_time=NAME,…\"")
        key = functions.col(f"`{name}`")
        if isinstance(frame.schema[name].dataType, StringType):
            key = functions.lower(functions.regexp_replace(key, r"[{}\s]", ""))
        return frame.repartition(tasks, key) if tasks else frame.repartition(key)

    def backfill_connector(self, keyspace: str, table: str, options: Optional[Dict[str, str]] = None, run: Optional[str] = None,
                           end: End = PUBLISH) -> Dict[str, Any]:
        """The same as backfill() by the connector's partitions: each partition of a table with buckets arrives whole and in one go."""
        frame = self.connector_frame(keyspace, table, options)
        if self.source["strategy"] == "scan":
            if self.source["unique_rows"]:
                return self.backfill_frame(frame, run, end, kernel.UNIQUE)
            return self.backfill_frame(self.by_id(frame), run, end)
        return self.backfill_frame(frame, run, end, kernel.CONTIGUOUS | kernel.CLOSED_ONLY)

    def round(self, since_us: int, tasks: Optional[int] = None) -> Tuple[Dict[str, Any], int]:
        """Counts slices since then, open ones too: those that arrived, or of a table that can only be scanned those with such event times. Returns the
        report, and from when the next round counts."""
        run = self.begin()
        number = tasks or self.default_tasks()
        width_us = int(self.source["bucket_width_s"]) * 1_000_000
        first = since_us // width_us
        if self.source["strategy"] == "scan":
            receipts = self.count(run, window_task(run, first * width_us, run.begun_us + width_us), ring(number), number)
        else:
            buckets = range(first, run.begun_us // width_us + 2)
            slices = [(shard, bucket) for bucket in buckets for shard in range(int(self.source["shard_count"]))]
            receipts = self.count(run, slices_task(run), slices, number)
        return self.publish(run, receipts), run.begun_us

    def continuous(self, every_s: float = 10.0, look_back_s: float = 300.0, rounds: Optional[int] = None,
                   full_every_s: float = 3600.0) -> Iterator[Dict[str, Any]]:
        """Spark alone: everything once, then every so often what is new, less the time that rows may be late; and every full_every_s seconds everything
        again, for rows that were later than that. Yields reports."""
        full_us, since_us, done = 0, 0, 0
        while rounds is None or done <= rounds:
            now_us = int(time.time() * 1_000_000)
            if now_us - full_us >= full_every_s * 1_000_000:
                full_us = counted_us = now_us
                report = self.backfill(closed_only=False)
            else:
                report, counted_us = self.round(since_us)
            since_us = counted_us - int(look_back_s * 1_000_000)
            done += 1
            yield report
            time.sleep(every_s)


def check_python() -> None:
    """A kConfig error before PySpark 3.4 is imported, which fails in later Pythons by what they no longer have."""
    if sys.version_info >= (3, 12):
        raise HirestreamError("config", "check Python", sys.version.split()[0], "PySpark 3.4 does not run on Python 3.12 and later",
                              "take Python 3.8 to 3.11, on the driver and on every worker")


def check_versions(spark: "SparkSession") -> None:
    """kConfig errors for what would fail later, and say less."""
    check_python()
    if not spark.version.startswith("3.4."):
        raise HirestreamError("config", "check Spark", spark.version, "this is not Spark 3.4", "pip install 'pyspark==3.4.*'")
    try:
        import pandas
    except ImportError:
        return  # only DataFrames want it
    if int(pandas.__version__.split(".")[0]) >= 3:
        raise HirestreamError("config", "check pandas", pandas.__version__, "PySpark 3.4 does not work with pandas 3",
                              "pip install 'pandas<3'")
