"""A backfill that meets a fault, for spark-submit: SOURCE WAREHOUSE MARKERS [FAULT]. Prints the report.

killed    one attempt ends by an exception after its staging was committed, one by a Python worker that is killed, and one takes its
          executor and its worker's JVM along (default)
slow      the first attempt of a task stages what it counted, and then does not end: Spark starts another one beside it
staged    the driver waits for its end before it accepts what its tasks have staged
accepted  it waits before it publishes
"""

import json
import os
import signal
import sys
import time

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


def faulty(task, markers, fault):
    def attempt(items):
        receipts = list(task(items))
        partition = TaskContext.get().partitionId()
        if fault == "slow" and partition == 0 and first(markers, "slow"):
            time.sleep(600)
        if fault == "killed" and partition == 0 and first(markers, "exception"):
            raise RuntimeError("after the staging was committed")
        if fault == "killed" and partition == 1 and first(markers, "killed_python"):
            os._exit(9)
        if fault == "killed" and partition == 3 and first(markers, "killed_worker"):
            executor = parent_of(os.getppid())  # of the daemon that forks Python workers
            os.kill(parent_of(executor), signal.SIGKILL)
            os.kill(executor, signal.SIGKILL)
        return iter(receipts)

    return attempt


def wait_for_the_end(markers, name):
    if first(markers, name):
        time.sleep(600)


def main(source, warehouse, markers, fault="killed"):
    spark = SparkSession.builder.appName(f"faulty {fault}").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    job = Job(spark, Settings.of(options={"source.uri": source, "warehouse.uri": warehouse}))
    # A driver that is started again is another run.
    run = job.begin(None if os.path.exists(os.path.join(markers, fault)) else fault)
    receipts = job.count(run, faulty(spark_job.ranges_task(run), markers, fault), spark_job.ring(4), 4)
    if fault == "staged":
        wait_for_the_end(markers, "staged")
    if fault == "accepted":
        job.kernel.accept(run.id, [receipt[0] for receipt in receipts])
        wait_for_the_end(markers, "accepted")
    print(json.dumps(job.publish(run, receipts)))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
