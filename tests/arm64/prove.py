#!/usr/bin/env python3
"""The project on arm64: cross-compiled, its unit tests and the simulator run by QEMU's user mode, and the program counts a file.

    tests/arm64/prove.py [--seeds 40] [--seed 1] [--jobs 2] [--summary FILE]

Made by the Debian 12 cross compiler, with the libraries of Debian's arm64 in a folder of their own, which nothing is installed from, and by cargo with Rust's
standard library for arm64, which rustup adds. Exit 1 when something does not compile or a test fails.
"""
import argparse
import contextlib
import datetime
import hashlib
import os
import pathlib
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/packages"))
from debian_root import CACHE as DEBIAN, CACHE_LIFETIME_S, Failed, archive, call  # noqa: E402

CACHE = DEBIAN.parent / "arm64"
SUITE, KEYS = "bookworm", "/usr/share/keyrings/debian-archive-keyring.gpg"
TESTS = ["model_test", "aggregation_test", "ports_test", "pipeline_test", "property_test", "adapters_files_test", "adapters_sql_test", "adapters_sqlite_test",
         "adapters_mysql_test", "adapters_cassandra_test", "adapters_system_test", "commit_log_test", "config_test", "telemetry_test", "cli_test", "http_test", "kernel_test",
         "simulation_test", "fuzz_corpus_test", "contract_files_source_test"]
SIMULATOR, PROGRAM = "hirestream_simulator", "hirestream"
RUST_TARGET = "aarch64-unknown-linux-gnu"


def say(text):
    print(text, file=sys.stderr, flush=True)


def libraries():
    """What .ci/setup installs to build the program, but for its tools."""
    listed = re.search(r"build_packages=\((.*?)\n\)", (ROOT / ".ci/setup").read_text(encoding="utf-8"), re.DOTALL)[1]
    names = re.sub(r"#.*", "", listed).replace('"$boost"', "libboost1.81-dev").split()
    return ["libc6-dev", "libstdc++-12-dev", *(name for name in names if name.startswith("lib") or name in ("zlib1g-dev", "tzdata", "nlohmann-json3-dev", "prometheus-cpp-dev"))]


def make_root():
    """The folder with the libraries, made anew once a week, and when others are wanted."""
    root = CACHE / ("root-" + hashlib.sha256(" ".join(libraries()).encode()).hexdigest()[:12])
    if root.exists() and time.time() - root.stat().st_mtime < CACHE_LIFETIME_S:
        return root
    shutil.rmtree(CACHE, ignore_errors=True)
    apt = CACHE / "apt"
    for folder in ["etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg"]:
        (apt / folder).mkdir(parents=True)
    (apt / "var/lib/dpkg/status").touch()
    (apt / "etc/apt/sources.list").write_text(f"deb [signed-by={KEYS}] {archive()}/debian {SUITE} main\n", encoding="utf-8")
    get = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", f"Dir={apt}", "-o", f"Dir::State::status={apt}/var/lib/dpkg/status",
           "-o", "APT::Architecture=arm64", "-o", "APT::Architectures::=arm64", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"]
    call([*get, "update"])
    call([*get, "--download-only", "install", *libraries()], timeout=1800)
    new = CACHE / "new"
    for package in sorted(apt.glob("var/cache/apt/archives/*.deb")):
        call(["dpkg-deb", "-x", package, new])
    # Packages know where they are installed, and not that they lie elsewhere.
    for script in new.rglob("*.cmake"):
        text = script.read_text(encoding="utf-8")
        moved = re.sub(r'"/usr(["/])', r'"${CMAKE_SYSROOT}/usr\1', text)
        moved = re.sub(r"([; (])/usr/(lib|include)", r"\1${CMAKE_SYSROOT}/usr/\2", moved)
        script.write_text(moved, encoding="utf-8")
    os.utime(new)  # a package has set it to its own time
    new.rename(root)
    return root


def count_a_file(root, folder):
    """The program itself, from a CSV file into a new warehouse."""
    with tempfile.TemporaryDirectory() as place:
        rows = pathlib.Path(place, "rows.csv")
        rows.write_text("create_time,ts,job_id,publisher_id,campaign_id,group_id,bid,custom_track,ev\n" + "".join(
            f"5c1ad2c{row:x}-f936-11ec-b939-0242ac120002,2022-07-01 10:0{row % 6}:00,{1 + row % 3},1,2,,0.5,click,\n" for row in range(16)), encoding="utf-8")
        warehouse = pathlib.Path(place, "warehouse.db")
        run(root, folder / PROGRAM, "run", "--once", "--source", f"csv:{rows}", "--warehouse", f"sqlite:{warehouse}")
        with contextlib.closing(sqlite3.connect(warehouse)) as database:
            found = database.execute("SELECT job_id, SUM(clicks), SUM(bid_micros) FROM events_micros GROUP BY job_id ORDER BY job_id").fetchall()
    if found != [(1, 6, 3_000_000), (2, 5, 2_500_000), (3, 5, 2_500_000)]:
        raise Failed(f"16 clicks of three jobs were counted as {found}")


def build(root, jobs, cargo):
    environment = os.environ | {"HIRESTREAM_ARM64_ROOT": str(root), "PKG_CONFIG_SYSROOT_DIR": str(root),
                                "PKG_CONFIG_LIBDIR": f"{root}/usr/lib/aarch64-linux-gnu/pkgconfig:{root}/usr/share/pkgconfig",
                                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
                                "AARCH64_UNKNOWN_LINUX_GNU_OPENSSL_INCLUDE_DIR": f"{root}/usr/include", "AARCH64_UNKNOWN_LINUX_GNU_OPENSSL_LIB_DIR": f"{root}/usr/lib/aarch64-linux-gnu",
                                "CFLAGS_aarch64_unknown_linux_gnu": f"--sysroot={root}"}
    folder = ROOT / "build-arm64"
    call(["cmake", "--fresh", "-S", ROOT, "-B", folder, "-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/tests/arm64/toolchain.cmake", "-DCMAKE_BUILD_TYPE=Release",
          "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=8",
          f"-DHIRESTREAM_CARGO_TARGET_DIR={folder}/cargo", f"-DHIRESTREAM_CARGO_TARGET={RUST_TARGET}", f"-DCARGO={cargo}", f"-DRUSTC={cargo.with_name('rustc')}"],
         env=environment)
    # Not captured: it takes minutes, and shows how far it is.
    done = subprocess.run(["ninja", "-C", str(folder), f"-j{jobs}", *TESTS, SIMULATOR, PROGRAM], env=environment, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise Failed("it does not compile")
    return folder


def run(root, program, *arguments):
    environment = os.environ | {"TZDIR": "/usr/share/zoneinfo"}
    return call(["qemu-aarch64", "-L", root, program, *arguments], env=environment, cwd=program.parent, timeout=3600).stdout


def run_test(root, folder, name):
    begin = time.monotonic()
    output = run(root, folder / name)
    passed, skipped = re.search(r"\[  PASSED  \] (\d+) test", output), re.search(r"\[  SKIPPED \] (\d+) test", output)
    if passed is None or int(passed[1]) == 0:
        raise Failed(f"{name} ran no test:\n{output[-2000:]}")
    result = {"passed": int(passed[1]), "skipped": int(skipped[1]) if skipped else 0, "seconds": round(time.monotonic() - begin)}
    say(f"{name}: {result}")
    return result


def summary_of(given, tests, simulated_s):
    commit = call(["git", "-C", ROOT, "rev-parse", "--short=10", "HEAD"]).stdout.strip()
    lines = ["# On arm64", "",
             f"`make arm64`: `tests/arm64/prove.py --seeds {given.seeds} --seed {given.seed}`, {datetime.date.today()}, commit {commit}. Cross-compiled on "
             f"{platform.machine()} by {call(['aarch64-linux-gnu-g++', '--version']).stdout.splitlines()[0]}, run by {call(['qemu-aarch64', '--version']).stdout.splitlines()[0]}.", "",
             "| tests | passed | skipped | s |", "|---|---:|---:|---:|"]
    lines += [f"| `{name}` | {result['passed']} | {result['skipped']} | {result['seconds']} |" for name, result in tests.items()]
    lines += ["", f"The simulator, {given.seeds} seeds of every strategy from {given.seed} on: no invariant broken, in {simulated_s} s. The program counted a CSV file into a SQLite warehouse.", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40, help="of the simulator, for each strategy")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--summary", help="write what was found as Markdown")
    given = parser.parse_args()
    missing = [tool for tool in ["aarch64-linux-gnu-g++", "qemu-aarch64"] if shutil.which(tool) is None]
    if missing:
        sys.exit(f"not there: {', '.join(missing)}: .ci/setup --arm64 installs them")
    rustup = shutil.which("rustup") or os.path.expanduser("~/.cargo/bin/rustup")
    if not os.access(rustup, os.X_OK):
        sys.exit("not there: rustup, which adds Rust's standard library for arm64 (Debian's Rust has none of another machine's): see https://rustup.rs")
    try:
        call([rustup, "target", "add", RUST_TARGET])
        root = make_root()
        folder = build(root, given.jobs, pathlib.Path(call([rustup, "which", "cargo"]).stdout.strip()))
        tests = {name: run_test(root, folder, name) for name in TESTS}
        begin = time.monotonic()
        say(run(root, folder / SIMULATOR, "--seed", given.seed, "--seeds", given.seeds, "--strategy", "all", "--jobs", given.jobs, "--keep-going")[-600:])
        simulated_s = round(time.monotonic() - begin)
        count_a_file(root, folder)
    except Failed as failure:
        sys.exit(str(failure))
    if given.summary:
        pathlib.Path(given.summary).write_text(summary_of(given, tests, simulated_s), encoding="utf-8")


if __name__ == "__main__":
    main()
