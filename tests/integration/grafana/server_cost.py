"""What a query costs the server: its plan, the rows it reads, the CPU of the server's thread."""

import pathlib
import statistics
import time

import pymysql

import grafana

# The id that the kernel knows the server's thread by; MariaDB's performance schema is off by default.
THREAD = {
    "mysql": "SELECT THREAD_OS_ID FROM performance_schema.threads WHERE PROCESSLIST_ID = CONNECTION_ID()",
    "mariadb": "SELECT TID FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()",
}


def plan_of(connection, sql):
    """EXPLAIN's steps."""
    with connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute({"mysql": "EXPLAIN FORMAT=TRADITIONAL ", "mariadb": "EXPLAIN "}[connection.kind] + sql)
        return list(cursor.fetchall())


def rows_read(connection, sql, scans=False):
    """Through indexes; with `scans` also those of whole tables, which temporary ones are read as, too, and the counters themselves."""

    def counters(cursor):
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler\\_read%'")
        return {name: int(value) for name, value in cursor.fetchall()}

    with connection.cursor() as cursor:
        before = counters(cursor)
        cursor.execute(sql)
        cursor.fetchall()
        after = counters(cursor)
    return sum(after[name] - before[name] for name in after if scans or "rnd" not in name)


def cpu_clock(connection):
    """Milliseconds of CPU that the server has spent on this connection; needs a server on this machine, not in a container of its own."""
    with connection.cursor() as cursor:
        cursor.execute(THREAD[connection.kind])
        (thread,) = cursor.fetchone()
    statistics_file = pathlib.Path(f"/proc/{thread}/schedstat")
    return lambda: int(statistics_file.read_text().split()[0]) / 1e6


def spent(connection, sql, form, times):
    """Median of the server's CPU and least wall time, in milliseconds."""
    clock = cpu_clock(connection)
    measured = []
    for _ in range(times):
        cpu, wall = clock(), time.perf_counter()
        grafana.run(connection, sql, form)
        measured.append((clock() - cpu, (time.perf_counter() - wall) * 1000))
    return statistics.median(cpu for cpu, _ in measured), min(wall for _, wall in measured)
