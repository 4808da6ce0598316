#!/usr/bin/env python3
"""What it costs to count a file into `events`, against DuckDB, Polars, DataFusion and chDB on the same file, in CPU seconds.

    benchmarks/files.py [--rows 1000000] [--rounds 5] [--format csv|ndjson|parquet ...] [--against PROGRAM] [--build build]
                        [--json FILE] [--smoke]

Files: what `hirestream generate` makes, all 29 columns, and one row in a hundred once more. Parquet is written by DuckDB from the CSV, as it is by default.

Each peer computes the same table: by hour, job, publisher, campaign and group the events of each kind and the bids of clicks, equal rows once. It must be equal
to what hirestream writes, cell by cell, or the script ends with 1.
  hirestream   the whole program, from its start to a SQLite database with events, days and ledger on the disk: user and system time of the process
  duckdb       its query alone, in a process that has started and imported, nothing written: processor time of all threads, of which it has one
  polars       the same of a lazy query
  datafusion, chdb   as DuckDB
--against: another build of hirestream, in the same rounds.

In turn, --rounds times; prints the median of each and its ratio to DuckDB's.
--smoke: a small file, once, to see that it works.
"""
import argparse
import json
import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time

import engines

FORMATS = ["csv", "ndjson", "parquet"]
KINDS = {"clicks": "click", "conversions": "conversion", "qualified": "qualified", "unqualified": "unqualified"}
KEY = ["days", "hours", "job_id", "publisher_id", "campaign_id", "group_id"]
COLUMNS = [*KEY, "impressions", *KINDS, "bid_micros"]

DUCKDB_SOURCE = {"csv": "read_csv('{}')", "ndjson": "read_json('{}', format = 'newline_delimited')", "parquet": "read_parquet('{}')"}
# Rows with one id are equal here, so that those which count can be chosen before they are compared. Eight digits of a bid hold all there are: rounding half to
# even is exact then.
DUCKDB_QUERY = """
WITH counted AS (
  SELECT DISTINCT create_time, ts::TIMESTAMP AS ts, job_id::BIGINT AS job_id, coalesce(publisher_id::BIGINT, 0) AS publisher_id,
    coalesce(campaign_id::BIGINT, 0) AS campaign_id, coalesce(group_id::BIGINT, 0) AS group_id,
    CASE WHEN coalesce(custom_track, '') = '' THEN 'impression' ELSE custom_track END AS kind, coalesce(round_even(round(bid::DOUBLE * 1e8) / 100, 0)::BIGINT, 0) AS bid_micros
  FROM {source}
  WHERE job_id IS NOT NULL AND (custom_track IN ('click', 'conversion', 'qualified', 'unqualified')
    OR (coalesce(custom_track, '') = '' AND ev::VARCHAR = '1')))
SELECT epoch_us(ts) // 86400000000 AS days, epoch_us(ts) % 86400000000 // 3600000000 AS hours, job_id, publisher_id, campaign_id, group_id,
  count(*) FILTER (kind = 'impression') AS impressions, count(*) FILTER (kind = 'click') AS clicks, count(*) FILTER (kind = 'conversion') AS conversions,
  count(*) FILTER (kind = 'qualified') AS qualified, count(*) FILTER (kind = 'unqualified') AS unqualified,
  coalesce(sum(bid_micros) FILTER (kind = 'click'), 0)::BIGINT AS bid_micros
FROM counted GROUP BY ALL"""


def duckdb_query(path: str, form: str):
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    connection.sql("SET enable_progress_bar = false")
    return lambda: connection.sql(DUCKDB_QUERY.format(source=DUCKDB_SOURCE[form].format(path))).fetchall()


def polars_query(path: str, form: str):
    import polars as pl

    def scan():
        if form == "csv":
            return pl.scan_csv(path, schema_overrides={"bid": pl.String, "job_id": pl.Int64})
        return pl.scan_ndjson(path, infer_schema_length=None) if form == "ndjson" else pl.scan_parquet(path)

    def run():
        track = pl.col("custom_track").fill_null("")
        kind = pl.when(track == "").then(pl.lit("impression")).otherwise(track).alias("kind")
        shown = (track == "") & (pl.col("ev").cast(pl.String) == "1")
        ids = [pl.col(name).cast(pl.Int64).fill_null(0) for name in KEY[2:]]
        ts = pl.col("ts")
        seconds = (ts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us") if form != "parquet" else ts).dt.epoch("s")
        bid = ((pl.col("bid").cast(pl.Float64).fill_null(0) * 1e8).round() / 100).round().cast(pl.Int64).alias("bid_micros")
        of_kind = [(pl.col("kind") == text).sum().cast(pl.Int64).alias(name) for name, text in {"impressions": "impression", **KINDS}.items()]
        frame = (scan().filter(pl.col("job_id").is_not_null() & (track.is_in(list(KINDS.values())) | shown)).unique(subset="create_time")
                 .select((seconds // 86400).alias("days"), (seconds % 86400 // 3600).alias("hours"), *ids, kind, bid).group_by(KEY)
                 .agg(*of_kind, pl.col("bid_micros").filter(pl.col("kind") == "click").sum()))
        return frame.collect(engine="streaming").select(COLUMNS).rows()

    return run


# Both have no rounding half to even of integers: bids in units of 10^-8 are rounded by hand.
OTHERS_QUERY = """
SELECT {days} AS days, {hours} AS hours, job_id, publisher_id, campaign_id, group_id,
  count(*) FILTER (WHERE kind = 'impression') AS impressions, count(*) FILTER (WHERE kind = 'click') AS clicks,
  count(*) FILTER (WHERE kind = 'conversion') AS conversions, count(*) FILTER (WHERE kind = 'qualified') AS qualified,
  count(*) FILTER (WHERE kind = 'unqualified') AS unqualified,
  CAST(coalesce(sum({micros}) FILTER (WHERE kind = 'click'), 0) AS BIGINT) AS bid_micros
FROM (SELECT DISTINCT create_time, {seconds} AS seconds, {ids},
    CASE WHEN coalesce(custom_track, '') = '' THEN 'impression' ELSE custom_track END AS kind,
    CAST(round(coalesce(CAST(bid AS {double}), 0) * 1e8) AS BIGINT) AS bid
  FROM {source}
  WHERE job_id IS NOT NULL AND (custom_track IN ('click', 'conversion', 'qualified', 'unqualified')
    OR (coalesce(custom_track, '') = '' AND {ev} = '1'))) AS counted
GROUP BY {days}, {hours}, job_id, publisher_id, campaign_id, group_id"""


def datafusion_query(path: str, form: str):
    import datafusion

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(1))
    ids = ", ".join(f"coalesce(CAST({name} AS BIGINT), 0) AS {name}" for name in KEY[2:])
    query = OTHERS_QUERY.format(days="seconds / 86400", hours="seconds % 86400 / 3600", micros="(bid + 49 + bid / 100 % 2) / 100", ids=ids, source="given",
                                seconds="CAST(floor(extract(epoch FROM CAST(ts AS TIMESTAMP))) AS BIGINT)", ev="CAST(ev AS VARCHAR)", double="DOUBLE")

    def run():
        register = {"csv": context.register_csv, "ndjson": context.register_json, "parquet": context.register_parquet}[form]
        register("given", path, **{"csv": {}, "ndjson": {"file_extension": ".ndjson"}, "parquet": {}}[form])
        return list(zip(*context.sql(query).to_pydict().values()))

    return run


def chdb_query(path: str, form: str):
    import chdb

    name = {"csv": "CSVWithNames", "ndjson": "JSONEachRow", "parquet": "Parquet"}[form]
    ids = ", ".join(f"coalesce(CAST({name} AS Nullable(Int64)), 0) AS {name}" for name in KEY[2:])
    query = OTHERS_QUERY.format(days="intDiv(seconds, 86400)", hours="intDiv(seconds % 86400, 3600)", micros="intDiv(bid + 49 + intDiv(bid, 100) % 2, 100)", ids=ids,
                                source=f"file('{path}', {name})", seconds="toUnixTimestamp(toDateTime(ts, 'UTC'))", ev="toString(ev)", double="Nullable(Float64)")
    return lambda: list(zip(*chdb.query(f"{query} SETTINGS prefer_column_name_to_alias = 1, max_threads = 1, max_parsing_threads = 1", "ArrowTable").to_pydict().values()))


def work_as_peer(name: str, form: str, path: str, out: str) -> None:
    """In a process of its own: its processor time is printed, its cells are written."""
    query = {"duckdb": duckdb_query, "polars": polars_query, "datafusion": datafusion_query, "chdb": chdb_query}[name](path, form)
    before = time.process_time()
    cells = query()
    seconds = time.process_time() - before
    with open(out, "w", encoding="ascii") as file:
        json.dump(sorted([int(value) for value in cell] for cell in cells), file)
    print(seconds)


def measure_peer(name: str, form: str, path: str, folder: str) -> tuple[float, list]:
    out = os.path.join(folder, "cells.json")
    done = subprocess.run([engines.peers_python(), __file__, "--peer", name, form, path, out], check=True, stdout=subprocess.PIPE, text=True,
                          env=engines.environment(1))
    with open(out, encoding="ascii") as file:
        return float(done.stdout), json.load(file)


def measure_program(program: str, form: str, path: str, folder: str) -> tuple[float, list]:
    database = os.path.join(folder, "events.db")
    for leftover in pathlib.Path(folder).glob("events.db*"):
        leftover.unlink()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, "run", "--once", "--quiet", "--source", f"{form}:{path}", "--warehouse", f"sqlite:{database}"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with sqlite3.connect(database) as connection:
        cells = sorted(map(list, connection.execute(f"SELECT {', '.join(COLUMNS)} FROM events_micros")))
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, cells


def make_files(program: str, rows: int, forms: list[str], folder: str) -> dict[str, str]:
    paths = {}
    for form in {"csv", *forms} - {"parquet"}:
        path = paths[form] = os.path.join(folder, f"rows.{form}")
        subprocess.run([program, "--quiet", "generate", "--to", f"{form}:{path}", "--rows", str(rows), "--seed", "1", "--from", "2026-06-01", "--span", "2d"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(path, "rb") as file:
            lines = [file.readline() for _ in range(rows // 100 + 1)]
        with open(path, "ab") as file:
            file.writelines(lines[1:])
    if "parquet" in forms:
        paths["parquet"] = os.path.join(folder, "rows.parquet")
        subprocess.run([engines.peers_python(), "-c", f"import duckdb; duckdb.sql(\"COPY (FROM read_csv('{paths['csv']}')) TO '{paths['parquet']}'\")"], check=True)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--against", help="another build of hirestream")
    parser.add_argument("--build", default=str(engines.ROOT / "build"))
    parser.add_argument("--json", help="write the figures there")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--peer", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        work_as_peer(*given.peer)
        return
    rows, rounds = (20_000, 1) if given.smoke else (given.rows, given.rounds)
    forms = given.format or FORMATS
    program = os.path.join(given.build, "hirestream")
    result = {**engines.setting(sys.argv, engines.PEERS), "rows": rows + rows // 100, "files": {}}
    print(result["machine"], *result["peers"], sep=", ", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(program, rows, forms, folder)
        for form in forms:
            compare(form, paths[form], rounds, {"hirestream": program} | ({"against": given.against} if given.against else {}), folder, result)
    engines.write(result, given.json)


def compare(form: str, path: str, rounds: int, programs: dict[str, str], folder: str, result: dict) -> None:
    ways = {name: lambda program=program: measure_program(program, form, path, folder) for name, program in programs.items()}
    ways |= {name: lambda name=name: measure_peer(name, form, path, folder) for name in engines.NAMES}
    seconds = {name: [] for name in ways}
    for _ in range(rounds):
        engines.note_load(result)
        cells = {}
        for name, way in ways.items():
            taken, cells[name] = way()
            seconds[name].append(taken)
        wrong = [name for name in ways if cells[name] != cells["hirestream"]]
        if wrong or not cells["hirestream"]:
            sys.exit(f"{form}: {', '.join(wrong)}: other cells than hirestream's")
    measured = {name: engines.summary(all_seconds) for name, all_seconds in seconds.items()}
    result["files"][form] = {"bytes": os.path.getsize(path), "cells": len(cells["hirestream"]), "seconds": measured}
    print(f"{form}, {os.path.getsize(path) / 1e6:.0f} MB, {len(cells['hirestream'])} cells")
    for name, one in measured.items():
        print(f"  {name:<10} {one['median']:6.2f} s CPU ({one['smallest']:.2f} to {one['largest']:.2f}), {one['median'] / measured['duckdb']['median']:.2f} of DuckDB's", flush=True)


if __name__ == "__main__":
    main()
