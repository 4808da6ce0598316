#!/usr/bin/env python3
"""How long after it was due a row is in `events`: each row, at several rates, with history behind it.

    tests/support/python/run benchmarks/freshness.py [--rates 10,100,1000] [--seconds 60] [--history 1000000] [--build build] [ENGINE_OPTION...]

Needs the servers of `make services`. The writer (open_loop_writer) writes by the clock, however long an answer takes; its rows are clicks, each of
a cell of its own, so that `events` shows which of them are counted. A reader asks for those that are missing every 5 ms. What is printed contains
Cassandra's time for the write, and the reader's own. Options behind `--` go to `hirestream run`. Exit 1 if a row is never seen, or if p99 is above --limit milliseconds.
"""
import argparse
import array
import datetime
import json
import os
import signal
import subprocess
import sys
import time

from servers import CASSANDRA, ENVIRONMENT, connect_cassandra, connect_mysql, cpu_seconds, database_uri, drop, make_database_anew, table_uri

NAME = "freshness"
FIRST_JOB = 1_000_000
PUBLISHERS = 64  # rows of one job


def cell_of(row: int) -> tuple[int, int]:
    return FIRST_JOB + row // PUBLISHERS, 1 + row % PUBLISHERS


def see(mysql, first: int, rows: int, until: float, writer) -> dict[int, float]:
    """When each row was first seen."""
    seen = {}
    missing, end = first, first + rows  # all before the first of them have been seen
    with mysql.cursor() as cursor:
        while missing < end and time.time() < until and not writer.poll():
            # MySQL would rather go through all rows of the day, more with each second of the run.
            cursor.execute("SELECT job_id, publisher_id FROM events FORCE INDEX (events_job_company) WHERE job_id BETWEEN %s AND %s",
                           (cell_of(missing)[0], cell_of(end - 1)[0]))
            now = time.time()
            for job, publisher in cursor.fetchall():
                seen.setdefault((job - FIRST_JOB) * PUBLISHERS + publisher - 1, now)
            while missing in seen:
                missing += 1
            time.sleep(0.005)
    return seen


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(build: str, engine, mysql, rate: int, first: int, seconds: int) -> dict:
    rows = rate * seconds
    used = cpu_seconds(engine.pid)
    writer = subprocess.Popen([os.path.join(build, "open_loop_writer"), CASSANDRA, NAME, "tracking", *(str(value) for value in (rate, rows, FIRST_JOB, PUBLISHERS, first))],
                              stdout=subprocess.PIPE)
    seen = see(mysql, first, rows, time.time() + seconds + 60, writer)
    due = writer.communicate()[0]
    if writer.returncode != 0:
        raise SystemExit("the writer failed")
    due = array.array("d", due)
    lags = [1000 * (seen[first + i] - due[i]) for i in range(rows) if first + i in seen]
    return {"rate": rate, "rows": rows, "never_seen": rows - len(lags), "p50": percentile(lags, 0.5), "p99": percentile(lags, 0.99),
            "max": max(lags), "cpu": 100 * (cpu_seconds(engine.pid) - used) / seconds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="10,100,1000")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--history", type=int, default=1_000_000)
    parser.add_argument("--build", default="build")
    parser.add_argument("--limit", type=float, default=1000)
    parser.add_argument("--rest", type=int, default=20, help="seconds for which the engine's cost is measured while nothing is written")
    parser.add_argument("engine_options", nargs="*")
    options = parser.parse_args()
    program = os.path.join(options.build, "hirestream")
    session, mysql = connect_cassandra(), connect_mysql()
    drop(session, mysql, NAME)
    make_database_anew(mysql, NAME)
    mysql.select_db(NAME)
    source = table_uri(NAME)
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=26)
    subprocess.run([program, "--quiet", "generate", "--to", source, "--rows", str(options.history), "--seed", "1", "--from",
                    f"{begin:%Y-%m-%d %H:%M:%S}", "--span", "24h"], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    run = [program, "--json", "--quiet", "run", "--source", source, "--warehouse", database_uri(NAME), *options.engine_options]
    subprocess.run(run + ["--once"], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    engine = subprocess.Popen(run, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    results = []
    try:
        time.sleep(min(15, options.rest))
        if options.rest:
            used = cpu_seconds(engine.pid)
            time.sleep(options.rest)
            print(f"at rest: {100 * (cpu_seconds(engine.pid) - used) / options.rest:.1f} % of a core", flush=True)
        first = 0
        for rate in (int(value) for value in options.rates.split(",")):
            result = measure(options.build, engine, mysql, rate, first, options.seconds)
            first += result["rows"]
            results.append(result)
            print("{rate:>6} rows/s: {rows} rows, {never_seen} never seen, p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {max:.0f} ms; "
                  "engine {cpu:.1f} % of a core".format(**result), flush=True)
    finally:
        engine.send_signal(signal.SIGTERM)
        json.loads(engine.communicate()[0])
        drop(session, mysql, NAME)
    return 0 if all(result["never_seen"] == 0 and result["p99"] <= options.limit for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
