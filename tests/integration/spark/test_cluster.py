"""The job on a real standalone cluster, from the wheel, as the README says it; and with a fault for every kind of process."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from cluster import HOME, Cluster
from conftest import ROOT, cells, end_to_end, query


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
                    "--wheel-dir", folder, ROOT / "integrations" / "spark"], check=True)
    wheel = next(folder.glob("hirestream-*.whl"))
    assert "-py3-none-linux" in wheel.name
    with zipfile.ZipFile(wheel) as content:
        assert {"hirestream/libhirestream_kernel.so", "hirestream/py.typed"} <= set(content.namelist())
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target",
                    folder / "site", wheel], check=True)
    return folder / "site"


@pytest.fixture(scope="module")
def cluster(installed, tmp_path_factory):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
    # The wheel alone: nothing of the repository.
    environment |= {"PYTHONPATH": str(installed), "HIRESTREAM_MYSQL_PASSWORD": end_to_end.SQL_PASSWORD,
                    "PATH": f"{installed}/bin:{HOME}/bin:{os.environ['PATH']}"}
    started = Cluster(tmp_path_factory.mktemp("cluster"), environment)
    yield started
    started.stop()


def report_of(submitted):
    assert submitted.returncode == 0, submitted.stderr[-4000:]
    return json.loads(submitted.stdout[submitted.stdout.index("{"):])


def test_the_command_of_the_readme(cluster, installed, mysql, mysql_database, raw_logs, expected, tmp_path):
    line = 'spark-submit --master spark://master:7077 "$(hirestream-spark --script)" backfill --config hirestream.toml'
    assert line in (ROOT / "README.md").read_text(encoding="utf-8")
    settings = tmp_path / "hirestream.toml"
    settings.write_text(f'[source]\nuri = "{raw_logs["tail"]}"\n[warehouse]\nuri = "{mysql.uri(mysql_database)}"\n', encoding="utf-8")
    script = subprocess.run([installed / "bin" / "hirestream-spark", "--script"], text=True, stdout=subprocess.PIPE, check=True,
                            env=cluster.environment).stdout.strip()
    assert script.startswith(str(installed))
    report = report_of(cluster.submit(script, "backfill", "--config", settings))
    assert report["complete"] and report["slices_published"] > 0
    assert cells(mysql, mysql_database) == expected[0]


def test_a_fault_of_each_process_changes_no_number(cluster, mysql, mysql_database, raw_logs, expected, tmp_path):
    driver = pathlib.Path(__file__).parent / "faulty_driver.py"
    report = report_of(cluster.submit(driver, raw_logs["tail"], mysql.uri(mysql_database), tmp_path))
    assert {path.name for path in tmp_path.iterdir()} >= {"exception", "killed_python", "killed_worker"}
    assert report["attempts_discarded"] >= 3
    assert cells(mysql, mysql_database) == expected[0]
    assert query(mysql, mysql_database, "SELECT COUNT(*) FROM hirestream_staged_slices") == ((0,),)
