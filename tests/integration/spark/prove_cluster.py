"""What takes too long for the suite, on a real standalone cluster and a MySQL that is killed: `make spark`."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from cluster import Cluster
from test_cluster import cluster, installed, report_of  # noqa: F401

from conftest import ROOT, cells, classes, end_to_end, query

DRIVER = pathlib.Path(__file__).parent / "faulty_driver.py"
SPECULATION = {"speculation": "true", "speculation_interval": "100ms", "speculation_multiplier": "1.1", "speculation_quantile": "0.5",
               "speculation_minTaskRuntime": "1s"}


def wait_for(path, process):
    deadline = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.1)


def assert_right(mysql, database, expected):
    assert (cells(mysql, database), classes(mysql, database)) == expected
    assert query(mysql, database, "SELECT COUNT(*) FROM hirestream_staged_slices") == ((0,),)


def test_two_attempts_of_one_task_stage_and_one_counts(cluster, mysql, mysql_database, raw_logs, expected, tmp_path):  # noqa: F811
    report = report_of(cluster.submit(DRIVER, raw_logs["tail"], mysql.uri(mysql_database), tmp_path, "slow", **SPECULATION))
    assert report["attempts_accepted"] == 4 and report["attempts_discarded"] >= 1
    assert_right(mysql, mysql_database, expected)


@pytest.mark.parametrize("killed", ["staged", "accepted"])
@pytest.mark.parametrize("finish", ["publish", "rebuild"])
def test_driver_killed_before_it_published(killed, finish, cluster, mysql, mysql_database, raw_logs, expected, tmp_path, hirestream):  # noqa: F811
    driver = cluster.start(DRIVER, raw_logs["tail"], mysql.uri(mysql_database), tmp_path, killed)
    try:
        wait_for(tmp_path / killed, driver)
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()
    hirestream(finish, "--run", killed, "--warehouse", mysql.uri(mysql_database))
    if killed == "staged":
        # Nobody has the receipts: nothing is published, and it is all counted again.
        assert cells(mysql, mysql_database) == ()
        report_of(cluster.submit(DRIVER, raw_logs["tail"], mysql.uri(mysql_database), tmp_path, "again"))
    assert_right(mysql, mysql_database, expected)


def restart_mysql(down_s):
    script = ROOT / "tests" / "support" / "services" / "mysql.sh"
    said = subprocess.run([script, "status"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout
    process = int(re.search(r"pid (\d+)", said)[1])
    os.kill(process, signal.SIGKILL)
    while os.path.exists(f"/proc/{process}"):
        time.sleep(0.05)
    time.sleep(down_s)
    subprocess.run([script, "start"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("command", ["publish", "rebuild"])
def test_mysql_killed_while_a_run_is_taken_in(command, cluster, mysql, mysql_database, raw_logs, expected, tmp_path, hirestream):  # noqa: F811
    driver = cluster.start(DRIVER, raw_logs["tail"], mysql.uri(mysql_database), tmp_path, "accepted")
    try:
        wait_for(tmp_path / "accepted", driver)
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()
    line = [command, "--run", "accepted", "--warehouse", mysql.uri(mysql_database)]
    met = 0
    for wait_s in (0.3, 0.7, 1.2):
        process = hirestream.start(*line)
        time.sleep(wait_s)
        met += process.poll() is None
        restart_mysql(1)
        out, errors = process.communicate(timeout=240)
        assert process.returncode in (0, 3), out + errors
    assert met > 0
    hirestream(*line)
    assert_right(mysql, mysql_database, expected)


def test_engine_goes_on_while_workers_are_killed(cluster, mysql, mysql_database, raw_logs, expected, tmp_path, hirestream):  # noqa: F811
    engine = hirestream.start("run", "-q", "--retention", "0", "--source", raw_logs["tail"], "--warehouse", mysql.uri(mysql_database))
    try:
        report = report_of(cluster.submit(DRIVER, raw_logs["tail"], mysql.uri(mysql_database), tmp_path))
        assert report["attempts_discarded"] >= 3 and report["slices_held"] == 0
        deadline = time.monotonic() + 600
        while cells(mysql, mysql_database) != expected[0] and time.monotonic() < deadline:
            time.sleep(1)
    finally:
        end_to_end.stop(engine)
    assert_right(mysql, mysql_database, expected)


@pytest.fixture(scope="module")
def bare_cluster(tmp_path_factory):
    """Whose workers have PySpark and pyarrow, and nothing of hirestream."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HIRESTREAM_", "PYTHONPATH"))}
    started = Cluster(tmp_path_factory.mktemp("bare"), environment)
    yield started
    started.stop()


def test_archive_instead_of_a_wheel_on_the_nodes(bare_cluster, mysql, mysql_database, raw_logs, expected, tmp_path, installed):  # noqa: F811
    """As integrations/spark/README.md has it; the driver has the wheel."""
    options = ["--archives", "hirestream-spark.tar.gz#hirestream-spark", "--conf", "spark.executorEnv.PYTHONPATH=hirestream-spark"]
    readme = (ROOT / "integrations" / "spark" / "README.md").read_text(encoding="utf-8")
    assert " ".join(options) in " ".join(readme.replace("\\\n", " ").split())
    shutil.copy(os.environ["HIRESTREAM_KERNEL"], tmp_path / "libhirestream_kernel.so")
    subprocess.run([ROOT / "integrations" / "spark" / "build_wheel", tmp_path, "archive"], check=True, stdout=subprocess.DEVNULL)
    options[1] = f"{tmp_path}/{options[1]}"
    driver = {"PYTHONPATH": str(installed), "HIRESTREAM_MYSQL_PASSWORD": end_to_end.SQL_PASSWORD}
    script = installed / "hirestream" / "spark" / "command.py"
    settings = [word for pair in (("source.uri", raw_logs["tail"]), ("warehouse.uri", mysql.uri(mysql_database))) for word in ("--set", "=".join(pair))]
    refused = bare_cluster.submit(script, "backfill", *settings, environment=driver)
    # spark-submit gives out all that the driver says as its output.
    assert refused.returncode == 2 and "install the wheel on every node" in refused.stdout, refused.stderr[-3000:]
    report_of(bare_cluster.submit(*options, script, "backfill", *settings, environment=driver))
    assert_right(mysql, mysql_database, expected)
