"""aggregate(): the engine's counting for whoever has a table in memory."""
from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional

import pyarrow

from hirestream._kernel import ONE_SLICE, HirestreamError, Kernel


@dataclass(frozen=True)
class Aggregate:
    """`cells`: one row per date, hour, job, publisher, campaign and group, in this order; measures are sums, bid_micros in
    millionths. rows = counted + unattributed + other_kinds + rejected. `rejects`: the first 1,000. `missing_columns`: what the numbers
    lack because the table has no such columns; empty: nothing."""

    cells: pyarrow.Table
    rows: int
    counted: int
    unattributed: int
    other_kinds: int
    rejected: int
    kinds: List[Dict[str, Any]]
    rejects: List[Dict[str, Any]]
    missing_columns: str


def batches_of(table: Any) -> Iterator[pyarrow.RecordBatch]:
    """Of a pyarrow table, batch or reader, a pandas or Polars frame, a DuckDB relation, whatever speaks Arrow's C streams."""
    if isinstance(table, pyarrow.RecordBatch):
        yield table
    elif isinstance(table, pyarrow.Table):
        yield from table.to_batches()
    elif isinstance(table, pyarrow.RecordBatchReader):
        yield from table
    elif type(table).__module__.split(".")[0] == "pandas":
        yield from pyarrow.Table.from_pandas(table, preserve_index=False).to_batches()
    elif hasattr(table, "to_arrow"):
        yield from batches_of(table.to_arrow())
    elif hasattr(table, "arrow"):
        yield from batches_of(table.arrow())
    elif hasattr(table, "__arrow_c_stream__") and hasattr(pyarrow.RecordBatchReader, "from_stream"):
        yield from pyarrow.RecordBatchReader.from_stream(table)
    else:
        raise HirestreamError("config", "aggregate", type(table).__name__, "this is no table",
                              "give a pyarrow table, batch or reader, a pandas or Polars frame, or a DuckDB relation")


def aggregate(table: Any, *, config: Optional[str] = None, options: Optional[Mapping[str, str]] = None) -> Aggregate:
    """Counts the rows of a table of tracking events.

    Its columns are those of the tracking table (create_time, ts, job_id, publisher_id, campaign_id, group_id, bid, custom_track, ev,
    ed), in any type that means the same; others are not looked at. `config` and `options` are the engine's settings, for example
    {"source.attribution": "payload", "source.timezone": "Europe/Berlin"}. Rows of one create_time are one row: the first that comes.
    Columns that are missing and may be called otherwise are warned of.
    """
    kernel = Kernel(config, options, frame=("frame", "frame"))
    parts = kernel.count(batches_of(table), flags=ONE_SLICE)
    summary = parts.summary()
    if summary["missing_columns"]:
        warnings.warn(summary["missing_columns"], stacklevel=2)
    return Aggregate(cells=pyarrow.Table.from_batches([parts.cells()]),
                     **{name: summary[name] for name in Aggregate.__dataclass_fields__ if name != "cells"})
