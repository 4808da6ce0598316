#!/usr/bin/env python3
"""How long a click of the plain table takes into `events`, its writers untouched: by `mirror` and an engine on the mirror, and by a scan of the table.

    tests/support/python/run benchmarks/mirror_freshness.py [--history 1000000] [--rates 10,500,2000] [--seconds 30] [--rounds 1]
        [--without-mirror] [--scan] [--spark-jar JAR] [--build build]

Needs the servers of `make services`, on this machine (the commit log is read). For each amount of history: fills a plain table with it, mirrors it,
lets an engine count the mirror. Then round by round, each amount of history in turn: starts mirror and engine and writes at each rate, open-loop.
Beside that rate five clicks a second are written one by one, each of a job of its own; from the answer of each write it is looked each 2 ms whether
the job is in `events`. What is told at the end is of all rounds' clicks together, beside each round's own median. With --scan the same for an engine on the plain
table, and with --spark-jar (MySQL's JDBC driver) for what is mostly written, a PySpark job each 10 s (benchmarks/spark_paths.py). With mirror and engine, nobody then
writes, and the CPU of mirror and engine is taken for 20 s.
"""
import argparse
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import uuid

import pymysql
from servers import ENVIRONMENT, connect_cassandra, connect_mysql, cpu_seconds, database_uri, make_database_anew, table_uri

PROBES_PER_SECOND = 5
USUAL = "usual_events"  # without keys: looking through it takes long, and is done less often


def has_rows(database, table):
    with connect_mysql(database).cursor() as cursor:
        try:
            return cursor.execute(f"SELECT 1 FROM {table} LIMIT 1") > 0
        except pymysql.err.ProgrammingError:  # there is no such table yet
            return False


class Probes:
    """Clicks of jobs of their own, and when each was acknowledged and seen."""

    next_job = 1_000_000_000

    def __init__(self, session, table, database, events):
        self.session, self.database, self.events = session, database, events
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
                missing = [job for job in list(self.acknowledged) if job not in self.seen]
                cursor.execute(f"SELECT job_id FROM {self.events} WHERE job_id > %s", (min(missing, default=first + len(self.seen) + 1) - 1,))
                now = time.monotonic()
                for (job,) in cursor.fetchall():
                    self.seen.setdefault(job, now)
            time.sleep(0.25 if self.events == USUAL else 0.002)

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
        return [1000 * (self.seen[job] - at) for job, at in self.acknowledged.items() if job in self.seen], missing


def figures(took, missing):
    took = sorted(took)
    return {"probes": len(took), "missing": missing, "p50_ms": round(took[len(took) // 2]), "p99_ms": round(took[int(len(took) * 0.99)]),
            "max_ms": round(took[-1])} if took else {"probes": 0, "missing": missing}


def of_all_rounds(rounds):
    """Of each rate, from [{rate: (took, missing)}]: the clicks of all rounds together, and the median of each round."""
    return {rate: figures([ms for done in rounds for ms in done[rate][0]], sum(done[rate][1] for done in rounds))
            | {"p50_ms_by_round": [figures(*done[rate]).get("p50_ms") for done in rounds]} for rate in rounds[0]}


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

    def at_rates(self, database, patience, events="events"):
        results = {}
        for rate in self.options.rates:
            writer = self.start("generate", "--to", self.plain, "--layout", "plain", "--rate", str(rate), "--seconds", str(self.options.seconds + 4))
            time.sleep(3)
            results[rate] = Probes(self.session, f"{self.name}.plain", database, events).run(self.options.seconds, patience)
            writer.wait()
            print(json.dumps({"history": self.history, "rate": rate} | figures(*results[rate])), file=sys.stderr, flush=True)
        return results

    def copy(self):
        """The history into the mirror and into `events`."""
        begin = time.monotonic()
        subprocess.run(self.command("--quiet", "mirror", "--from", self.plain, "--to", self.mirrored, "--once"), check=True, env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)
        self.copied_s = round(time.monotonic() - begin, 1)
        self.mirror_database = database = self.database("mirror")
        subprocess.run(self.command("--quiet", "run", "--source", self.mirrored, "--warehouse", database_uri(database), "--once"), check=True, env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)

    def mirror(self, last):
        """One round: of each rate what each click took, and the CPU at rest if it is the last."""
        processes = {"mirror": self.start("mirror", "--from", self.plain, "--to", self.mirrored),
                     "engine": self.start("run", "--source", self.mirrored, "--warehouse", database_uri(self.mirror_database))}
        time.sleep(10)
        try:
            rates, rest = self.at_rates(self.mirror_database, 20), {}
            if not last:
                return rates, rest
            time.sleep(15)
            before = {name: cpu_seconds(process.pid) for name, process in processes.items()}
            time.sleep(20)
            rest = {name: round(5 * (cpu_seconds(process.pid) - before[name]), 1) for name, process in processes.items()}
            return rates, rest
        finally:
            for process in processes.values():
                process.send_signal(signal.SIGTERM)
                process.wait()

    def scan(self):
        database = self.database("scan")
        subprocess.run(self.command("--quiet", "run", "--source", self.plain, "--warehouse", database_uri(database), "--once"), check=True, env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)
        engine = self.start("run", "--source", self.plain, "--warehouse", database_uri(database))
        time.sleep(10)
        try:
            return {"rates": of_all_rounds([self.at_rates(database, 120)])}
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait()

    def spark(self):
        """Its table has no keys: the probes look through it."""
        database = self.database("spark")
        root = pathlib.Path(__file__).resolve().parent.parent
        job = subprocess.Popen([root / "tests/support/spark/run", root / "benchmarks/spark_paths.py", "--source", self.plain, "--warehouse", database_uri(database),
                                "--jdbc-jar", self.options.spark_jar, "--every", "10"], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not has_rows(database, USUAL):
                assert job.poll() is None, "the Spark job has ended"
                time.sleep(1)
            return {"rates": of_all_rounds([self.at_rates(database, 240, USUAL)])}
        finally:
            job.send_signal(signal.SIGINT)
            job.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--history", type=numbers, default=[1_000_000], help="rows of history, several with commas")
    parser.add_argument("--rates", type=numbers, default=[10, 500, 2000], help="rows a second")
    parser.add_argument("--seconds", type=int, default=30, help="of each rate")
    parser.add_argument("--rounds", type=int, default=1, help="of all amounts of history in turn")
    parser.add_argument("--without-mirror", action="store_true", help="the other ways alone")
    parser.add_argument("--scan", action="store_true", help="the scan strategy on the same table, too")
    parser.add_argument("--spark-jar", default="", help="MySQL's JDBC driver: a PySpark job each 10 s, too")
    parser.add_argument("--build", default="build")
    options = parser.parse_args()
    benches = [Bench(options, history) for history in options.history]
    rounds = {bench: [] for bench in benches}
    rest = {}
    for bench in benches:
        bench.fill()
        if not options.without_mirror:
            bench.copy()
    time.sleep(10 * len(benches))  # what Cassandra and MySQL do behind a fill
    for number in [] if options.without_mirror else range(options.rounds):
        for bench in benches[number % len(benches):] + benches[:number % len(benches)]:  # none always comes first
            rates, rest[bench] = bench.mirror(number + 1 == options.rounds)
            rounds[bench].append(rates)
    for bench in benches:
        result = {"history": bench.history}
        if not options.without_mirror:
            result["mirror"] = {"copied_s": bench.copied_s, "rates": of_all_rounds(rounds[bench]), "cpu_at_rest_percent": rest[bench]}
        if options.scan:
            result["scan"] = bench.scan()
        if options.spark_jar:
            result["spark"] = bench.spark()
        print(json.dumps(result), flush=True)


main()
