"""One engine and one live writer for a long time, random faults all the while. Exit code 1: rows lost or doubled, or anything else wrong."""

import argparse
import os
import random
import sys
import threading
import time

import faults
import summary
from campaign import Campaign, new_seed, stop_servers_on_sigterm


def say(text):
    print(text, flush=True)


class Gauge(threading.Thread):
    """Resident memory and open file descriptors of the engine that runs just now."""

    def __init__(self, trial):
        super().__init__(daemon=True)
        self.trial = trial
        self.rss_mb, self.descriptors = [], []
        self.began, self.seconds = time.monotonic(), 0.0
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(0.5):
            process = self.trial.engine
            try:
                with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
                    pages = int(file.read().split()[1])
                descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
            except (OSError, IndexError, AttributeError):
                continue  # killed just now
            if pages:
                self.rss_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
                self.descriptors.append(descriptors)

    def stop(self):
        self.seconds = time.monotonic() - self.began
        self.ending.set()
        self.join(10)

    def problems(self, rss_max_mb, descriptors_max):
        if not self.rss_mb:
            return ["the engine's memory was never seen"]
        found = []
        if max(self.rss_mb) > rss_max_mb:
            found.append(f"the engine held {max(self.rss_mb):.0f} MB, allowed are {rss_max_mb}")
        if max(self.descriptors) > descriptors_max:
            found.append(f"the engine had {max(self.descriptors)} files open, allowed are {descriptors_max}")
        return found


def stop_and_start(trial, _):
    trial.stop_engine()
    trial.start_engine()
    trial.outcome.faults["engine: SIGTERM, start"] += 1


def spoil_a_commit(trial, choose):
    kind = choose.choice(faults.COMMIT_FAULTS)
    if trial.network.call(faults.spoil_commit(trial.network, kind, choose.uniform(0.5, 4.0))):
        trial.outcome.faults[kind] += 1
    else:
        trial.outcome.problems.append(f"no COMMIT within 45 s: {trial.log('engine')}")


def kill_at_random(trial, choose):
    faults.kill_engine(trial, choose, None)
    trial.start_engine()


def kill_at_a_point(trial, choose):
    faults.kill_engine(trial, choose, choose.choice(list(faults.Kill.POINTS)))
    if trial.engine.poll() is not None:
        trial.start_engine()


def spoil_a_connection(trial, choose):
    kind, side = choose.choice(faults.NETWORK_FAULTS), choose.choice(["cassandra", "mysql"])
    faults.spoil_network(trial, choose, kind, side, choose.uniform(0.5, 5.0))


# With a weight: restarting a server takes long, and the engine must also be left alone at times.
FAULTS = [
    (6, kill_at_random), (6, kill_at_a_point), (6, spoil_a_connection), (4, spoil_a_commit), (2, stop_and_start),
    (1, lambda trial, choose: faults.two_engines(trial, choose, 1)),
    (2, lambda trial, choose: faults.pause_server(trial, choose, "mysql", (0.5, 5.0))),
    (2, lambda trial, choose: faults.pause_server(trial, choose, "cassandra", (0.5, 5.0))),
    (1, lambda trial, choose: faults.kill_server(trial, choose, "mysql")),
    (1, lambda trial, choose: faults.kill_server(trial, choose, "cassandra")),
]


def soak(trial, choose, seconds, gauge_limits):
    gauge = Gauge(trial)
    trial.start_engine()
    gauge.start()
    trial.wait_for_progress()
    end, number = time.monotonic() + seconds, 0
    # Each server goes down once at least: those two come early, in random order.
    must = choose.sample(FAULTS[-2:], 2)
    while time.monotonic() < end and len(trial.outcome.problems) < 10:
        time.sleep(choose.uniform(1.0, 10.0))
        number += 1
        _, fault = must.pop() if must and number % 3 == 0 else choose.choices(FAULTS, [weight for weight, _ in FAULTS])[0]
        fault(trial, choose)
        trial.expect_engine_alive()
        if trial.wait_for_progress(limit_s=120) and number % 10 == 0:
            say(f"  {max(0.0, end - time.monotonic()):.0f} s left: {number} faults, {trial.watcher.rows()} rows counted, "
                f"{gauge.rss_mb[-1]:.0f} MB, {gauge.descriptors[-1]} files")
    gauge.stop()
    trial.outcome.problems += gauge.problems(*gauge_limits)
    trial.outcome.notes.append(gauge)


def main():
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long faults are made (30); counting up to the end comes on top")
    parser.add_argument("--rate", type=int, default=2000, help="rows a second of the live writer (2000)")
    parser.add_argument("--seed", type=int, help="default: made up and printed")
    parser.add_argument("--rss-max-mb", type=int, default=400, help="resident memory the engine may have (400)")
    parser.add_argument("--descriptors-max", type=int, default=100, help="files the engine may have open (100)")
    parser.add_argument("--summary", help="file for the summary; default: printed")
    options = parser.parse_args()
    stop_servers_on_sigterm()
    with Campaign(new_seed() if options.seed is None else options.seed, say) as campaign:
        outcome = campaign.trial("soak", soak, options.minutes * 60, (options.rss_max_mb, options.descriptors_max), rate=options.rate)
        (gauge,) = outcome.notes
        fresh = outcome.freshness_ms
        half = len(gauge.rss_mb) // 2
        reached = outcome.rows / (gauge.seconds or 1)
        rows = [("rows a second, wanted / reached", f"{options.rate} / {reached:.0f}"), ("cells", outcome.cells), ("equal after the last row, s", f"{outcome.caught_up_s:.1f}"),
                ("engine's memory, highest, MB", f"{max(gauge.rss_mb):.0f} (allowed {options.rss_max_mb}; highest of the first half "
                                                 f"{max(gauge.rss_mb[:half]):.0f})"),
                ("engine's open files, highest", f"{max(gauge.descriptors)} (allowed {options.descriptors_max})"),
                ("freshness, each second's p95, ms: median / 90 % / highest",
                 f"{summary.quantile(fresh, 0.5):.0f} / {summary.quantile(fresh, 0.9):.0f} / {max(fresh):.0f}")]
        summary.write(options.summary, [
            *summary.head("Soak: a live writer, a running engine and random faults", campaign,
                          f"tests/integration/faults/soak --minutes {options.minutes:g} --rate {options.rate}"),
            *summary.verdict([outcome]), "## Figures", "", *summary.table(["what", "value"], rows),
            "Freshness is the time from a row's arrival to its commit, of rows counted while they arrived; outages of the servers and "
            "of the engine are in it.", "", *summary.fault_table([outcome]), *summary.kill_table([outcome])], say)
        return 1 if campaign.failed or outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
