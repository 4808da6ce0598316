"""The stack of docker-compose.yml, driven as a person would: docker compose, docker, HTTP and SQL."""

import contextlib
import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = "/usr/bin/docker"
PAGE = "http://127.0.0.1:18080"
GRAFANA = "http://127.0.0.1:13000"
BASE = "debian:bookworm-slim"
# As in .env: what docker-compose.yml is told by every command.
settings = {}


def call(*command, expect=0, timeout=300, **more):
    """stdout and stderr of a command, after its exit code was looked at (None: any)."""
    # Nothing of this machine's own settings.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HIRESTREAM_", "COMPOSE_"))}
    done = subprocess.run(command, cwd=ROOT, env=kept | settings | more, capture_output=True, text=True, timeout=timeout, check=False)
    said = done.stdout + done.stderr
    failed = done.returncode != 0 if expect == 0 else done.returncode == 0 if expect == "failure" else expect not in (None, done.returncode)
    assert not failed, f"{' '.join(command)}: exit {done.returncode}\n{said[-6000:]}"
    return said


def docker(*arguments, **more):
    return call(DOCKER, *arguments, **more)


def compose(*arguments, profiles=("demo",), **more):
    options = [word for profile in profiles for word in ("--profile", profile)]
    return call(DOCKER, "compose", "--progress", "plain", *options, *arguments, **more)


def up(**more):
    try:
        return compose("up", "-d", "--wait", timeout=600, **more)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{logs('init')}") from error


def container(service):
    return f"hirestream-{service}-1"


def inspect(service):
    return json.loads(docker("inspect", container(service)))[0]


def address(service):
    return inspect(service)["NetworkSettings"]["Networks"]["hirestream_default"]["IPAddress"]


def logs(service, *options):
    return compose("logs", "--no-log-prefix", *options, service)


def secret(service, name):
    return compose("exec", "-T", service, "cat", f"/run/secrets/{name}/secret").strip()


def sql(statement, user="root", name="mysql_root", reader="mysql", expect=0, database="etl_data"):
    """Rows as text; `reader` is the service that holds the user's password."""
    password = secret(reader, name)
    return docker("exec", "-e", f"MYSQL_PWD={password}", container("mysql"), "mysql", "-N", "-h127.0.0.1", f"-u{user}", "-e", statement,
                  database, expect=expect).strip()


def ask(url, token=None):
    """Status and body."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def counted():
    return int(sql("SELECT COALESCE(SUM(clicks + impressions), 0) FROM events"))


def wait_for(what, seconds, check):
    """Until check() gives something true, which is returned; what fails meanwhile is tried again."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            found = check()
            if found:
                return found
        except (AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            last = error
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {seconds} s\n{last or ''}\n{compose('ps', '-a')}\n{logs('hirestream', '--tail', '20')}")


def wait_until_counting(seconds=240, rows=40):
    """More rows are counted than could have been read before."""
    before = wait_for("the warehouse answers", seconds, lambda: counted() + 1) - 1
    wait_for("new rows are counted", seconds, lambda: counted() >= before + rows)


def verify():
    said = compose("run", "--rm", "-T", "hirestream", "verify", timeout=120)
    assert "no difference" in said, said
    return said


def kill(service):
    """From outside, so that the restart policy holds: `docker kill` counts as a stop by hand."""
    pid = inspect(service)["State"]["Pid"]
    docker("run", "--rm", "--pid=host", "--cap-drop", "ALL", "--cap-add", "KILL", BASE, "bash", "-c", f"kill -9 {pid}")
    wait_for(f"{service} runs again", 60, lambda: inspect(service)["State"]["Pid"] not in (0, pid))


@contextlib.contextmanager
def somebody_at_the_address_of(service):
    """Its container is gone, and another has its address."""
    wanted, taken = address(service), []
    docker("rm", "-f", container(service))
    try:
        # The next free address goes to each: as many as it takes.
        while wanted not in taken:
            name = f"somebody-{len(taken)}"
            docker("run", "-d", "--rm", "--name", name, "--network", "hirestream_default", "--entrypoint", "sleep", "hirestream:local", "600")
            taken.append(docker("inspect", "-f", "{{.NetworkSettings.Networks.hirestream_default.IPAddress}}", name).strip())
            assert len(taken) < 10, f"{wanted} is not given again: {taken}"
        yield
    finally:
        for number in range(len(taken)):
            docker("rm", "-f", f"somebody-{number}")
