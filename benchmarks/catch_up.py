#!/usr/bin/env python3
"""How long it takes to catch up with a full raw log, against the bare page scan of the same table in the same run.

    tests/support/python/run benchmarks/catch_up.py [--rows 1000000] [--rounds 3] [--layout bucketed|plain] [--build build] [--keep]
                                                    [--many-cells] [--rebuild] [--against PROGRAM] [--limit 3.0] [--against-limit 1.0]

Needs the servers of `make services`. Writes the rows once, then in turn: the bare scan (pages fetched, not even decoded), then
`hirestream run --once` into an empty MySQL database, the same with the program of another build, if one is named, and with --rebuild `hirestream rebuild --from-source`. Prints each round, how long MySQL's
inserts took, and the median ratios. Exit 1 if the ratio to the bare scan is above --limit, or the one to the other program
above --against-limit.

--many-cells: each row is a click, two of three rows are a cell of their own, and MySQL has most of the work. Else the rows are what
`hirestream generate` makes.
"""
import argparse
import datetime
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

from servers import CASSANDRA, ENVIRONMENT, connect_cassandra, connect_mysql, database_uri, drop, make_database_anew, query, table_uri

GREGORIAN = datetime.datetime(1582, 10, 15)
HOURS = 23


def write_clicks(path: str, rows: int) -> None:
    """Clicks of the last day, in the order of their arrival, of 2,450 jobs and 20 publishers a million rows."""
    chance = random.Random(1)
    jobs = max(1, rows * 2450 // 1_000_000)
    begin = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(hours=HOURS + 1)
    begin_us = (begin - GREGORIAN) // datetime.timedelta(microseconds=1)
    with open(path, "w", encoding="utf-8") as out:
        out.write("create_time,ts,job_id,publisher_id,campaign_id,group_id,bid,custom_track\n")
        for row in range(rows):
            arrival_us = begin_us + row * HOURS * 3_600_000_000 // rows
            ticks = arrival_us * 10
            row_id = uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0xFFF | 0x1000, 0x80 | chance.randrange(64),
                                       chance.randrange(256), chance.randrange(1 << 48)))
            time_text = (GREGORIAN + datetime.timedelta(microseconds=arrival_us)).isoformat(sep=" ", timespec="milliseconds")
            job = chance.randrange(jobs) + 1
            out.write(f"{row_id},{time_text},{job},{chance.randrange(20) + 1},{job % 300 + 1},{job % 40 + 1},1.5,click\n")


def write_rows(program: str, source: str, options: argparse.Namespace) -> None:
    if not options.many_cells:
        subprocess.run([program, "--quiet", "generate", "--to", source, "--rows", str(options.rows), "--seed", "1",
                        "--layout", options.layout], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        return
    if options.layout != "bucketed":
        sys.exit("--many-cells is for the bucketed layout")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "clicks.csv")
        write_clicks(path, options.rows)
        for command in (["init", "--source", source], ["--quiet", "import", path, "--to", source]):
            subprocess.run([program, *command], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)


def seconds_of_inserts(mysql) -> float:
    """Of the server, since they were set back; statements that it had parsed before count as executions."""
    return float(query(mysql, "SELECT SUM(SUM_TIMER_WAIT) / 1e12 FROM performance_schema.events_statements_summary_global_by_event_name "
                              "WHERE EVENT_NAME IN ('statement/sql/insert', 'statement/com/Execute')")[0][0])


def catch_up(program: str, source: str, name: str, mysql, options: argparse.Namespace) -> float:
    """Seconds of a run into an empty database, which are printed with what MySQL did."""
    make_database_anew(mysql, name)
    query(mysql, "TRUNCATE performance_schema.events_statements_summary_global_by_event_name")
    began = time.monotonic()
    process = subprocess.Popen([program, "--json", "--quiet", "run", "--once", "--source", source, "--warehouse", database_uri(name)],
                               stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    run = json.loads(process.stdout.read())
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    assert status == 0, status
    assert run["rows"]["total"] == options.rows, run
    inserts = seconds_of_inserts(mysql)
    cells = query(mysql, f"SELECT COUNT(*) FROM {name}.events")[0][0]
    print(f"  {program}: {seconds:.2f} s ({cells} cells, {run['cells_changed']} written by {run['commits']} commits, "
          f"{options.rows / seconds:,.0f} rows/s, at most {used.ru_maxrss / 1024:.0f} MB); MySQL: inserts {inserts:.1f} s", flush=True)
    return seconds


def contents(mysql, name: str) -> tuple:
    return query(mysql, f"SELECT COUNT(*), SUM(clicks), SUM(impressions), SUM(spend_hour), SUM(CRC32(CONCAT_WS(',', dates, hours, job_id, publisher_id, campaign_id, group_id, "
                        f"clicks, conversion, qualified_application, disqualified_application, impressions, spend_hour))) FROM {name}.events")[0]


def rebuild(program: str, source: str, name: str, mysql) -> float:
    """Seconds of a first history by `rebuild --from-source`; `events` must be what the run before it has made."""
    right = contents(mysql, name)
    make_database_anew(mysql, name)
    began = time.monotonic()
    subprocess.run([program, "--quiet", "rebuild", "--from-source", "--source", source, "--warehouse", database_uri(name), "--trust-keys", "--grace", "1s", "--retention", "0"],
                   check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    seconds = time.monotonic() - began
    assert contents(mysql, name) == right, (contents(mysql, name), right)
    print(f"  {program} rebuild --from-source: {seconds:.2f} s", flush=True)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layout", choices=("bucketed", "plain"), default="bucketed")
    parser.add_argument("--many-cells", action="store_true")
    parser.add_argument("--rebuild", action="store_true", help="`rebuild --from-source`, too")
    parser.add_argument("--build", default="build")
    parser.add_argument("--against", help="program of another build")
    parser.add_argument("--limit", type=float, default=3.0)
    parser.add_argument("--against-limit", type=float, default=1.0)
    parser.add_argument("--keep", action="store_true", help="leave the keyspace and the database")
    options = parser.parse_args()
    name = f"catch_up_{options.layout}"
    program = os.path.join(options.build, "hirestream")
    session, mysql = connect_cassandra(), connect_mysql()
    drop(session, mysql, name)
    source = table_uri(name)
    began = time.monotonic()
    write_rows(program, source, options)
    print(f"wrote {options.rows} rows ({options.layout}) in {time.monotonic() - began:.1f} s", flush=True)
    ratios = []
    other_ratios = []
    rebuild_ratios = []
    for round_number in range(1, options.rounds + 1):
        scan = json.loads(subprocess.run([os.path.join(options.build, "page_scan"), CASSANDRA, name, "tracking"], check=True,
                                         capture_output=True, text=True).stdout)
        assert scan["rows"] == options.rows, scan
        print(f"round {round_number}: bare scan {scan['seconds']:.2f} s", flush=True)
        seconds = catch_up(program, source, name, mysql, options)
        ratios.append(seconds / scan["seconds"])
        if options.against:
            other_ratios.append(seconds / catch_up(options.against, source, name, mysql, options))
        if options.rebuild:
            rebuild_ratios.append(rebuild(program, source, name, mysql) / scan["seconds"])
    ratio = statistics.median(ratios)
    print(f"median ratio to the bare scan {ratio:.2f} (limit {options.limit}): " + ", ".join(f"{one:.2f}" for one in ratios))
    good = ratio <= options.limit
    if other_ratios:
        ratio = statistics.median(other_ratios)
        print(f"median ratio to {options.against} {ratio:.2f} (limit {options.against_limit}): "
              + ", ".join(f"{one:.2f}" for one in other_ratios))
        good = good and ratio <= options.against_limit
    if rebuild_ratios:
        print(f"rebuild --from-source, median ratio to the bare scan {statistics.median(rebuild_ratios):.2f}: " + ", ".join(f"{one:.2f}" for one in rebuild_ratios))
    if not options.keep:
        drop(session, mysql, name)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
