"""docker-compose.yml, unchanged, from nothing to what years do to it. In this order; each test finds the stack as the one before left it."""

import json
import os
import subprocess
import time
import uuid

import pytest
from stack import (DOCKER, GRAFANA, PAGE, ROOT, address, ask, compose, counted, docker, inspect, kill, logs, secret, somebody_at_the_address_of, sql,
                   up, verify, wait_for, wait_until_counting)

SERVICES = ("cassandra", "mysql", "hirestream", "grafana", "traffic")


@pytest.fixture(scope="module", autouse=True)
def stack():
    compose("down", "-v", "--remove-orphans", profiles=("*",))
    yield
    compose("down", "-v", "--remove-orphans", profiles=("*",))


def test_comes_up_from_nothing_and_counts():
    up()
    for service in ("secrets", "init"):
        assert inspect(service)["State"]["ExitCode"] == 0
    for service in SERVICES:
        assert inspect(service)["State"]["Health"]["Status"] == "healthy"
        assert inspect(service)["RestartCount"] == 0, logs(service)
    wait_until_counting(rows=200)
    verify()
    # Companies come from the table of jobs that init made and the traffic filled, perhaps after the engine read it first.
    wait_for("companies are known", 90, lambda: int(sql("SELECT COUNT(*) FROM events WHERE company_id > 0")) > 0)


def test_image_is_small_and_runs_as_nobody_in_particular():
    image = json.loads(docker("image", "inspect", "hirestream:local"))[0]
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Healthcheck"]["Test"] == ["CMD", "hirestream", "--quiet", "healthcheck"]
    assert {"title", "description", "licenses", "revision"} <= {name.removeprefix("org.opencontainers.image.") for name in image["Config"]["Labels"]}
    assert image["Size"] < 260_000_000
    inside = compose("exec", "-T", "hirestream", "sh", "-c", "id -u; grep -E 'CapEff|NoNewPrivs' /proc/1/status; touch /x; command -v curl gcc", expect=None)
    assert "10001" in inside and "CapEff:\t0000000000000000" in inside and "NoNewPrivs:\t1" in inside
    assert "Read-only file system" in inside and "/usr" not in inside
    limits = {service: inspect(service)["HostConfig"]["Memory"] for service in SERVICES}
    assert all(limits.values()), limits


def test_no_password_is_known_before_and_none_stands_in_an_environment():
    passwords = [secret("mysql", "mysql_root"), secret("hirestream", "mysql_engine"), secret("grafana", "mysql_reader"),
                 secret("hirestream", "http_token"), secret("grafana", "grafana_admin")]
    assert len(set(passwords)) == 5 and all(len(password) == 32 for password in passwords)
    for service in (*SERVICES, "init", "secrets"):
        configured = json.dumps(inspect(service)["Config"])
        assert not any(password in configured for password in passwords), service
        assert not any(password in logs(service) for password in passwords), service
    # Each sees its own only.
    assert compose("exec", "-T", "hirestream", "ls", "/run/secrets").split() == ["http_token", "mysql_engine"]
    assert compose("exec", "-T", "grafana", "ls", "/run/secrets").split() == ["grafana_admin", "mysql_reader"]


def test_accounts_can_do_their_work_and_no_more():
    engine = {"user": "hirestream", "name": "mysql_engine", "reader": "hirestream"}
    reader = {"user": "hirestream_reader", "name": "mysql_reader", "reader": "grafana"}
    assert int(sql("SELECT COUNT(*) FROM events", **reader)) > 0
    assert "denied" in sql("UPDATE events SET clicks = 0", **reader, expect="failure")
    assert "denied" in sql("SELECT * FROM jobs", **reader, expect="failure")
    assert "denied" in sql("DROP TABLE events", **engine, expect="failure")
    assert "denied" in sql("CREATE USER somebody", **engine, expect="failure")


def test_page_grafana_and_metrics_are_there():
    token = secret("hirestream", "http_token")
    assert ask(PAGE + "/livez") == (200, "alive\n")
    assert ask(PAGE + "/")[0] == 200
    assert ask(PAGE + "/metrics")[0] == 401 and ask(PAGE + "/api/v1/kpis?last=1h")[0] == 401
    status, metrics = ask(PAGE + "/metrics", token)
    assert status == 200 and "hirestream_" in metrics
    assert json.loads(ask(PAGE + "/api/v1/health", token)[1])["status"] == "ok"
    given = json.loads(ask(GRAFANA + "/given")[1])
    assert given["boards"] == ["hirestream-campaigns", "hirestream-job", "hirestream-pipeline"]
    assert given["provisioning"] == ["alerting/hirestream.yaml", "dashboards/hirestream.yaml", "datasources/hirestream.yaml"]
    assert given["variables"]["HIRESTREAM_READER_PASSWORD"] == secret("grafana", "mysql_reader") and all(given["variables"].values())
    assert given["administrator"]
    compose("config", "-q", profiles=("demo", "mirror", "prometheus", "spark"))


def test_row_of_ones_own_is_in_events(tmp_path):
    """Written from the machine itself, at the port that Cassandra has there."""
    rows = tmp_path / "rows.csv"
    rows.write_text("create_time,ts,custom_track,ev,job_id,publisher_id,campaign_id,group_id,bid\n"
                    f"{uuid.uuid1()},2022-07-01 11:00:00.000,click,,4242,1,10,5,2.5\n")
    docker("run", "--rm", "--read-only", "--network", "host", "-v", f"{rows}:/rows.csv:ro", "hirestream:local",
           "import", "/rows.csv", "--to", "cassandra://127.0.0.1:19042/logs/tracking")
    wait_for("the row is in events", 60, lambda: sql("SELECT clicks, spend_hour FROM events WHERE job_id = 4242") == "1\t2.500000")


def test_row_of_ones_own_as_the_readme_writes_it(tmp_path):
    """Its lines in a shell, with another job than the test before has."""
    text = (ROOT / "README.md").read_text().split("A row of your own", 1)[1].split("\n\n")[1].replace("4242", "4343").replace("exec mysql", "exec -T mysql")
    *write, look = [line.strip() for line in text.splitlines()]
    assert len(write) == 3 and "import" in write[-1] and "SELECT" in look
    (tmp_path / "docker-compose.yml").symlink_to(ROOT / "docker-compose.yml")

    def shell(*lines):
        done = subprocess.run(["bash", "-euc", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "COMPOSE_PROJECT_NAME": "hirestream"}, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shell(*write)
    wait_for("the row is in events", 60, lambda: "4343" in shell(look) and "2.500000" in shell(look))


@pytest.mark.parametrize("service", SERVICES)
def test_restarted(service):
    compose("restart", service)
    wait_until_counting()


@pytest.mark.parametrize("service", ["cassandra", "mysql", "hirestream"])
def test_killed(service):
    if service == "cassandra":
        # Killed, it loses what came after the last marker in its commit log, acknowledged or not: nothing comes meanwhile. It marks each 100 ms, where the
        # machine has time for it.
        compose("stop", "traffic")
        time.sleep(5)
    kill(service)
    compose("start", "traffic")
    wait_until_counting()


@pytest.mark.parametrize("service", ["cassandra", "mysql"])
def test_address_that_changes_is_resolved_anew(service):
    before = address(service)
    with somebody_at_the_address_of(service):
        compose("up", "-d", "--no-deps", service)
        assert address(service) != before
        wait_until_counting()


def test_nothing_was_lost_or_counted_twice():
    verify()


@pytest.mark.parametrize("service", ["mysql", "cassandra"])
def test_engine_waits_for_a_server_that_has_no_name_yet(service):
    compose("stop", service)
    since = str(int(time.time()))
    compose("restart", "hirestream")
    time.sleep(8)
    said = logs("hirestream", "--since", since)
    ended = [line for line in said.splitlines() if line.startswith("error:")]  # not what a library calls so within a warning
    assert "again_in_ms" in said and "name" in said and not ended, said
    state = inspect("hirestream")
    assert state["RestartCount"] == 0 and state["State"]["Running"], said
    assert ask(PAGE + "/livez")[0] == 200
    compose("start", service)
    wait_until_counting()


def test_init_waits_for_a_server_that_does_not_answer_yet():
    compose("stop", "mysql")
    waiting = subprocess.Popen([DOCKER, "compose", "run", "--rm", "-T", "--no-deps", "init"], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    time.sleep(3)
    compose("start", "mysql")
    said, _ = waiting.communicate(timeout=240)
    assert waiting.returncode == 0 and "a container that does not run has no name" in said and "ready" in said, said
    wait_until_counting()


def test_down_and_up_keep_the_data():
    compose("stop", "traffic")
    kept = sql("SELECT SUM(clicks), SUM(impressions), SUM(spend_hour) FROM events WHERE dates < '2023-01-01'")
    before, token = counted(), secret("hirestream", "http_token")
    compose("stop", "hirestream")
    # It had its end in peace.
    assert inspect("hirestream")["State"]["ExitCode"] == 0
    compose("down")
    up()
    assert secret("hirestream", "http_token") == token
    assert counted() >= before
    assert sql("SELECT SUM(clicks), SUM(impressions), SUM(spend_hour) FROM events WHERE dates < '2023-01-01'") == kept == "1\t0\t2.500000"
    wait_until_counting()
    verify()


def test_existing_servers_by_environment_alone():
    """As the README has it."""
    password = secret("mysql", "mysql_root")
    environment = ["-e", "HIRESTREAM_SOURCE_URI=cassandra://cassandra/logs/tracking", "-e", "HIRESTREAM_WAREHOUSE_URI=mysql://root@mysql/elsewhere",
                   "-e", f"HIRESTREAM_MYSQL_PASSWORD={password}"]
    run = ["run", "--rm", "--read-only", "--network", "hirestream_default", *environment, "hirestream:local"]
    compose("stop", "traffic")
    docker(*run, "run", "--once")
    assert "no difference" in docker(*run, "verify")
    sums = "SELECT COUNT(*), SUM(clicks), SUM(impressions), SUM(spend_hour) FROM events"
    wait_for("both say the same", 20, lambda: sql(sums, database="elsewhere") == sql(sums))
    compose("start", "traffic")


def test_secret_that_the_engine_may_not_read_is_told(tmp_path):
    (tmp_path / "secret").write_text("of-my-own\n")
    (tmp_path / "secret").chmod(0o600)
    tmp_path.chmod(0o755)
    said = compose("run", "--rm", "-T", "--no-deps", "hirestream", "doctor", expect=2, MYSQL_ENGINE_SECRET=str(tmp_path))
    assert "/run/secrets/mysql_engine/secret: Permission denied" in said and "user 10001" in said


def test_init_that_fails_says_why_and_holds_what_comes_after():
    compose("rm", "-s", "-f", "hirestream")
    said = up(expect="failure", HIRESTREAM_INIT_WAREHOUSE_URI="mysql://nobody@mysql:3306/etl_data")
    assert 'service "init" didn\'t complete successfully: exit 2' in said
    assert "Access denied for user 'nobody'" in logs("init")
    assert not inspect("hirestream")["State"]["Running"]
    up()
    wait_until_counting()
