"""A backfill whose tasks meet a fault each, for spark-submit: SOURCE WAREHOUSE MARKERS.

One attempt ends by an exception after its staging was committed, one by a Python worker that is killed, and one takes its executor and
its worker's JVM along. Prints the report.
"""

import json
import os
import signal
import sys

from pyspark import TaskContext
from pyspark.sql import SparkSession

from hirestream.spark import Job, Settings
from hirestream.spark import job as spark_job


def parent_of(process):
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def first(markers, name):
    try:
        os.close(os.open(os.path.join(markers, name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def faulty(task, markers):
    def attempt(items):
        receipts = list(task(items))
        partition = TaskContext.get().partitionId()
        if partition == 0 and first(markers, "exception"):
            raise RuntimeError("after the staging was committed")
        if partition == 1 and first(markers, "killed_python"):
            os._exit(9)
        if partition == 3 and first(markers, "killed_worker"):
            executor = parent_of(os.getppid())  # of the daemon that forks Python workers
            os.kill(parent_of(executor), signal.SIGKILL)
            os.kill(executor, signal.SIGKILL)
        return iter(receipts)

    return attempt


def main(source, warehouse, markers):
    spark = SparkSession.builder.appName("faulty").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    job = Job(spark, Settings.of(options={"source.uri": source, "warehouse.uri": warehouse}))
    run = job.begin()
    receipts = job.count(run, faulty(spark_job.ranges_task(run), markers), spark_job.ring(4), 4)
    print(json.dumps(job.publish(run, receipts)))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
