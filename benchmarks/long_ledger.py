#!/usr/bin/env python3
"""What a ledger of a year costs: the start of an engine, its memory while nothing comes, and `verify`, against the bare page scan of the same table.

    tests/support/python/run benchmarks/long_ledger.py [--rows 3000000] [--days 7] [--rounds 3] [--idle-minutes 30] [--build build] [--keep]

Needs the servers of `make services`. Rows of the last days are generated into the bucketed table (1,440 minutes x 8 shards = 11,520 slices a day) and
counted; the rest of a year is what is left of it in the warehouse: the frozen sums of 8 shards for each day, and their marks. Then, each in a
process of its own: `run --once` with nothing new, `verify`, the bare scan, and an engine that idles. Exit 1 if a limit is passed:
--start-seconds, --start-mb, --verify-mb, --verify-ratio, --idle-growth.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

from servers import CASSANDRA, ENVIRONMENT, connect_cassandra, connect_mysql, database_uri, drop, make_database_anew, query, table_uri

NAME = "long_ledger"
SHARDS = 8
DAYS = 365


def measured(command: list) -> tuple:
    """Seconds, peak resident memory in MB, what it printed as JSON."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}\n{output}")
    return time.monotonic() - began, usage.ru_maxrss / 1024, json.loads(output)


def resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def add_frozen_days(mysql, first_kept_day: int) -> None:
    days = [(1, shard, first_kept_day - day, 1440, 60_000, day, 50_000, 0, 10_000, 0, 0) for shard in range(SHARDS) for day in range(1, DAYS)]
    marks = [(1, shard, first_kept_day * 1440, 1 << 32) for shard in range(SHARDS)]
    with mysql.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {NAME}.hirestream_frozen_days (source_id, shard, day, slices, row_count, row_hash, counted, unattributed, "
                           "other_kinds, rejected, too_late) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", days)
        cursor.executemany(f"REPLACE INTO {NAME}.hirestream_frozen_marks (source_id, shard, frozen_until, history_place) VALUES (%s, %s, %s, %s)", marks)


def idle(run: list, minutes: float) -> float:
    """Growth of the memory, in parts of what it was after the first tenth of the time."""
    engine = subprocess.Popen(run, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        samples = []
        for _ in range(30):
            time.sleep(minutes * 2)
            samples.append(resident_mb(engine.pid))
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait()
    settled = samples[3:]
    print(f"idle for {minutes:g} min: {settled[0]:.1f} MB, then {min(settled):.1f} to {max(settled):.1f} MB", flush=True)
    return max(abs(sample / settled[0] - 1) for sample in settled)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle-minutes", type=float, default=30)
    parser.add_argument("--build", default="build")
    parser.add_argument("--start-seconds", type=float, default=2)
    parser.add_argument("--start-mb", type=float, default=100)
    parser.add_argument("--verify-mb", type=float, default=300)
    parser.add_argument("--verify-ratio", type=float, default=1.5)
    parser.add_argument("--idle-growth", type=float, default=0.05)
    parser.add_argument("--keep", action="store_true", help="leave the keyspace and the database")
    options = parser.parse_args()
    program = os.path.join(options.build, "hirestream")
    session, mysql = connect_cassandra(), connect_mysql()
    drop(session, mysql, NAME)
    make_database_anew(mysql, NAME)
    source = table_uri(NAME)
    both = ["--source", source, "--warehouse", database_uri(NAME)]
    run = [program, "--json", "--quiet", "run", *both, "--retention", f"{options.days + 2}d"]
    now = time.time()
    begin = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now - options.days * 86_400 - 300))
    subprocess.run([program, "--quiet", "generate", "--to", source, "--rows", str(options.rows), "--seed", "1", "--from", begin, "--span",
                    f"{options.days * 24}h"], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    seconds, megabytes, _ = measured(run + ["--once"])
    print(f"counted {options.rows} rows of {options.days} days in {seconds:.1f} s, {megabytes:.0f} MB", flush=True)
    add_frozen_days(mysql, int(now // 86_400) - options.days - 3)
    ((slices,),) = query(mysql, f"SELECT COUNT(*) FROM {NAME}.hirestream_slices")
    print(f"{slices} slices in the ledger, {SHARDS * (DAYS - 1)} frozen days", flush=True)
    starts, verifies, ratios = [], [], []
    for number in range(1, options.rounds + 1):
        starts.append(measured(run + ["--once"])[:2])
        bare = json.loads(subprocess.run([os.path.join(options.build, "page_scan"), CASSANDRA, NAME, "tracking"], check=True,
                                         capture_output=True, text=True).stdout)
        seconds, megabytes, report = measured([program, "--json", "--quiet", "verify", *both])
        report = report[0]
        assert report["rows_read"] == bare["rows"] == options.rows, (report, bare)
        verifies.append(megabytes)
        ratios.append(seconds / bare["seconds"])
        print(f"round {number}: start {starts[-1][0]:.2f} s and {starts[-1][1]:.0f} MB; bare scan {bare['seconds']:.1f} s, verify {seconds:.1f} s "
              f"({ratios[-1]:.2f}) and {megabytes:.0f} MB", flush=True)
    growth = idle(run, options.idle_minutes) if options.idle_minutes > 0 else 0
    if not options.keep:
        drop(session, mysql, NAME)
    results = {"start, seconds": (statistics.median(s for s, _ in starts), options.start_seconds),
               "start, MB": (max(m for _, m in starts), options.start_mb), "verify, MB": (max(verifies), options.verify_mb),
               "verify / bare scan": (statistics.median(ratios), options.verify_ratio), "idle, growth": (growth, options.idle_growth)}
    for name, (value, limit) in results.items():
        print(f"{name}: {value:.2f} (limit {limit:g}){'' if value <= limit else ' PASSED THE LIMIT'}")
    return 0 if all(value <= limit for value, limit in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
