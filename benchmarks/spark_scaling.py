#!/usr/bin/env python3
"""What so many raw rows a day take in Spark cores, Cassandra cores and commits: arithmetic from measured rates.

usage: benchmarks/spark_scaling.py [--write docs/scaling.md]

The rates below are those that docs/scaling.md tells of; measure your own with benchmarks/spark_paths.py and put them here.
"""
import argparse

DAY_S = 86_400
# CPU seconds per million rows.
CLIENT_NATIVE, CLIENT_CONNECTOR, CLIENT_SQL = 1.27, 6.4, 6.4
CASSANDRA_READ = 9.0
# Of `events`: CPU seconds of MySQL per million cells changed; bytes of a staged blob per cell; bytes of a cell in `events` with its keys.
MYSQL_PER_CELL, BLOB_BYTES, CELL_BYTES = 44.0, 9, 300
# Raw rows that fall into one cell (an hour of a job, publisher, campaign, group), on average; raw bytes of a row.
ROWS_PER_CELL, ROW_BYTES = 10, 400
# A tail reads a row about this often in its life (docs/architecture.md), a backfill once.
TAIL_READS = 4
# How much of a core one counts on.
USE = 0.6


def cores(cpu_s_per_million, rows):
    return rows / 1e6 * cpu_s_per_million / DAY_S / USE


def line(rows_per_day):
    cells = rows_per_day / ROWS_PER_CELL
    mysql = cells / 1e6 * MYSQL_PER_CELL / DAY_S / USE
    return (f"| {rows_per_day / 1e9:,.0f} | {rows_per_day / DAY_S / 1e3:,.0f} | {cores(CLIENT_NATIVE, rows_per_day):,.2f} | "
            f"{cores(CLIENT_CONNECTOR, rows_per_day):,.2f} | {cores(CASSANDRA_READ, rows_per_day):,.1f} | "
            f"{cores(CASSANDRA_READ, rows_per_day) * TAIL_READS:,.1f} | {cells / 1e6:,.0f} | {mysql:,.2f} | "
            f"{cells * BLOB_BYTES / 1e9:,.1f} | {cells * CELL_BYTES / 1e9:,.0f} |")


def text():
    lines = [
        "# What more rows take", "",
        "Written by `benchmarks/spark_scaling.py`: arithmetic from a few rates. They are medians of three runs over 1,000,040 rows (11,521 slices, 721,666 cells: nearly one",
        "a row, the worst case for whatever writes cells) in November 2026 on 2 cores (x86-64, Debian 12, Java 17), which Spark, Cassandra and MySQL shared; that of native",
        "ranges is of a prototype, with the reader as a process of its own in two tasks with four reads each. Measure your own with `benchmarks/spark_paths.py`, and put",
        "them into the script. What a whole rebuild takes, against the same cells by JDBC and an upsert, and against the job that is mostly written (four group-bys, joined), the",
        "same script measures with `--warehouse`; there is no run of it on a machine of its own yet, so no ratio is told here.", "",
        "| rate | CPU seconds per million rows |", "|---|---:|",
        f"| native ranges, in Spark (driver, JVM, Python) | {CLIENT_NATIVE} |",
        f"| connector and kernel | {CLIENT_CONNECTOR} |",
        f"| plain Spark SQL over the connector, without writing | {CLIENT_SQL} |",
        f"| Cassandra, to be read | {CASSANDRA_READ} |",
        f"| MySQL, per million *cells* changed | {MYSQL_PER_CELL} |", "",
        f"A row is {ROW_BYTES} bytes raw; {ROWS_PER_CELL} rows fall into one cell; a core is counted on for {USE:.0%}.", "",
        "| 10⁹ rows a day | 10³ rows/s | Spark cores, native | Spark cores, connector | Cassandra cores, one read | Cassandra cores, tailed | 10⁶ cells a day | "
        "MySQL cores | staged GB a day | `events` GB a day |", "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(line(rows) for rows in (1e9, 1e10, 1e11)), "",
        "## What that says", "",
        "- **One billion rows a day is no case for Spark.** An engine tails them on a part of one core; Cassandra is what must be sized. Spark is for history: one",
        "  backfill of a year.",
        "- **The server is the limit, whatever reads.** Cassandra takes seven times the CPU of the native reader. More readers do not help where its cores are full:",
        "  keep tasks × `parallel_reads` (a parameter of the source's URI) at what it bears; four reads saturate two cores.",
        "- **MySQL ends where cells do**: rows are added up before they get there, so it grows with jobs × hours × publishers, not with clicks. A single writer commits",
        f"  about {1e6 / MYSQL_PER_CELL / 1e3:,.0f} k changed cells a CPU second; ten billion rows a day in as many cells as here are one core of it, a hundred billion ten.",
        "- **Past that**: (1) several databases by group or company, each with its own engines on their own shards: ledger, epochs and revisions are by database and need",
        "  nothing of one another; (2) fewer, larger publications: parts of an hour's slices add up before they are compared (the staged parts do already), so that a cell is",
        "  changed once and not once a slice; (3) another warehouse behind the same port (`src/ports/warehouse.h`): what it needs is a transaction over cells and ledger.", "",
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", metavar="FILE")
    given = parser.parse_args()
    if given.write:
        with open(given.write, "w", encoding="utf-8") as file:
            file.write(text())
    else:
        print(text())


if __name__ == "__main__":
    main()
