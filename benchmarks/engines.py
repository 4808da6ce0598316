"""What hirestream is compared with: the versions, a Python that has them, and what a result says of the machine and of how it came about."""
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ["duckdb==2.0.1", "polars==2.1.0", "datafusion==55.0.0", "chdb==4.4.0"]
NAMES = [peer.split("==")[0] for peer in PEERS]


def peers_python() -> str:
    """The Python that has the peers, made at first: from PyPI into .cache/peers (or $HIRESTREAM_PYTHON_CACHE)."""
    wanted = [*PEERS, "pyarrow==26.0.1"]
    place = pathlib.Path(os.environ.get("HIRESTREAM_PYTHON_CACHE", ROOT / ".cache")) / "peers"
    python = place / "bin" / "python"
    known = place / "installed"
    if not known.exists() or known.read_text() != str(wanted):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
        known.write_text(str(wanted))
    return str(python)


def environment(threads: int) -> dict[str, str]:
    """Of a process in which a peer works."""
    number = str(threads)
    return dict(os.environ, POLARS_MAX_THREADS=number, TOKIO_WORKER_THREADS=number, RAYON_NUM_THREADS=number, TZ="UTC")


def commit() -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--abbrev=10"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def setting(arguments: list[str], peers: list[str]) -> dict:
    """What stands above the figures: machine, versions, command."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    command = " ".join([f"benchmarks/{pathlib.Path(arguments[0]).name}", *arguments[1:]])
    return {"date": datetime.date.today().isoformat(), "machine": f"{model}, {os.cpu_count()} cores", "load": [], "commit": commit(), "peers": peers, "command": command}


def note_load(result: dict) -> None:
    """At the begin of each round."""
    result["load"].append(round(os.getloadavg()[0], 1))


def summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "smallest": min(values), "largest": max(values)}


def write(result: dict, path: str | None) -> None:
    if path:
        pathlib.Path(path).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
