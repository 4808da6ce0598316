"""The job on a real YARN, by the lines of integrations/spark/README.md as they stand there: `make spark`."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import uuid

import pytest
from cluster import finished
from prove_cluster import assert_right, wait_for
from yarn_cluster import Yarn

from conftest import ROOT, cells, classes, end_to_end

README = ROOT / "integrations" / "spark" / "README.md"
SCRIPT = '"$(hirestream-spark --script)" backfill --config hirestream.toml'
PASSWORD_FILE = "/etc/hirestream/mysql_password"


@pytest.fixture(scope="module")
def yarn(tmp_path_factory):
    started = Yarn(tmp_path_factory.mktemp("yarn"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the archive, and in driver/ a Python with the wheel and PySpark."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(os.environ["HIRESTREAM_KERNEL"], folder / "libhirestream_kernel.so")
    subprocess.run([ROOT / "integrations" / "spark" / "build_wheel", folder, "archive"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", "venv", folder / "driver"], check=True)
    subprocess.run([folder / "driver" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                    next(folder.glob("hirestream-*.whl"))], check=True)
    packages = next((folder / "driver" / "lib").glob("python*/site-packages"))
    (packages / "pyspark_of_the_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder


class Submission:
    """A folder in which the lines can be run as they are, and a user of MySQL whose password is nobody else's."""

    def __init__(self, folder, yarn, made, source, mysql, database):
        self.folder, self.yarn, self.made, self.source = folder, yarn, made, source
        self.user, self.password = end_to_end.unique("user"), uuid.uuid4().hex
        mysql.execute(f"CREATE USER {self.user} IDENTIFIED BY '{self.password}'", f"GRANT ALL ON {database}.* TO {self.user}")
        self.warehouse = f"mysql://{self.user}@{mysql.host}:{mysql.port}/{database}"
        (folder / "hirestream.toml").write_text(f'[source]\nuri = "{source}"\n[warehouse]\nuri = "{self.warehouse}"\n', encoding="utf-8")
        (folder / "mysql_password").write_text(self.password + "\n", encoding="utf-8")
        (folder / "hirestream-spark.tar.gz").symlink_to(made / "hirestream-spark.tar.gz")

    def start(self, mode, script=SCRIPT):
        line = re.search(rf"^ +(spark-submit --master yarn --deploy-mode {mode} .*?){re.escape(SCRIPT)}$", README.read_text(encoding="utf-8"),
                         re.DOTALL | re.MULTILINE)[1]
        assert (PASSWORD_FILE in line) == (mode == "cluster")
        line = line.replace(PASSWORD_FILE, f"{self.folder}/mysql_password")
        environment = {"PATH": f"{self.made}/driver/bin:{self.yarn.path}"}
        if mode == "client":
            environment |= {"PYSPARK_DRIVER_PYTHON": f"{self.made}/driver/bin/python", "HIRESTREAM_MYSQL_PASSWORD": self.password}
        return self.yarn.start(line + script, self.folder, environment)

    def run(self, *words):
        return finished(self.start(*words))

    def faulty(self, fault):
        """The other job, which leaves marks of its faults in the folder."""
        return f"{pathlib.Path(__file__).parent}/faulty_driver.py '{self.source}' '{self.warehouse}' {self.folder} {fault}"


@pytest.fixture
def submission(tmp_path, yarn, made, raw_logs, mysql, mysql_database):
    ready = Submission(tmp_path, yarn, made, raw_logs["tail"], mysql, mysql_database)
    yield ready
    mysql.execute(f"DROP USER {ready.user}")


def report_in(said):
    return json.loads(said[said.index("{"):])


def log_of(yarn, done, container):
    application = re.search(r"Submitted application (application_\d+_\d+)", done.stderr)[1]
    return "".join(path.read_text(encoding="utf-8") for path in sorted((yarn.logs / application).glob(f"{container}/stdout")))


def files_with(text, folder):
    paths = [pathlib.Path(place, name) for place, _, names in os.walk(folder) for name in names]
    return [path for path in paths if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.parametrize("mode", ["client", "cluster"])
def test_the_line_of_the_readme_on_yarn(mode, submission, yarn, mysql, mysql_database, expected):
    for package in ("hirestream", "pyspark"):
        assert f"No module named '{package}'" in finished(yarn.start(f"{yarn.python} -c 'import {package}'", submission.folder)).stderr
    done = submission.run(mode)
    assert done.returncode == 0, done.stderr[-4000:]
    # In cluster mode the driver is a container, too.
    said = done.stdout if mode == "client" else log_of(yarn, done, "container_*_01_000001")
    report = report_in(said)
    assert report["complete"] and report["slices_published"] > 0
    assert_right(mysql, mysql_database, expected)
    # Spark's settings and what started the containers are still there, and no password in them.
    assert files_with("PYTHONPATH=", yarn.directory) and files_with("spark.executorEnv.PYTHONPATH", yarn.directory)
    assert not files_with(submission.password, yarn.directory)


def test_a_killed_executor_changes_no_number(submission, mysql, mysql_database, expected):
    done = submission.run("client", submission.faulty("killed"))
    assert done.returncode == 0, done.stderr[-4000:]
    assert all((submission.folder / name).exists() for name in ("exception", "killed_python", "killed_worker"))
    assert "Container exited with a non-zero exit code 137" in done.stderr
    assert report_in(done.stdout)["attempts_discarded"] >= 3
    assert_right(mysql, mysql_database, expected)


def test_yarn_starts_a_killed_driver_again(submission, yarn, mysql, mysql_database, expected):
    """What the first one's tasks have staged is never published."""
    process = submission.start("cluster", submission.faulty("staged"))
    try:
        wait_for(submission.folder / "staged", process)
        yarn.kill_driver()
        done = finished(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert done.returncode == 0, done.stderr[-4000:]
    assert report_in(log_of(yarn, done, "container_*_02_000001"))["slices_published"] > 0
    assert (cells(mysql, mysql_database), classes(mysql, mysql_database)) == expected


def test_a_difference_in_cluster_mode(submission, yarn):
    done = submission.run("cluster", f"--conf spark.yarn.maxAppAttempts=1 {SCRIPT.replace('backfill', 'verify')}")
    assert done.returncode == 1 and "User application exited with status 1" in done.stderr
    assert report_in(log_of(yarn, done, "container_*_01_000001"))["slices_different"] > 0
    assert not log_of(yarn, done, "container_*_02_000001")
