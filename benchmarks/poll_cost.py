#!/usr/bin/env python3
"""What an engine costs on the bucketed table, by the amount of history behind it: its start, a poll, /metrics, memory, the ledger.

    tests/support/python/run benchmarks/poll_cost.py [--history 100000,1000000,10000000] [--rate 200] [--seconds 30] [--build build]

Needs the servers of `make services`. For each amount: generates it, flushes and compacts, catches up once, then lets the engine run while a
writer adds rows at the rate, and prints what the engine read and used; before that, three starts with nothing new. Exit 1 if something
costs more than --limit times as much with the most history as with the least. The ledger's bytes are those of its tables in MySQL.
"""
import argparse
import datetime
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

from servers import ENVIRONMENT, connect_cassandra, connect_mysql, cpu_seconds, database_uri, drop, make_database_anew, query, table_uri

PORT = 9477


def resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024


def start_cpu(command: list[str]) -> float:
    """Processor seconds of a start with nothing new, median of three."""
    taken = []
    for _ in range(3):
        before = os.times()
        subprocess.run(command + ["--once"], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        after = os.times()
        taken.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(taken)


def metrics_ms() -> float:
    """Of one answer of /metrics, median of 20."""
    taken = []
    for _ in range(20):
        begin = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics") as answer:
            answer.read()
        taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken)


def ledger_mb(mysql, name: str) -> float:
    tables = [row[0] for row in query(mysql, f"SHOW TABLES FROM {name}") if row[0].startswith("hirestream_") and row[0] != "hirestream_days"]
    query(mysql, "SET SESSION information_schema_stats_expiry = 0")
    query(mysql, "ANALYZE TABLE " + ", ".join(f"{name}.{table}" for table in tables))
    places = ", ".join("%s" for _ in tables)
    return float(query(mysql, "SELECT SUM(data_length + index_length) / 1e6 FROM information_schema.tables WHERE table_schema = %s AND "
                              f"table_name IN ({places})", (name, *tables))[0][0])


def measure(options, history: int) -> dict:
    name = f"poll_cost_{history}"
    program = os.path.join(options.build, "hirestream")
    session, mysql = connect_cassandra(), connect_mysql()
    drop(session, mysql, name)
    make_database_anew(mysql, name)
    source = table_uri(name)
    run = [program, "--json", "--quiet", "run", "--source", source, "--warehouse", database_uri(name)]
    # Old enough that none of it is still open: only its amount differs.
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=26)
    subprocess.run([program, "--quiet", "generate", "--to", source, "--rows", str(history), "--seed", "1", "--from",
                    f"{begin:%Y-%m-%d %H:%M:%S}", "--span", "24h"], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    if options.nodetool:
        subprocess.run([options.nodetool, "flush", name], check=True)
        subprocess.run([options.nodetool, "compact", name], check=True)
    subprocess.run(run + ["--once"], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    started = start_cpu(run)
    ledger = ledger_mb(mysql, name)
    engine = subprocess.Popen(run + ["--http", f"127.0.0.1:{PORT}"], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    time.sleep(20)  # start-up: listing of partitions, open slices
    writer = subprocess.Popen([program, "--quiet", "generate", "--to", source, "--rate", str(options.rate), "--seconds",
                               str(options.seconds + 4), "--seed", "2"], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    time.sleep(3)
    before = cpu_seconds(engine.pid)
    time.sleep(options.seconds)
    used = cpu_seconds(engine.pid) - before
    writer.wait()
    memory, metrics = resident_mb(engine.pid), metrics_ms()
    engine.send_signal(signal.SIGTERM)
    summary = json.loads(engine.communicate()[0])
    elapsed = summary["seconds"]
    drop(session, mysql, name)
    return {"history": history, "cpu_percent": 100 * used / options.seconds, "rows_read": summary["rows_read"],
            "requests_per_s": summary["requests"] / elapsed, "rows_new": summary["rows_new"],
            "freshness_ms": summary.get("freshness_ms"), "start_s": started, "memory_mb": memory, "metrics_ms": metrics, "ledger_mb": ledger}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", default="100000,1000000,10000000")
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--build", default="build")
    parser.add_argument("--limit", type=float, default=1.5)
    parser.add_argument("--nodetool", default=os.environ.get("HIRESTREAM_NODETOOL", ""),
                        help="for flush and compaction (default: $HIRESTREAM_NODETOOL; empty: neither)")
    options = parser.parse_args()
    results = []
    for history in (int(value) for value in options.history.split(",")):
        result = measure(options, history)
        results.append(result)
        freshness = result["freshness_ms"] or {}
        print(f"{history:>9} rows of history: {result['cpu_percent']:.1f} % of a core, {result['requests_per_s']:.1f} requests/s, "
              f"{result['rows_read']} rows read for {result['rows_new']} new, freshness p50 {freshness.get('p50', 0):.0f} ms, "
              f"p99 {freshness.get('p99', 0):.0f} ms; start {result['start_s']:.2f} s of CPU, {result['memory_mb']:.0f} MB, /metrics "
              f"{result['metrics_ms']:.1f} ms, ledger {result['ledger_mb']:.1f} MB ({1e6 * result['ledger_mb'] / history:.1f} MB a million rows)",
              flush=True)
    first, last = results[0], results[-1]
    ratios = {"CPU": last["cpu_percent"] / max(first["cpu_percent"], 0.1),
              "requests": last["requests_per_s"] / first["requests_per_s"],
              "start": last["start_s"] / first["start_s"],
              "memory": last["memory_mb"] / first["memory_mb"],
              "/metrics": last["metrics_ms"] / first["metrics_ms"],
              "rows read for a new one": (last["rows_read"] / last["rows_new"]) / (first["rows_read"] / first["rows_new"])}
    print("with the most history / with the least: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
          + f" (limit {options.limit})")
    return 0 if max(ratios.values()) <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
