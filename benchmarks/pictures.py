#!/usr/bin/env python3
"""Draws benchmarks/results/*.json, which the benchmarks write with --json: docs/images/performance_*.svg, and the tables of docs/performance.md between
`<!-- results: NAME -->` and `<!-- end -->`.

    benchmarks/pictures.py [--check]

--check: writes nothing, and ends with 1 if something is not what the results say.
"""
import argparse
import html
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TITLES = {"hirestream": "hirestream", "kernel": "its kernel alone (C++)", "duckdb": "DuckDB", "polars": "Polars", "datafusion": "DataFusion", "chdb": "chDB"}
WIDTH, LEFT, RIGHT, BAR = 760, 190, 90, 22
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600 } .note { font-size: 12px; fill: #59636e }
.own { fill: #0969da } .other { fill: #afb8c1 } .range { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note { fill: #9198a1 } .own { fill: #4493f8 } .other { fill: #59636e } .range { stroke: #e6edf3 } }
</style>"""


def panel(title: str, bars: list[tuple], top: int, digits: int, full: float | None) -> list[str]:
    """Bars: what they are called, their figures, and whether they are hirestream's. `full`: what the whole width is worth; none: the largest figure."""
    scale = (WIDTH - LEFT - RIGHT) / (full or max(figures["largest"] for _, figures, _ in bars))
    out = [f'<text class="title" x="0" y="{top + 14}">{html.escape(title)}</text>']
    for number, (name, figures, own) in enumerate(bars):
        y = top + 24 + number * BAR
        end, low, high = (round(LEFT + figures[which] * scale, 1) for which in ("median", "smallest", "largest"))
        out += [f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(name)}</text>',
                f'<rect class="{"own" if own else "other"}" x="{LEFT}" y="{y + 1}" width="{round(end - LEFT, 1)}" height="{BAR - 6}"/>',
                f'<line class="range" x1="{low}" y1="{y + 9}" x2="{high}" y2="{y + 9}"/>',
                f'<text x="{high + 8}" y="{y + 13}">{figures["median"]:.{digits}f}</text>']
    return out


def picture(note: str, panels: list[tuple], digits: int, full: float | None = None) -> str:
    out, top = [], 26
    for title, bars in panels:
        out += panel(title, bars, top, digits, full)
        top += 36 + len(bars) * BAR
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" role="img">', STYLE,
                      f'<text class="note" x="0" y="14">{html.escape(note)}</text>', *out, "</svg>", ""])


def origin(result: dict) -> str:
    parts = [f"{result['machine']}, load {min(result['load'])} to {max(result['load'])} at the begin of a round", *[peer.replace("==", " ") for peer in result["peers"]]]
    return f"`{result['command']}`, {result['date']}, commit {result['commit']}. {', '.join(parts)}."


def with_range(figures: dict, digits: int = 1) -> str:
    return f"{figures['median']:.{digits}f} ({figures['smallest']:.{digits}f} to {figures['largest']:.{digits}f})"


def unit_of(run: dict) -> str:
    return "cpu" if run["threads"] == 1 else "wall"


WAYS = ("plain", "tuned")
ORDERS = {"log": ", in the order of their times"}


def set_title(name: str, measured: dict, way: str) -> str:
    return f"{way}: {measured['rows'][way] / 1e6:g} million rows, {measured['cells'][way]:,} cells{ORDERS.get(name, '')}"


def peers_picture(result: dict) -> str:
    panels = []
    for name, measured in result["sets"].items():
        for way in WAYS:
            runs = [run for run in measured["runs"] if run["threads"] == 1 and run["way"] in (way, "kernel" if way == "tuned" else way)]
            runs.sort(key=lambda run: -run["cpu"]["median"])
            panels.append((set_title(name, measured, way), [(TITLES[run["engine"]], run["cpu"], run["engine"] in ("hirestream", "kernel")) for run in runs]))
    return picture("Million rows a second of processor time, one thread: more is better; the line: smallest to largest", panels, 1)


def peers_rows(measured: dict, way: str):
    """hirestream's rate against the others' stands with each of them."""
    own = {run["threads"]: run for run in measured["runs"] if run["way"] == way and run["engine"] == "hirestream"}
    for run in sorted((run for run in measured["runs"] if run["way"] == way), key=lambda run: (run["threads"], -run[unit_of(run)]["median"])):
        against = ""
        if run["engine"] not in ("hirestream", "kernel"):
            ratio = own[run["threads"]][unit_of(run)]["median"] / run[unit_of(run)]["median"]
            against = f"{ratio:.2f}" if ratio >= 1 else f"**{ratio:.2f}**"
        yield f"| {run['threads']} | {TITLES[run['engine']]} | {with_range(run['cpu'], 2)} | {with_range(run['wall'], 2)} | {against} |"


def peers_table(result: dict) -> str:
    out = [origin(result)]
    for name, measured in result["sets"].items():
        for way in WAYS:
            out += ["", f"{set_title(name, measured, way)}, {measured['rounds']} rounds; million rows a second:", "",
                    "| threads | engine | by processor time | by the clock | hirestream / it |", "|---|---|---|---|---|", *peers_rows(measured, way),
                    *(peers_rows(measured, "kernel") if way == "tuned" else [])]
    return "\n".join(out)


FILE_TITLES = {"csv": "CSV", "ndjson": "NDJSON", "parquet": "Parquet"}


def files_picture(result: dict) -> str:
    panels = [(f"{FILE_TITLES[form]}, {measured['bytes'] / 1e6:.0f} MB",
               [(TITLES[name], figures, name == "hirestream") for name, figures in sorted(measured["seconds"].items(), key=lambda item: item[1]["median"])])
              for form, measured in result["files"].items()]
    return picture(f"CPU seconds for {result['rows']:,} rows: less is better; the line: smallest to largest", panels, 2)


def files_table(result: dict) -> str:
    names = list(next(iter(result["files"].values()))["seconds"])
    out = [origin(result), "", "| file | " + " | ".join(TITLES[name] for name in names) + " | hirestream / fastest |", "|---" * (len(names) + 2) + "|"]
    for form, measured in result["files"].items():
        seconds = measured["seconds"]
        best = min(figures["median"] for name, figures in seconds.items() if name != "hirestream")
        out.append(f"| {FILE_TITLES[form]}, {measured['bytes'] / 1e6:.0f} MB | " + " | ".join(with_range(seconds[name], 2) for name in names)
                   + f" | {seconds['hirestream']['median'] / best:.2f} |")
    return "\n".join(out)


def roofline_picture(result: dict) -> str:
    percent = {name: {which: value * 100 for which, value in measured["share"].items()} for name, measured in result["sets"].items()}
    bars = [(SHORT[name], percent[name], True) for name in percent]
    return picture("Of what one core reads from memory, per cent that the rows of the kernel take; the line: smallest to largest",
                   [(f"One core reads {result['bytes_per_second']['median'] / 1e9:.1f} GB/s; the whole width is 100", bars)], 0, full=100)


SHORT = {"few_cells": "few cells", "all_counted": "… every row counts", "many_cells": "many cells, kept", "many_cells_fresh": "… and fresh", "long_log": "long, kept",
         "long_log_fresh": "… and fresh", "long_and_wide": "long and wide, kept", "long_and_wide_fresh": "… and fresh"}


def roofline_table(result: dict) -> str:
    out = [origin(result), "", f"One core reads {with_range({which: value / 1e9 for which, value in result['bytes_per_second'].items()})} GB/s.", "",
           "| set | bytes read of a row | million rows a second | GB/s of rows | share of the core's bandwidth |", "|---|---|---|---|---|"]
    for measured in result["sets"].values():
        rate = measured["rows_per_second"]
        out.append(f"| {measured['title']} | {measured['bytes_per_row']:.1f} | {with_range({which: value / 1e6 for which, value in rate.items()})} | "
                   f"{rate['median'] * measured['bytes_per_row'] / 1e9:.1f} | {with_range({which: value * 100 for which, value in measured['share'].items()}, 0)} % |")
    return "\n".join(out)


DRAWN = {"peers": (peers_picture, peers_table), "files": (files_picture, files_table), "roofline": (roofline_picture, roofline_table)}


def outputs() -> dict[pathlib.Path, str]:
    document = ROOT / "docs" / "performance.md"
    text = document.read_text(encoding="utf-8")
    made = {}
    for name, (draw, tabulate) in DRAWN.items():
        result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        made[ROOT / "docs" / "images" / f"performance_{name}.svg"] = draw(result)
        text, places = re.subn(rf"(<!-- results: {name} -->\n).*?(<!-- end -->)", lambda match: match[1] + tabulate(result) + "\n" + match[2], text, flags=re.DOTALL)
        if places != 1:
            sys.exit(f"{document}: {places} places for the results of {name}")
    return made | {document: text}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    stale = [path for path, text in outputs().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if given.check:
            print(f"{path.relative_to(ROOT)} is not what benchmarks/results say: benchmarks/pictures.py")
        else:
            path.write_text(outputs()[path], encoding="utf-8")
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
