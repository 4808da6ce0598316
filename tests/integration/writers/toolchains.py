"""The command that runs the writer of each language; what it needs is fetched and compiled once per version of its files."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WRITERS = ROOT / "docs/writers"
CACHE = Path(os.environ.get("HIRESTREAM_WRITERS_CACHE", ROOT / ".cache/writers"))


def run(*command, folder, **environment):
    done = subprocess.run([str(word) for word in command], cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=400, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}"


def prepare_python(_folder):
    pass


def prepare_java(folder):
    run("mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/lib", folder=folder)
    run("javac", "-cp", f"{folder}/lib/*", "-d", folder / "classes", "Writer.java", folder=folder)


def prepare_node(folder):
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", folder=folder)


def prepare_go(folder):
    run("go", "build", "-o", folder / "writer", ".", folder=folder)


LANGUAGES = {
    "python": (prepare_python, lambda folder: [sys.executable, folder / "writer.py"]),
    "java": (prepare_java, lambda folder: ["java", "-cp", f"{folder}/classes:{folder}/lib/*", "Writer"]),
    "node": (prepare_node, lambda folder: ["node", folder / "writer.mjs"]),
    "go": (prepare_go, lambda folder: [folder / "writer"]),
}


def command_of(language):
    prepare, command = LANGUAGES[language]
    files = sorted(path for path in (WRITERS / language).iterdir() if path.is_file())
    version = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = CACHE / f"{language}-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{language}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for path in files:
                shutil.copy(path, folder)
            prepare(folder)
            (folder / "complete").touch()
    return [str(word) for word in command(folder)]
