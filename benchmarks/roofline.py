#!/usr/bin/env python3
"""How much of what memory gives to one core the kernel uses.

    benchmarks/roofline.py [--rounds 3] [--build build] [--json FILE] [--smoke]

build/kernel_benchmark, all of it in each round: `read_memory` adds up 1 GiB of integers, and each set of rows is counted. The bytes that counting reads of a row
are computed from the rows as they lie in memory (104 bytes each) and the sizes of their texts. Cells come on top: of many cells, each row reads a line of the index
and writes one of the cells, in no order that a processor could foresee; they are not in the figure. Share: bytes of a row × rows a second / bytes a second of
read_memory of the same round. A share far from 1 says that memory's speed is not what limits it. Sets of 50,000 rows are 5 MB and lie in a cache.
"""
import argparse
import json
import os
import subprocess
import sys

import engines

SETS = {"few_cells": "few cells, 72 % without a job", "all_counted": "few cells, every row counts", "many_cells": "nearly every row a cell, memory kept",
        "many_cells_fresh": "… and fresh", "long_log": "20 million rows, 120,000 cells, memory kept", "long_log_fresh": "… and fresh",
        "long_and_wide": "20 million rows, 5.8 million cells, memory kept", "long_and_wide_fresh": "… and fresh"}


def measure(build: str, smoke: bool) -> dict[str, dict]:
    names = "|".join(["read_memory", *SETS])
    done = subprocess.run([os.path.join(build, "kernel_benchmark"), f"--benchmark_filter=^({names})$", "--benchmark_format=json",
                           *(["--benchmark_min_time=0.01"] if smoke else [])], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env=dict(os.environ) | ({"HIRESTREAM_BENCHMARK_SMOKE": "1"} if smoke else {}))
    return {benchmark["name"]: benchmark for benchmark in json.loads(done.stdout)["benchmarks"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build", default=str(engines.ROOT / "build"))
    parser.add_argument("--json", help="write the figures there")
    parser.add_argument("--smoke", action="store_true", help="20,000 rows, once")
    given = parser.parse_args()
    result = engines.setting(sys.argv, [])
    rounds = []
    for _ in range(1 if given.smoke else given.rounds):
        engines.note_load(result)
        rounds.append(measure(given.build, given.smoke))
    result["bytes_per_second"] = engines.summary([one["read_memory"]["bytes_per_second"] for one in rounds])
    result["sets"] = {}
    print(f"one core reads {result['bytes_per_second']['median'] / 1e9:.1f} GB/s")
    for name, title in SETS.items():
        width = rounds[0][name]["bytes_per_row"]
        shares = [one[name]["items_per_second"] * width / one["read_memory"]["bytes_per_second"] for one in rounds]
        measured = result["sets"][name] = {"title": title, "bytes_per_row": width, "rows_per_second": engines.summary([one[name]["items_per_second"] for one in rounds]),
                                           "share": engines.summary(shares)}
        print(f"  {title:<50} {width:6.1f} bytes a row {measured['rows_per_second']['median'] / 1e6:7.1f} million rows a second, share {measured['share']['median']:.2f} "
              f"({min(shares):.2f} to {max(shares):.2f})", flush=True)
    engines.write(result, given.json)


if __name__ == "__main__":
    main()
