"""Profile `mirror` of docker-compose.yml: writers know a plain table alone, the engine reads its mirror, and every row is counted."""

import json
import re
import time

import pytest
import stack
from stack import ask, compose, docker, inspect, kill, logs, secret, sql, verify, wait_for, wait_until_counting

PROFILES = ("demo", "mirror")
MIRROR = "http://127.0.0.1:18082"
MIRRORED = "cassandra://cassandra:9042/hirestream/tracking"


@pytest.fixture(scope="module", autouse=True)
def mirrored_stack():
    compose("down", "-v", "--remove-orphans", profiles=("*",))
    stack.settings["HIRESTREAM_SOURCE_URI"] = MIRRORED
    yield
    compose("down", "-v", "--remove-orphans", profiles=("*",))
    stack.settings.clear()


def figure(name, label=""):
    status, text = ask(MIRROR + "/metrics", secret("mirror", "http_token"))
    assert status == 200, text
    (value,) = re.findall(rf"^hirestream_mirror_{name}\{{{label}.*\}} (\S+)$", text, re.MULTILINE)
    return float(value)


def wait_until_whole():
    wait_for("nothing is missing in the mirror", 240, lambda: ask(MIRROR + "/readyz")[0] == 200)


def test_rows_of_a_plain_table_are_counted():
    compose("up", "-d", "--wait", profiles=PROFILES, timeout=600)
    assert inspect("mirror-table")["State"]["ExitCode"] == 0
    assert inspect("mirror")["State"]["Health"]["Status"] == "healthy" and inspect("mirror")["RestartCount"] == 0, logs("mirror")
    assert f"HIRESTREAM_SOURCE_URI={MIRRORED}" in inspect("hirestream")["Config"]["Env"]
    wait_until_counting(rows=200)
    wait_until_whole()
    verify()


def test_mirror_may_read_the_volume_and_nothing_more():
    (volume,) = [mount for mount in inspect("mirror")["Mounts"] if mount["Destination"] == "/var/lib/cassandra"]
    assert volume["RW"] is False
    said = compose("exec", "-T", "mirror", "sh", "-c", "id -u; touch /var/lib/cassandra/commitlog/x 2>&1; ls /run/secrets")
    assert "10001" in said and "Read-only file system" in said and said.split()[-1] == "http_token"
    assert secret("mirror", "http_token") not in logs("mirror") + json.dumps(inspect("mirror")["Config"])


def test_metrics_want_the_token_and_tell_how_far_it_is():
    assert ask(MIRROR + "/livez") == (200, "alive\n") and ask(MIRROR + "/metrics")[0] == 401
    before = figure("rows_total", 'from="log"')
    wait_for("rows are followed", 30, lambda: figure("rows_total", 'from="log"') > before + 50)
    assert figure("up") == 1 and figure("lag_seconds") < 5


def test_mirror_that_is_killed_goes_on():
    kill("mirror")
    wait_until_counting()
    wait_until_whole()


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_cassandra_that_is_started_again_is_followed_on(how):
    if how == "restarted":
        compose("restart", "cassandra")
    else:
        # Killed, it loses what came after the last marker in its commit log, acknowledged or not: nothing comes meanwhile.
        compose("stop", "traffic", profiles=PROFILES)
        time.sleep(1)
        kill("cassandra")
        compose("start", "traffic", profiles=PROFILES)
    wait_until_counting()
    wait_until_whole()


def test_every_row_of_the_plain_table_is_counted():
    compose("stop", "traffic", profiles=PROFILES)
    wait_until_whole()
    told = docker("run", "--rm", "--read-only", "--tmpfs", "/tmp", "--network", "hirestream_default", "hirestream:local", "--json", "--quiet", "run",
                  "--once", "--source", "cassandra://cassandra:9042/logs/tracking", "--warehouse", "sqlite:/tmp/warehouse.db")
    plain = json.loads(told[told.index("{"):told.rindex("}") + 1])["rows"]["total"]
    assert plain > 500
    wait_for("all are counted", 60, lambda: int(sql("SELECT SUM(rows_read) FROM hirestream_accounting")) == plain)
    verify()
