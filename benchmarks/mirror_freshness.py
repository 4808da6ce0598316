#!/usr/bin/env python3
"""How long a click of the plain table takes into `events`, its writers untouched: by `mirror` and an engine on the mirror, and by a scan of the table.

    tests/support/python/run benchmarks/mirror_freshness.py [--history 1000000] [--rates 10,500,2000] [--seconds 30] [--scan] [--build build]

Needs the servers of `make services`, on this machine (the commit log is read). For each amount of history: fills a plain table with it, mirrors it,
lets an engine count the mirror, and writes at each rate, open-loop. Beside that rate five clicks a second are written one by one, each of
a job of its own; from the answer of each write it is looked each 2 ms whether the job is in `events`. With --scan the same for an engine on the plain
table. Then nobody writes, and the CPU of mirror and engine is taken for 20 s.
"""
import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid

from servers import ENVIRONMENT, connect_cassandra, connect_mysql, cpu_seconds, database_uri, make_database_anew, table_uri

PROBES_PER_SECOND = 5


class Probes:
    """Clicks of jobs of their own, and when each was acknowledged and seen."""

    next_job = 1_000_000_000

    def __init__(self, session, table, database):
        self.session, self.database = session, database
        self.insert = session.prepare(f"INSERT INTO {table} (create_time, ts, custom_track, job_id, bid, ev) VALUES (?, ?, 'click', ?, '1', 1)")
        self.acknowledged, self.seen = {}, {}
        self.ending = False

    def write(self, seconds):
        end = time.monotonic() + seconds
        due = time.monotonic()
        while due < end:
            time.sleep(max(0, due - time.monotonic()))
            due += 1 / PROBES_PER_SECOND * (0.7 + 0.6 * (Probes.next_job % 7) / 6)
            job = Probes.next_job = Probes.next_job + 1
            now = datetime.datetime.now(datetime.timezone.utc)
            self.session.execute(self.insert, (str(uuid.uuid1()), f"{now:%Y-%m-%d %H:%M:%S}", str(job)))
            self.acknowledged[job] = time.monotonic()

    def watch(self):
        first = Probes.next_job
        connection = connect_mysql(self.database)
        while not self.ending:
            with connection.cursor() as cursor:
                cursor.execute("SELECT job_id FROM events WHERE job_id > %s", (first + len(self.seen),))
                now = time.monotonic()
                for (job,) in cursor.fetchall():
                    self.seen.setdefault(job, now)
            time.sleep(0.002)

    def run(self, seconds, patience):
        watcher = threading.Thread(target=self.watch)
        watcher.start()
        self.write(seconds)
        deadline = time.monotonic() + patience
        while len(self.seen) < len(self.acknowledged) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.ending = True
        watcher.join()
        missing = len(self.acknowledged) - len(self.seen)
        took = sorted(1000 * (self.seen[job] - at) for job, at in self.acknowledged.items() if job in self.seen)
        return {"probes": len(took), "missing": missing, "p50_ms": round(took[len(took) // 2]), "p99_ms": round(took[int(len(took) * 0.99)]),
                "max_ms": round(took[-1])} if took else {"probes": 0, "missing": missing}


class Bench:
    def __init__(self, options, history):
        self.options, self.history = options, history
        self.program = os.path.join(options.build, "hirestream")
        self.name = f"mirror_freshness_{history}"
        self.session = connect_cassandra()
        self.session.execute(f"DROP KEYSPACE IF EXISTS {self.name}")
        self.plain = table_uri(self.name, "plain") + "?consistency=ONE"
        self.mirrored = table_uri(self.name, "mirrored") + "?consistency=ONE"

    def command(self, *arguments):
        return [self.program, *arguments]

    def start(self, *arguments):
        return subprocess.Popen(self.command("--quiet", *arguments), env=ENVIRONMENT, stdout=subprocess.DEVNULL)

    def database(self, suffix):
        name = f"{self.name}_{suffix}"
        with connect_mysql() as mysql:
            make_database_anew(mysql, name)
        return name

    def fill(self):
        begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=30)
        subprocess.run(self.command("--quiet", "generate", "--to", self.plain, "--layout", "plain", "--rows", str(self.history), "--threads", "2",
                                    "--from", f"{begin:%Y-%m-%d %H:%M:%S}", "--span", "28h"), check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        subprocess.run(self.command("--quiet", "init", "--source", self.mirrored), check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)

    def at_rates(self, database, patience):
        results = {}
        for rate in self.options.rates:
            writer = self.start("generate", "--to", self.plain, "--layout", "plain", "--rate", str(rate), "--seconds", str(self.options.seconds + 4))
            time.sleep(3)
            results[rate] = Probes(self.session, f"{self.name}.plain", database).run(self.options.seconds, patience)
            writer.wait()
            print(json.dumps({"history": self.history, "rate": rate} | results[rate]), file=sys.stderr, flush=True)
        return results

    def mirror(self):
        begin = time.monotonic()
        subprocess.run(self.command("--quiet", "mirror", "--from", self.plain, "--to", self.mirrored, "--once"), check=True, env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)
        copied_s = time.monotonic() - begin
        database = self.database("mirror")
        subprocess.run(self.command("--quiet", "run", "--source", self.mirrored, "--warehouse", database_uri(database), "--once"), check=True, env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)
        processes = {"mirror": self.start("mirror", "--from", self.plain, "--to", self.mirrored),
                     "engine": self.start("run", "--source", self.mirrored, "--warehouse", database_uri(database))}
        time.sleep(10)
        try:
            result = {"copied_s": round(copied_s, 1), "rates": self.at_rates(database, 20)}
            time.sleep(15)
            before = {name: cpu_seconds(process.pid) for name, process in processes.items()}
            time.sleep(20)
            result["cpu_at_rest_percent"] = {name: round(5 * (cpu_seconds(process.pid) - before[name]), 1) for name, process in processes.items()}
        finally:
            for process in processes.values():
                process.send_signal(signal.SIGTERM)
                process.wait()
        return result

    def scan(self):
        database = self.database("scan")
        subprocess.run(self.command("--quiet", "run", "--source", self.plain, "--warehouse", database_uri(database), "--once"), check=True, env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)
        engine = self.start("run", "--source", self.plain, "--warehouse", database_uri(database))
        time.sleep(10)
        try:
            return {"rates": self.at_rates(database, 120)}
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--history", type=numbers, default=[1_000_000], help="rows of history, several with commas")
    parser.add_argument("--rates", type=numbers, default=[10, 500, 2000], help="rows a second")
    parser.add_argument("--seconds", type=int, default=30, help="of each rate")
    parser.add_argument("--scan", action="store_true", help="the scan strategy on the same table, too")
    parser.add_argument("--build", default="build")
    options = parser.parse_args()
    for history in options.history:
        bench = Bench(options, history)
        bench.fill()
        result = {"history": history, "mirror": bench.mirror()}
        if options.scan:
            result["scan"] = bench.scan()
        print(json.dumps(result), flush=True)


main()
