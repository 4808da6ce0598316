#!/usr/bin/env python3
"""What the checks of a hardened build cost: processor time of the same work with HIRESTREAM_HARDENING=ON and OFF, in turn.

    python3 benchmarks/hardening.py [--rounds 7] [--rows 1000000] [--work build-hardening]

Builds the program and the kernel's benchmark twice, below --work (minutes). Work: the kernel, rows in memory; a CSV file counted into an empty
SQLite warehouse. Prints for each the median of the ratios hardened / not hardened, and the smallest and the largest. Exit 1 if their geometric mean
is above --limit.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def build(folder: pathlib.Path, hardening: str) -> pathlib.Path:
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_UNITY_BUILD=ON",
                    "-DHIRESTREAM_TESTS=OFF", f"-DHIRESTREAM_HARDENING={hardening}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "hirestream", "kernel_benchmark"], check=True, stdout=subprocess.DEVNULL)
    return folder


def kernel_seconds(folder: pathlib.Path) -> dict[str, float]:
    """Of the kernel's own work, without what it is compared with."""
    done = subprocess.run([folder / "kernel_benchmark", "--benchmark_format=json", "--benchmark_min_time=0.2", "--benchmark_filter=-peer|read_memory"], check=True,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "HIRESTREAM_BENCHMARK_SMOKE": "1"})
    return {benchmark["name"]: benchmark["cpu_time"] for benchmark in json.loads(done.stdout)["benchmarks"]}


def file_seconds(folder: pathlib.Path, rows: pathlib.Path) -> dict[str, float]:
    warehouse = folder / "warehouse.db"
    for path in folder.glob("warehouse.db*"):
        path.unlink()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([folder / "hirestream", "--quiet", "run", "--once", "--source", f"csv:{rows}", "--warehouse", f"sqlite:{warehouse}"],
                   check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"CSV file to SQLite": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--work", default="build-hardening")
    parser.add_argument("--limit", type=float, default=1.15)
    options = parser.parse_args()
    work = pathlib.Path(options.work).resolve()
    builds = {hardening: build(work / hardening.lower(), hardening) for hardening in ("OFF", "ON")}
    rows = work / "rows.csv"
    if not rows.exists():
        subprocess.run([builds["OFF"] / "hirestream", "--quiet", "generate", "--to", f"csv:{rows}", "--rows", str(options.rows), "--seed", "1"],
                       check=True, stdout=subprocess.DEVNULL)
    medians = []
    for measure in (kernel_seconds, lambda folder: file_seconds(folder, rows)):
        seconds = {hardening: [] for hardening in builds}
        for _ in range(options.rounds):
            for hardening, folder in builds.items():
                seconds[hardening].append(measure(folder))
        for name in seconds["ON"][0]:
            ratios = [on[name] / off[name] for on, off in zip(seconds["ON"], seconds["OFF"])]
            medians.append(statistics.median(ratios))
            print(f"| {name} | {medians[-1]:.3f} | {min(ratios):.3f} to {max(ratios):.3f} |", flush=True)
    print(f"geometric mean: {statistics.geometric_mean(medians):.3f}")
    return 0 if statistics.geometric_mean(medians) <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
