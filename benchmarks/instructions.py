"""Instructions per row of the hot paths, as valgrind's callgrind counts them: the same on a busy machine and on a quiet one. Only what a function
of the engine takes in a benchmark is counted, not what makes the rows, and not what only the first of its iterations takes.

usage: instructions.py [--build FOLDER] [--update]

Exit 0: none is more than 3 % away from instructions.json, or --update wrote it anew; 1: some are (fewer, too: say so in the file); 77: this build
or machine is not the one of the figures, or valgrind is missing.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FIGURES = pathlib.Path(__file__).with_suffix(".json")
TOLERANCE = 0.03
SKIPPED = 77

# Name: program, benchmark, and the function of the engine with all that it calls.
CASES = {
    "kernel, few cells": ("kernel_benchmark", "few_cells", "hirestream::Tally::add(hirestream::RowClassifier&, hirestream::TrackingBatch const&)"),
    "kernel, few cells, by payload": ("kernel_benchmark", "few_cells_by_payload",
                                      "hirestream::Tally::add(hirestream::RowClassifier&, hirestream::TrackingBatch const&)"),
    "kernel, many cells": ("kernel_benchmark", "many_cells", "hirestream::Tally::add(hirestream::RowClassifier&, hirestream::TrackingBatch const&)"),
    "contribution, many cells": ("kernel_benchmark", "contribution_many_cells", "hirestream::Tally::contribution() const"),
    "texts of a row": ("kernel_benchmark", "parse_text", "hirestream::(anonymous namespace)::append("),
    "page of native types": ("cql_page_benchmark", "decode_double_bids", "hirestream::RawPageDecoder::decode("),
    "page with decimal bids": ("cql_page_benchmark", "decode_decimal_bids", "hirestream::RawPageDecoder::decode("),
    "page of texts": ("cql_page_benchmark", "decode_texts", "hirestream::RawPageDecoder::decode("),
    "page counted, ids told apart": ("cql_page_benchmark", "count_double_bids", "hirestream::SliceCount::add(hirestream::RowClassifier&, hirestream::TrackingBatch const&)"),
    "commit log, entries passed over": ("commit_log_benchmark", "entries_of_other_tables", "hirestream::CommitLog::poll("),
    "commit log, rows of the table": ("commit_log_benchmark", "rows_of_the_table", "hirestream::CommitLog::poll("),
}


class Skipped(Exception):
    pass


def settings_of(build: pathlib.Path) -> dict:
    return dict(re.findall(r"^(\w+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE))


def compiler_of(build: pathlib.Path) -> str:
    settings = settings_of(build)
    usual = {"CMAKE_BUILD_TYPE": "Release", "HIRESTREAM_HARDENING": "ON", "HIRESTREAM_SANITIZE": "", "HIRESTREAM_COVERAGE": "OFF"}
    if any(settings[name] != value for name, value in usual.items()):
        raise Skipped("this is no usual release build")
    version = subprocess.run([settings["CMAKE_CXX_COMPILER"], "--version"], capture_output=True, text=True, check=True).stdout
    return version.splitlines()[0]


def check_machine() -> None:
    if shutil.which("valgrind") is None:
        raise Skipped("valgrind is not installed")
    # Libraries choose their code by it, inside valgrind, too.
    if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text():
        raise Skipped("the figures are those of a processor with AVX2")


def run(build: pathlib.Path, case: tuple, iterations: int) -> tuple:
    """Instructions of all iterations, and rows of each."""
    program, benchmark, function = case
    with tempfile.TemporaryDirectory() as folder:
        profile = os.path.join(folder, "profile")
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", build / program, f"--benchmark_filter=^{benchmark}/", "--benchmark_format=json"],
                              capture_output=True, text=True, check=True,
                              env=dict(os.environ, HIRESTREAM_BENCHMARK_SMOKE="1", HIRESTREAM_BENCHMARK_ITERATIONS=str(iterations)))
        (result,) = json.loads(done.stdout)["benchmarks"]
        assert result["iterations"] == iterations, result
        table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", profile], capture_output=True, text=True, check=True).stdout
    counts = [int(line.split()[0].replace(",", "")) for line in table.splitlines() if f":{function}" in line]
    if len(counts) != 1:
        raise SystemExit(f"{benchmark}: {len(counts)} functions of the profile are {function}")
    milliseconds = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}[result["time_unit"]]
    return counts[0], round(result["items_per_second"] * result["cpu_time"] * milliseconds / 1000)


def instructions_per_row(build: pathlib.Path, case: tuple) -> float:
    first, rows = run(build, case, 1)
    both, _ = run(build, case, 2)
    return (both - first) / rows


def compare(found: dict, committed: dict) -> bool:
    """Prints a line for each; whether all are near."""
    near = True
    print(f"{'instructions per row':36} {'committed':>10} {'now':>10}")
    for name, count in found.items():
        was = committed.get(name)
        is_near = was is not None and abs(count / was - 1) <= TOLERANCE
        near = near and is_near
        print(f"{name:36} {'none' if was is None else f'{was:10.1f}':>10} {count:10.1f}  {'' if is_near else '<- differs by more than 3 %'}")
    for name in committed.keys() - found.keys():
        near = False
        print(f"{name:36} {committed[name]:10.1f} {'none':>10}  <- no such case")
    return near


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--update", action="store_true", help=f"write {FIGURES.name} anew")
    options = parser.parse_args()
    try:
        compiler = compiler_of(options.build)
        check_machine()
        committed = {} if options.update else json.loads(FIGURES.read_text())
        if not options.update and committed["compiler"] != compiler:
            raise Skipped(f"the figures are those of {committed['compiler']}, this build is one of {compiler}")
    except Skipped as why:
        print(f"skipped: {why}")
        return SKIPPED
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda case: instructions_per_row(options.build, case), CASES.values())
        found = {name: round(count, 1) for name, count in zip(CASES, counts)}
    if options.update:
        FIGURES.write_text(json.dumps({"compiler": compiler, "instructions": found}, indent=2) + "\n")
        return 0
    if compare(found, committed["instructions"]):
        return 0
    print("\nIf the change is meant: benchmarks/instructions.py --update, and say in the commit what it bought.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
