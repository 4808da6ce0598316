"""Counts recruitment tracking events exactly as hirestream's engine does.

    import hirestream
    result = hirestream.aggregate(table)      # pyarrow, pandas, Polars, DuckDB
    result.cells                              # a pyarrow table, one row per hour, job, publisher, campaign and group

`hirestream.spark` does the same on Apache Spark 3.4, for tables that one machine cannot count.
"""
from hirestream._aggregate import Aggregate, aggregate
from hirestream._kernel import HirestreamError, Kernel, Parts, product

__all__ = ["Aggregate", "HirestreamError", "Kernel", "Parts", "aggregate", "product"]
