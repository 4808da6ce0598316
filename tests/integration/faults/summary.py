"""What a long run leaves behind: when, where, what was done and what came out, as Markdown."""

import collections
import datetime
import pathlib
import subprocess
import pathlib

import proxy
from campaign import machine, program_version


def total(outcomes, field):
    return sum((getattr(outcome, field) for outcome in outcomes), collections.Counter())


def commit():
    described = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=10"], cwd=pathlib.Path(__file__).parent, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return described.stdout.strip() or "unknown"


def head(title, campaign, command):
    versions = ", ".join(f"{name} {version}" for name, version in campaign.versions.items())
    now = datetime.datetime.now(datetime.timezone.utc)
    return [f"# {title}", "",
            f"Written by `{command}`, {now:%Y-%m-%d %H:%M} UTC, seed {campaign.seed}.", "",
            f"- Machine: {machine()}", f"- Versions: {program_version(campaign.binary)}, commit {commit()}; {versions}", ""]


def table(names, rows):
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)] + [
        "| " + " | ".join(str(value) for value in row) + " |" for row in rows] + [""]


def verdict(outcomes):
    lost, doubled = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("lost", "doubled"))
    rows = sum(outcome.rows for outcome in outcomes)
    lines = [f"**{rows} rows written, {lost} lost, {doubled} doubled.** Lost and doubled are computed: the writer's journal of "
             "acknowledged rows is recounted by SQL in DuckDB and compared with `events` cell by cell, and the classes of rows with "
             "the view `hirestream_accounting`; `hirestream verify` found "
             + ("no difference." if not any(outcome.problems for outcome in outcomes) else "what is listed below."), ""]
    problems = [f"- {outcome.name}: {problem}" for outcome in outcomes for problem in outcome.problems]
    looks = sum(outcome.samples for outcome in outcomes)
    lines += [f"Meanwhile the warehouse was looked at {looks} times: `events` held exactly what the ledger says, never more rows than had "
              "arrived, never fewer than at the look before" + (", but for the problems below." if problems else "."), ""]
    return lines + (["## Problems", "", *problems, ""] if problems else [])


def fault_table(outcomes):
    return ["## Faults", ""] + table(["fault", "times"], sorted(total(outcomes, "faults").items()))


def kill_table(outcomes):
    kills = total(outcomes, "kills")
    return ["## Where `kill -9` met the engine", "",
            "As the proxies before Cassandra and MySQL saw it at that moment: half of the kills at random, half aimed.", ""] + table(
        ["phase", "kills", ""], [(phase, kills[phase], "█" * kills[phase]) for phase in proxy.PHASES])


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def write(path, lines, say):
    text = "\n".join(lines).rstrip() + "\n"
    if path:
        pathlib.Path(path).write_text(text, encoding="utf-8")
        say(f"summary in {path}")
    else:
        say(text)
