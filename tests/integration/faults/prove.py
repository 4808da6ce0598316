"""The long run: every scenario several times, at least 50 kills. Exit code 1: something was lost, doubled or went wrong."""

import argparse
import sys

import faults
import summary
from campaign import Campaign, new_seed, stop_servers_on_sigterm


def say(text):
    print(text, flush=True)


def rounds(campaign, options):
    share = -(-options.kills // options.rounds)
    for number in range(options.rounds):
        yield campaign.trial("engine_kills", faults.engine_kills, share, rate=options.rate, number=number, once=number % 2 == 1)
        for scenario, times in ((faults.unknown_commits, 3), (faults.bad_network, 1), (faults.mysql_faults, 2),
                                (faults.cassandra_faults, 1), (faults.two_engines, 2), (faults.http_attacks, 2), (faults.full_disk, 2), (faults.clock_steps, 1)):
            if scenario.__name__ in options.leave_out:
                continue
            if scenario is faults.clock_steps and not faults.LIBFAKETIME:
                say("clock_steps is left out: libfaketime is not installed (package faketime)")
                continue
            yield campaign.trial(scenario.__name__, scenario, times, rate=options.rate, number=number)


def main():
    parser = argparse.ArgumentParser(prog="prove", description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="kills of the engine in all (60)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each scenario runs (3)")
    parser.add_argument("--rate", type=int, default=500, help="rows a second of the live writer (500)")
    parser.add_argument("--seed", type=int, help="default: made up and printed")
    parser.add_argument("--leave-out", metavar="TRIAL", action="append", default=[], help="the summary says so; may be given again")
    parser.add_argument("--summary", help="file for the summary; default: printed")
    options = parser.parse_args()
    stop_servers_on_sigterm()
    with Campaign(new_seed() if options.seed is None else options.seed, say) as campaign:
        outcomes = list(rounds(campaign, options))
        kills = sum(summary.total(outcomes, "kills").values())
        missing = faults.phases_missing(summary.total(outcomes, "kills"))
        if kills < options.kills or missing:
            outcomes[0].problems.append(f"{kills} kills, {options.kills} wanted; phases without one: {missing}")
        rows = [(outcome.name, sum(outcome.faults.values()), outcome.rows, outcome.cells, outcome.lost, outcome.doubled,
                 f"{outcome.caught_up_s:.1f}") for outcome in outcomes]
        command = f"tests/integration/faults/prove --kills {options.kills} --rounds {options.rounds} --rate {options.rate}"
        command += "".join(f" --leave-out {name}" for name in options.leave_out)
        summary.write(options.summary, [
            *summary.head("Faults: what was done to the engine and what it cost", campaign, command), *summary.verdict(outcomes),
            *summary.fault_table(outcomes), *summary.kill_table(outcomes), "## Trials", "",
            "Each has a keyspace, a database and a live writer of its own. After the last fault nobody helps; the last column is the time "
            "from the last row until everything is equal.", "",
            *summary.table(["trial", "faults", "rows", "cells", "lost", "doubled", "equal after, s"], rows)], say)
        return 1 if campaign.failed or any(outcome.problems for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
