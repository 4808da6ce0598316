"""Makes a small warehouse of each kind with a given hirestream, an older one, and stores it beside its raw logs, as text.

    tests/support/services/services.sh run cassandra mysql -- \\
      tests/support/python/run tests/integration/old_warehouse/make.py --binary OLDER/hirestream --to tests/integration/old_warehouse/version_2

The rows arrive within six hours of 2026-06-01, in two goes: the second go's rows are late, they come to slices that were counted
already. What is older than three o'clock is frozen, so far as it can be.
"""

import argparse
import datetime
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from stored import (FOLDER, SQL_PASSWORD, Cassandra, Mysql, dump_cassandra, dump_files, dump_mysql, dump_sqlite, write)

FROM, SPAN = "2026-06-01 00:00:00", "6h"
FROZEN_BEFORE = datetime.datetime(2026, 6, 1, 3, tzinfo=datetime.timezone.utc)
# The older engine looks once a minute.
FREEZES_WITHIN_S = 66
KEYSPACE = DATABASE = "old_warehouse_version_2"
FROZEN_SLICES = "SELECT COUNT(*) FROM hirestream_slices WHERE state = 2"


class Maker:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.jobs = f"csv:{folder}/jobs.csv"

    def call(self, *arguments, seconds=None):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        process = subprocess.Popen([self.binary, *map(str, arguments)], env=environment | {"HIRESTREAM_MYSQL_PASSWORD": SQL_PASSWORD},
                                   stdout=subprocess.DEVNULL)
        if seconds is not None:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0, arguments

    def generate(self, uri, rows, seed, *options):
        self.call("generate", "--to", uri, "--rows", rows, "--seed", seed, "--from", FROM, "--span", SPAN, "--dirty", 0.05,
                  "--duplicates", 0.02, *options)

    def run(self, source, warehouse, *options, once=True, seconds=None):
        self.call("run", *(["--once"] if once else []), "--source", source, "--warehouse", warehouse, "--jobs", self.jobs, *options,
                  seconds=seconds)

    def freeze(self, source, warehouse, *options):
        self.run(source, warehouse, *options, once=False, seconds=FREEZES_WITHIN_S)


def retention():
    return f"{int((datetime.datetime.now(datetime.timezone.utc) - FROZEN_BEFORE).total_seconds())}s"


def skip_sequence_numbers(path, to):
    """A slice holds 50,000 of them."""
    with sqlite3.connect(path) as raw_log:
        raw_log.execute("UPDATE sqlite_sequence SET seq = ?", (to,))
    raw_log.close()


def age_settled_slices(path):
    """As if they had been settled before the retention."""
    days = 10 * 86_400_000_000
    with sqlite3.connect(path) as counts:
        counts.execute(f"UPDATE hirestream_slices SET settled_at_us = settled_at_us - {days}, audited_at_us = audited_at_us - {days} "
                       "WHERE state = 1")
    counts.close()


def make_sqlite(maker, to):
    folder = maker.folder
    warehouse, raw_log = f"sqlite:{folder}/counts.db", f"sqlite:{folder}/raw.db"
    sources = [raw_log, f"csv:{folder}/csv", f"ndjson:{folder}/ndjson"]
    for name in ("csv", "ndjson"):
        (folder / name).mkdir()
    for go in (1, 2):
        maker.generate(raw_log, 150, go, *(["--jobs-to", maker.jobs] if go == 1 else []))
        skip_sequence_numbers(folder / "raw.db", 50_000 * go - 20)
        maker.generate(f"csv:{folder}/csv/{go}.csv", 80, 10 + go)
        maker.generate(f"ndjson:{folder}/ndjson/{go}.ndjson", 80, 20 + go)
        for source in sources:
            maker.run(source, warehouse)
    # A file that grows, and blocks of sequence numbers that are over and freeze; the newest does not.
    maker.generate(f"csv:{folder}/more.csv", 40, 31)
    with open(folder / "csv/1.csv", "a", encoding="utf-8") as file:
        file.writelines((folder / "more.csv").read_text().splitlines(keepends=True)[1:])
    (folder / "more.csv").unlink()
    maker.generate(raw_log, 60, 4)
    age_settled_slices(folder / "counts.db")
    maker.freeze(raw_log, warehouse)
    skip_sequence_numbers(folder / "raw.db", 149_980)
    maker.generate(raw_log, 60, 5)
    for source in sources:
        maker.run(source, warehouse)
    with sqlite3.connect(folder / "counts.db") as counts:
        print("sqlite: frozen slices", counts.execute(FROZEN_SLICES).fetchone()[0])
    write(to / "counts.sqlite.sql.gz", dump_sqlite(folder / "counts.db"))
    write(to / "raw_log.sqlite.sql.gz", dump_sqlite(folder / "raw.db"))
    write(to / "files.json.gz", dump_files(folder))


def make_servers(maker, to):
    cassandra, mysql = Cassandra(), Mysql()
    cassandra.make(KEYSPACE)
    mysql.make(DATABASE)
    sources = {"bucketed": ["--shards", 2, "--bucket-width", 900], "plain": ["--layout", "plain"]}
    for go in (1, 2):
        for number, (table, options) in enumerate(sources.items()):
            source = cassandra.uri(KEYSPACE, table)
            maker.generate(source, 200, 40 + 10 * number + go, *options)
            maker.run(source, mysql.uri(DATABASE))
            # Audits would find late rows in their time.
            maker.call("verify", "--repair", "--source", source, "--warehouse", mysql.uri(DATABASE), "--jobs", maker.jobs)
    maker.freeze(cassandra.uri(KEYSPACE, "bucketed"), mysql.uri(DATABASE), "--retention", retention())
    print("mysql: frozen slices", mysql.query(FROZEN_SLICES)[0][0])
    cassandra.cluster.refresh_schema_metadata()
    write(to / "counts.mysql.sql.gz", dump_mysql(mysql, DATABASE, cassandra.name))
    write(to / "raw_log.cassandra.ndjson.gz", dump_cassandra(cassandra, KEYSPACE))
    cassandra.query(f"DROP KEYSPACE {KEYSPACE}")
    mysql.query(f"DROP DATABASE {DATABASE}")
    cassandra.cluster.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    FOLDER.mkdir()
    try:
        maker = Maker(options.binary, FOLDER)
        make_sqlite(maker, options.to)
        make_servers(maker, options.to)
    finally:
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
