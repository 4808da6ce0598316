#!/usr/bin/env python3
"""How long it takes to catch up with a full raw log, against the bare page scan of the same table in the same run.

    tests/support/python/run benchmarks/catch_up.py [--rows 1000000] [--rounds 3] [--layout bucketed|plain] [--build build] [--keep]

Needs the servers of `make services`. Generates the rows once, then in turn: the bare scan (pages fetched, not even decoded), then
`hirestream run --once` into an empty MySQL database. Prints each round and the median ratio. Exit 1 if the ratio is above --limit.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pymysql
from cassandra.cluster import Cluster

CASSANDRA = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "127.0.0.1:9042").removeprefix("cassandra://")
MYSQL = urlsplit(os.environ.get("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"))
PASSWORD = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layout", choices=("bucketed", "plain"), default="bucketed")
    parser.add_argument("--build", default="build")
    parser.add_argument("--limit", type=float, default=3.0)
    parser.add_argument("--keep", action="store_true", help="leave the keyspace and the database")
    options = parser.parse_args()
    name = f"catch_up_{options.layout}"
    program = os.path.join(options.build, "hirestream")
    host, port = CASSANDRA.rsplit(":", 1)
    cluster = Cluster([host], port=int(port))
    session = cluster.connect()
    session.default_timeout = 120
    session.execute(f"DROP KEYSPACE IF EXISTS {name}")
    mysql = pymysql.connect(host=MYSQL.hostname, port=MYSQL.port, user=MYSQL.username, password=PASSWORD, autocommit=True)
    environment = dict(os.environ, HIRESTREAM_MYSQL_PASSWORD=PASSWORD)
    source = f"cassandra://{CASSANDRA}/{name}/tracking"
    began = time.monotonic()
    subprocess.run([program, "--quiet", "generate", "--to", source, "--rows", str(options.rows), "--seed", "1",
                    "--layout", options.layout], check=True, env=environment, stdout=subprocess.DEVNULL)
    print(f"generated {options.rows} rows ({options.layout}) in {time.monotonic() - began:.1f} s", flush=True)
    ratios = []
    for round_number in range(1, options.rounds + 1):
        scan = json.loads(subprocess.run([os.path.join(options.build, "page_scan"), CASSANDRA, name, "tracking"], check=True,
                                         capture_output=True, text=True).stdout)
        with mysql.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
        began = time.monotonic()
        run = json.loads(subprocess.run(
            [program, "--json", "--quiet", "run", "--once", "--source", source, "--warehouse",
             f"mysql://{MYSQL.username}@{MYSQL.hostname}:{MYSQL.port}/{name}"],
            check=True, capture_output=True, text=True, env=environment).stdout)
        seconds = time.monotonic() - began
        with mysql.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {name}.events")
            cells = cursor.fetchone()[0]
        assert scan["rows"] == options.rows and run["rows"]["total"] == options.rows, (scan, run)
        ratios.append(seconds / scan["seconds"])
        print(f"round {round_number}: bare scan {scan['seconds']:.2f} s, run --once {seconds:.2f} s "
              f"({cells} cells, {options.rows / seconds:,.0f} rows/s), ratio {ratios[-1]:.2f}", flush=True)
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.2f} (limit {options.limit})")
    if not options.keep:
        session.execute(f"DROP KEYSPACE {name}")
        with mysql.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")
    return 0 if ratio <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
