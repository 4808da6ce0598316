"""hirestream on Apache Spark 3.4: whole slices are counted by tasks, staged in the warehouse, and published by the driver.

The command line is `hirestream-spark` (hirestream.spark.command); the same as functions is in hirestream.spark.job.
"""
from hirestream.spark.job import Job, Settings

__all__ = ["Job", "Settings"]
