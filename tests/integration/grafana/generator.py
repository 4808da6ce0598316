"""Runs the generator of the boards, out of tree."""

import atexit
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from grafana import FOLDER, ROOT

SOURCES = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.newest.json", "eslint.config.mjs", "src"]


def installed():
    """The packages of the lock file, fetched once; safe to call from several tests at the same time."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    place = ROOT / ".cache" / "grafana" / hashlib.sha256(lock).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FOLDER / name, place / name)
            call(["npm", "ci", "--no-audit", "--no-fund"], place)
            (place / "complete").touch()
    return place / "node_modules"


@functools.cache
def compiled():
    """A folder with the sources compiled as `npm run generate` does."""
    place = Path(tempfile.mkdtemp(prefix="hirestream_grafana_"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for name in SOURCES:
        source = FOLDER / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, place / name)
    (place / "node_modules").symlink_to(installed())
    call([str(place / "node_modules/.bin/tsc")], place)
    return place


def call(command, place):
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300, env=os.environ | {"NO_COLOR": "1"})
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def generate(output, timezone="UTC"):
    place = compiled()
    call(["node", str(place / "build/generate.js"), "--timezone", timezone, "--output", str(output)], place)
    return Path(output)


def read_yaml(path):
    program = "console.log(JSON.stringify(require('yaml').parse(require('fs').readFileSync(process.argv[1], 'utf8'))))"
    return json.loads(call(["node", "-e", program, str(path)], compiled()))


@functools.cache
def alert_rules():
    groups = read_yaml(FOLDER / "provisioning/alerting/hirestream.yaml")["groups"]
    return {rule["uid"]: rule for group in groups for rule in group["rules"]}
