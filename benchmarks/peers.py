#!/usr/bin/env python3
"""The group-by in memory: hirestream against DuckDB, Polars, DataFusion and chDB on the same pyarrow table.

    benchmarks/peers.py [--rows 20000000] [--plain-rows 5000000] [--rounds 3] [--threads 1,2] [--set long,wide,log] [--build build] [--json FILE] [--smoke]

Sets, the first two as kernel_benchmark's: each row a click or an impression of the last 24 hours.
  long   1,000 jobs of one campaign each, 5 publishers: 120,000 cells; times in no order
  wide   10,000 jobs, 25 publishers: 6 million possible cells, of which 20 million rows meet 5.8 million
  log    as long, rows in the order of their times, as a log has them: hirestream counts each minute by itself
Every way ends with a pyarrow table of the same cells: by hour, job, publisher, campaign and group the events of each kind and the bids of clicks. After each
run their number and the sum of a 64-bit hash of each are compared; if one differs, the script ends with 1. hirestream's cells are sorted, those of the peers are
not; hirestream also tells what was not counted, and a digest of all rows.
  plain   as one would write it, --plain-rows rows (to tell text ids of more apart takes memory, and long). The table: ids of events as text, ids as int64, times without a zone, bids as double, kinds as text. No event counts twice, which
          hirestream.aggregate() sees to by itself, and the peers by SELECT DISTINCT (Polars: unique)
  tuned   no event is there twice, and everybody knows. The table has each value as each engine likes it best. hirestream: 16 bytes of an id, times in UTC, kinds and
          bids as dictionaries; counted without a look at ids, and with two threads in two counters. Peers: times as an integer, kinds as a small one, bids in
          millionths, other ids as int32, so that they compare, divide and add integers and read no more; grouped by the hour since 1970, which is
          taken apart afterwards. DuckDB need not keep the order of rows, Polars uses its streaming engine, DataFusion gets a partition for each thread
  kernel  beside both: kernel_benchmark on a set of the same shape, its rows already in the kernel's own layout; no Arrow, no Python, cells not given out

Each run is a process of its own that has the table in memory (a file that is mapped, all of its pages touched) and has answered the same question about 1,000 rows;
with one thread it is bound to one core. Ways take turns. Rows a second: with one thread by processor time of all threads, else by the clock on the wall.
hirestream: build/libhirestream_kernel.so, or $HIRESTREAM_KERNEL. --smoke: 20,000 rows, once, with the peers that this Python has.
"""
import argparse
import array
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import engines

# Jobs, publishers, whether times are in order, the set of kernel_benchmark.
SETS = {"long": (1_000, 5, False, "long_log_fresh"), "wide": (10_000, 25, False, "long_and_wide_fresh"), "log": (1_000, 5, True, None)}
WAYS = ["plain", "tuned"]
CAMPAIGNS = 500
SMOKE_ROWS = 20_000
BATCH_ROWS = 131_072
START_US, HOUR_US = 1_656_676_800_000_000, 3_600_000_000
# 1582 to 1970 in units of 100 ns; the second half of every id.
UUID_EPOCH, UUID_NODE = 0x01B21DD213814000, 0x8007_0242AC120002
MEASURES = ["impressions", "clicks", "conversions", "qualified", "unqualified"]
COLUMNS = ["days", "hours", "job_id", "publisher_id", "campaign_id", "group_id", *MEASURES, "bid_micros"]


def make_batches(jobs: int, publishers: int, in_order: bool, rows: int, plain_rows: int):
    """Way and batch: each row in its form for tuned ways, the first ones for plain ones, too."""
    import pyarrow as pa
    import pyarrow.compute as pc

    no_text, no_code = pa.scalar(None, pa.string()), pa.scalar(None, pa.int64())
    for begin in range(0, rows, BATCH_ROWS):
        count = min(BATCH_ROWS, rows - begin)

        def below(limit: int, column: int):
            return pc.cast(pc.floor(pc.multiply(pc.random(count, initializer=begin * 8 + column), float(limit))), pa.int64())

        def coded(codes, values):
            return pa.DictionaryArray.from_arrays(pc.cast(codes, pa.int8()), pa.array(values))

        times = [UUID_EPOCH + (START_US + number) * 10 for number in range(begin, begin + count)]
        high = [(time & 0xFFFFFFFF) << 32 | (time >> 32 & 0xFFFF) << 16 | 0x1000 | time >> 48 for time in times]
        job = pc.add(below(jobs, 0), 1)
        ids = {"job_id": job, "publisher_id": pc.add(below(publishers, 1), 1),
               "campaign_id": pc.add(pc.subtract(job, pc.multiply(pc.divide(job, CAMPAIGNS), CAMPAIGNS)), 1)}
        back = pa.array([(rows - number) * 24 * HOUR_US // rows for number in range(begin, begin + count)]) if in_order else below(24 * HOUR_US, 2)
        ts = pc.subtract(START_US, back)
        click = pc.equal(below(2, 3), 0)
        tenths = below(30, 4)
        if begin < plain_rows:
            node = f"-{UUID_NODE >> 48:04x}-{UUID_NODE & 0xFFFFFFFFFFFF:012x}"
            yield "plain", pa.record_batch({
                "create_time": pa.array([f"{word >> 32:08x}-{word >> 16 & 0xFFFF:04x}-{word & 0xFFFF:04x}{node}" for word in high]),
                "ts": pc.cast(ts, pa.timestamp("us")), **ids, "group_id": pa.nulls(count, pa.int64()), "bid": pc.divide(pc.cast(tenths, pa.float64()), 10.0),
                "custom_track": pc.if_else(click, "click", no_text), "ev": pc.if_else(click, no_text, "1")}).slice(0, plain_rows - begin)
        words = array.array("Q", [UUID_NODE]) * (2 * count)
        words[0::2] = array.array("Q", high)
        words.byteswap()
        yield "tuned", pa.record_batch({
            "create_time": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(words)]),
            "ts": pc.cast(ts, pa.timestamp("us", "UTC")), **{name: pc.cast(column, pa.int32()) for name, column in ids.items()},
            "group_id": pc.cast(pc.multiply(job, 0), pa.int32()), "bid": coded(tenths, [f"{tenth / 10}" for tenth in range(30)]),
            "custom_track": coded(pc.if_else(click, 0, no_code), ["click"]), "ev": coded(pc.if_else(click, no_code, 0), ["1"]),
            # What the peers read in their place.
            "us": ts, "kind": pc.cast(click, pa.int8()), "bid_micros": pc.multiply(tenths, 100_000)})


def make_tables(name: str, rows: int, plain_rows: int, folder: str) -> dict[str, str]:
    import pyarrow as pa

    paths = {way: os.path.join(folder, f"{name}_{way}.arrow") for way in WAYS}
    writers = {}
    for way, batch in make_batches(*SETS[name][:3], rows, plain_rows):
        writers[way] = writers.get(way) or pa.ipc.new_file(paths[way], batch.schema)
        writers[way].write_batch(batch)
    for writer in writers.values():
        writer.close()
    return paths


PLAIN = """
SELECT CAST(ts AS DATE) AS days, {hour} AS hours, job_id, coalesce(publisher_id, 0) AS publisher_id, coalesce(campaign_id, 0) AS campaign_id,
  coalesce(group_id, 0) AS group_id, count(*) FILTER (WHERE custom_track IS NULL AND ev = '1') AS impressions, count(*) FILTER (WHERE custom_track = 'click') AS clicks,
  count(*) FILTER (WHERE custom_track = 'conversion') AS conversions, count(*) FILTER (WHERE custom_track = 'qualified') AS qualified,
  count(*) FILTER (WHERE custom_track = 'unqualified') AS unqualified, CAST(round(coalesce(sum(bid) FILTER (WHERE custom_track = 'click'), 0) * 1000000) AS BIGINT) AS bid_micros
FROM (SELECT DISTINCT create_time, ts, job_id, publisher_id, campaign_id, group_id, bid, custom_track, ev FROM {rows}) AS once
GROUP BY CAST(ts AS DATE), {hour}, job_id, coalesce(publisher_id, 0), coalesce(campaign_id, 0), coalesce(group_id, 0)"""
TUNED = """
SELECT {days} AS days, hour % 24 AS hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, conversions, qualified, unqualified, bid_micros
FROM (SELECT {hour} AS hour, job_id, publisher_id, campaign_id, group_id, count(*) FILTER (WHERE kind = 0) AS impressions, count(*) FILTER (WHERE kind = 1) AS clicks,
  count(*) FILTER (WHERE kind = 2) AS conversions, count(*) FILTER (WHERE kind = 3) AS qualified, count(*) FILTER (WHERE kind = 4) AS unqualified,
  CAST(coalesce(sum(bid_micros) FILTER (WHERE kind = 1), 0) AS BIGINT) AS bid_micros
  FROM {rows} GROUP BY {hour}, job_id, publisher_id, campaign_id, group_id) AS cells"""


def duckdb_query(way: str, threads: int):
    import duckdb

    connection = duckdb.connect(config={"threads": threads, "preserve_insertion_order": way == "plain"})
    connection.sql("SET enable_progress_bar = false")
    query = (PLAIN.format(rows="given", hour="hour(ts)") if way == "plain" else TUNED.format(rows="given", days="hour // 24", hour="us // 3600000000"))

    def run(table):
        connection.register("given", table)
        return connection.sql(query).to_arrow_table()

    return run


def polars_query(way: str, threads: int):
    import polars as pl

    def plain(table):
        track = pl.col("custom_track")
        kinds = {"clicks": "click", "conversions": "conversion", "qualified": "qualified", "unqualified": "unqualified"}
        return (pl.from_arrow(table).lazy().unique(subset="create_time")
                .group_by(pl.col("ts").dt.date().alias("days"), pl.col("ts").dt.hour().alias("hours"), "job_id",
                          *[pl.col(name).fill_null(0) for name in ("publisher_id", "campaign_id", "group_id")])
                .agg((track.is_null() & (pl.col("ev") == "1")).sum().alias("impressions"), *[(track == text).sum().alias(name) for name, text in kinds.items()],
                     (pl.col("bid").filter(track == "click").sum() * 1e6).round().cast(pl.Int64).alias("bid_micros")).collect().to_arrow())

    def tuned(table):
        kind = pl.col("kind")
        hour = pl.col("hour")
        return (pl.from_arrow(table.select(["us", "job_id", "publisher_id", "campaign_id", "group_id", "kind", "bid_micros"])).lazy()
                .group_by((pl.col("us") // HOUR_US).alias("hour"), "job_id", "publisher_id", "campaign_id", "group_id")
                .agg(*[(kind == number).sum().alias(name) for number, name in enumerate(MEASURES)], (pl.col("bid_micros") * (kind == 1)).sum())
                .select((hour // 24).alias("days"), (hour % 24).alias("hours"), *COLUMNS[2:]).collect(engine="streaming").to_arrow())

    return {"plain": plain, "tuned": tuned}[way]


def datafusion_query(way: str, threads: int):
    import datafusion

    query = (PLAIN.format(rows="given", hour="date_part('hour', ts)") if way == "plain" else TUNED.format(rows="given", days="hour / 24", hour="us / 3600000000"))

    def run(table):
        context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))
        if way == "plain":
            context.from_arrow(table, name="given")
        else:
            batches = table.to_batches()
            context.register_record_batches("given", [batches[part::threads] for part in range(threads)])
        return context.sql(query).to_arrow_table()

    return run


def chdb_query(way: str, threads: int):
    import chdb

    query = (PLAIN.format(rows="Python(table)", hour="toHour(ts)") if way == "plain" else TUNED.format(rows="Python(table)", days="intDiv(hour, 24)", hour="intDiv(us, 3600000000)"))
    # It finds the table by the name of this argument.
    return lambda table: chdb.query(f"{query} SETTINGS prefer_column_name_to_alias = 1, max_threads = {threads}", "ArrowTable")


def hirestream_query(way: str, threads: int):
    sys.path.insert(0, str(engines.ROOT / "integrations" / "spark"))
    import hirestream
    import pyarrow
    from hirestream import _kernel

    def tuned(table):
        batches = table.to_batches()

        def count(part: int):
            return _kernel.Kernel(frame=("frame", "frame")).count(batches[part::threads], flags=_kernel.UNIQUE | _kernel.ONE_SLICE)

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            first, *others = pool.map(count, range(threads))
        for other in others:
            first.move(other)
        return pyarrow.Table.from_batches([first.cells()])

    return tuned if way == "tuned" else lambda table: hirestream.aggregate(table).cells


QUERIES = {"hirestream": hirestream_query, "duckdb": duckdb_query, "polars": polars_query, "datafusion": datafusion_query, "chdb": chdb_query}


def same(table) -> list[int]:
    """What is equal if the cells are, in whatever order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mixed = None
    for name, column in zip(COLUMNS, table.columns):
        if pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        number = column.cast(pa.int64()).cast(pa.uint64())
        mixed = number if mixed is None else pc.bit_wise_xor(mixed, number)
        mixed = pc.multiply(mixed, pa.scalar(0x9E3779B97F4A7C15, pa.uint64()))
        mixed = pc.bit_wise_xor(mixed, pc.shift_right(mixed, pa.scalar(29, pa.uint64())))
    halves = (pc.shift_right(mixed, pa.scalar(32, pa.uint64())), pc.bit_wise_and(mixed, pa.scalar(0xFFFFFFFF, pa.uint64())))
    return [table.num_rows, *[pc.sum(half).as_py() for half in halves], *[pc.sum(table.column(place)).as_py() for place in range(6, 12)]]


def work(name: str, way: str, threads: int, path: str) -> None:
    """In a process of its own."""
    import pyarrow as pa

    if threads == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    mapped = pa.memory_map(path)
    sum(memoryview(mapped.read_buffer())[::4096])
    mapped.seek(0)
    table = pa.ipc.open_file(mapped).read_all()
    run = QUERIES[name](way, threads)
    run(table.slice(0, 1000))
    cpu, wall = time.process_time(), time.monotonic()
    cells = run(table)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    print(json.dumps({"cpu": cpu, "wall": wall, "rows": table.num_rows, "same": same(cells)}))


def measure(kernel: str, name: str, way: str, threads: int, path: str) -> dict:
    done = subprocess.run([sys.executable, __file__, "--work", name, way, str(threads), path], check=True, stdout=subprocess.PIPE, text=True,
                          env=engines.environment(threads) | {"HIRESTREAM_KERNEL": kernel, "PYTHONDONTWRITEBYTECODE": "1"})
    return json.loads(done.stdout.splitlines()[-1])


def measure_kernel(build: str, benchmark: str, smoke: bool) -> dict:
    done = subprocess.run([os.path.join(build, "kernel_benchmark"), f"--benchmark_filter=^{benchmark}/", "--benchmark_format=json"], check=True, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL, env=dict(os.environ, HIRESTREAM_BENCHMARK_ITERATIONS="1") | ({"HIRESTREAM_BENCHMARK_SMOKE": "1"} if smoke else {}))
    (result,) = json.loads(done.stdout)["benchmarks"]
    return {"cpu": result["cpu_time"] / 1e3, "wall": result["real_time"] / 1e3, "rows": round(result["items_per_second"] * result["cpu_time"] / 1e3)}


def compare(given: argparse.Namespace, result: dict, name: str, peers: list[str], folder: str) -> None:
    kernel = os.environ.get("HIRESTREAM_KERNEL", os.path.join(given.build, "libhirestream_kernel.so"))
    paths = make_tables(name, given.rows, given.plain_rows, folder)
    taken: dict[tuple, list] = {}
    cells: dict[str, list] = {}
    for _ in range(given.rounds):
        engines.note_load(result)
        if SETS[name][3]:
            taken.setdefault(("kernel", "kernel", 1), []).append(measure_kernel(given.build, SETS[name][3], given.smoke))
        for way, threads, peer in ((way, threads, peer) for way in WAYS for threads in given.threads for peer in ["hirestream", *peers]):
            one = measure(kernel, peer, way, threads, paths[way])
            if one["same"] != cells.setdefault(way, one["same"]) or one["same"][0] == 0:
                sys.exit(f"{name}, {way}, {threads} threads, {peer}: {one['same']} instead of {cells[way]}")
            taken.setdefault((way, peer, threads), []).append(one)
    result["sets"][name] = {"rounds": given.rounds, "rows": {"plain": given.plain_rows, "tuned": given.rows}, "cells": {way: same[0] for way, same in cells.items()}, "runs": [
        {"way": way, "engine": peer, "threads": threads,
         **{unit: engines.summary([one["rows"] / one[unit] / 1e6 for one in ones]) for unit in ("cpu", "wall")}} for (way, peer, threads), ones in taken.items()]}
    show(name, result["sets"][name])
    for path in paths.values():
        os.unlink(path)


def show(name: str, measured: dict) -> None:
    for way, rows in measured["rows"].items():
        print(f"{name}, {way}: {rows:,} rows, {measured['cells'][way]:,} cells")
    print("million rows a second by processor time, by the wall's clock")
    runs = measured["runs"]
    for run in sorted(runs, key=lambda run: (run["way"], run["threads"])):
        own = next((other for other in runs if other["engine"] == "hirestream" and (other["way"], other["threads"]) == (run["way"], run["threads"])), None)
        unit = "cpu" if run["threads"] == 1 else "wall"
        figures = "  ".join(f"{run[unit]['median']:7.2f} ({run[unit]['smallest']:.2f} to {run[unit]['largest']:.2f})" for unit in ("cpu", "wall"))
        against = f"hirestream's rate is {own[unit]['median'] / run[unit]['median']:.2f} of it" if own and own is not run else ""
        print(f"  {run['way']:<6} {run['threads']} thread{'s' * (run['threads'] > 1):<1} {run['engine']:<10} {figures}  {against}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--plain-rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=lambda text: list(map(int, text.split(","))), default=[1, 2])
    parser.add_argument("--set", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--build", default=str(engines.ROOT / "build"))
    parser.add_argument("--json", help="write the figures there")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        name, way, threads, path = given.work
        work(name, way, int(threads), path)
        return
    if given.smoke:
        given.rows, given.plain_rows, given.rounds = SMOKE_ROWS, SMOKE_ROWS, 1
    elif sys.executable != engines.peers_python():
        os.execv(engines.peers_python(), [engines.peers_python(), *sys.argv])
    peers = [name for name in engines.NAMES if not given.smoke or importlib.util.find_spec(name)]
    result = {**engines.setting(sys.argv, engines.PEERS), "sets": {}}
    print(result["machine"], *result["peers"], result["command"], sep=", ", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.set:
            compare(given, result, name, peers, folder)
            engines.write(result, given.json)


if __name__ == "__main__":
    main()
