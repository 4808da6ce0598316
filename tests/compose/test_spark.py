"""Profile `spark` of docker-compose.yml: one master, two workers and the driver keep `events` right, and there is no engine."""

import json
import time

import pytest
from stack import compose, counted, docker, logs, sql, verify, wait_for, wait_until_counting

PROFILES = ("demo", "spark")


@pytest.fixture(scope="module", autouse=True)
def stack():
    compose("down", "-v", "--remove-orphans", profiles=("*",))
    yield
    compose("down", "-v", "--remove-orphans", profiles=("*",))


def states():
    """Of the services' containers: name → Health."""
    names = docker("ps", "-a", "--filter", "label=com.docker.compose.project=hirestream", "--format", "{{.Names}}").split()
    return {one["Name"].lstrip("/"): one["State"] for one in json.loads(docker("inspect", *names))}


def test_counts_without_an_engine():
    compose("up", "-d", "--wait", "--scale", "hirestream=0", profiles=PROFILES, timeout=600)
    running = {name for name, state in states().items() if state["Running"]}
    assert {"hirestream-spark-master-1", "hirestream-spark-worker-1", "hirestream-spark-worker-2", "hirestream-spark-etl-1"} <= running
    assert "hirestream-hirestream-1" not in running
    wait_until_counting(seconds=300, rows=200)


def test_no_password_stands_where_workers_are():
    for worker in ("hirestream-spark-worker-1", "hirestream-spark-worker-2"):
        assert not docker("exec", worker, "sh", "-c", "ls /run/secrets 2>/dev/null; env | grep -i password; true").strip()
    password = docker("exec", "hirestream-spark-etl-1", "cat", "/run/secrets/mysql_engine/secret").strip()
    assert len(password) == 32
    for service in ("spark-master", "spark-worker", "spark-etl"):
        assert password not in logs(service)


def test_worker_that_is_killed_is_not_missed():
    before = states()["hirestream-spark-worker-1"]["Pid"]
    docker("run", "--rm", "--pid=host", "--cap-drop", "ALL", "--cap-add", "KILL", "debian:bookworm-slim", "bash", "-c", f"kill -9 {before}")
    wait_until_counting(seconds=300)
    wait_for("the worker is there again", 120, lambda: states()["hirestream-spark-worker-1"].get("Health", {}).get("Status") == "healthy")


def test_driver_that_is_killed_goes_on():
    before = states()["hirestream-spark-etl-1"]["Pid"]
    docker("run", "--rm", "--pid=host", "--cap-drop", "ALL", "--cap-add", "KILL", "debian:bookworm-slim", "bash", "-c", f"kill -9 {before}")
    wait_until_counting(seconds=300)


def test_is_right_in_the_end():
    compose("stop", "traffic")
    last = [counted()]

    def quiet():
        time.sleep(25)
        last.append(counted())
        return last[-1] == last[-2]

    wait_for("the last rows are counted", 300, quiet)
    verify()
    assert int(sql("SELECT COUNT(*) FROM hirestream_staged_slices")) == 0
