"""What an orchestrator and Prometheus are told: alive, ready, and metrics while the warehouse is away. File sources."""

import contextlib
import os
import re
import subprocess
import time

import requests
from conftest import BINARY, environment, serving, write_rows


@contextlib.contextmanager
def engine(*arguments, **more):
    """`run --http`, which says on its log where it serves."""
    process = subprocess.Popen([BINARY, "run", "--http", "127.0.0.1:0", *map(str, arguments)], env=environment(**more),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while not (found := re.search(r"page=(http://\S+)/", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        os.set_blocking(process.stderr.fileno(), False)
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def get(url, path, **options):
    return requests.get(url + path, timeout=10, **options)


def wait_for(url, status, text, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        answer = get(url, "/readyz")
        if answer.status_code == status and text in answer.text:
            return answer
        assert time.monotonic() < deadline, f"{answer.status_code} {answer.text}, not {status} {text}"
        time.sleep(0.1)


def metrics_of(url, **options):
    answer = get(url, "/metrics", **options)
    assert answer.status_code == 200, answer.text
    return dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if line and not line.startswith("#"))


def test_metrics_tell_of_the_process_while_the_warehouse_is_away(tmp_path):
    write_rows(tmp_path / "rows.csv", 0, 10)
    with engine("--source", f"csv:{tmp_path / 'rows.csv'}", "--source-name", "site", "--warehouse", "mysql://root@127.0.0.1:1/none") as url:
        assert get(url, "/livez").status_code == 200
        wait_for(url, 503, "site: recovering")
        begin = time.monotonic()
        told = metrics_of(url)
        assert time.monotonic() - begin < 3
        assert told["hirestream_warehouse_up"] == "0" and told["hirestream_ready"] == "0"
        assert float(told['hirestream_errors_total{kind="transient",source="site"}']) >= 1
        assert float(told["process_resident_memory_bytes"]) > 1e6 and float(told["process_open_fds"]) > 3
        assert abs(float(told["process_start_time_seconds"]) - time.time()) < 60
        assert any(re.fullmatch(r'hirestream_build_info\{commit="\w[^"]*",version="\d[^"]*"\}', name) for name in told)
        assert "hirestream_http_connections" in told and not any(name.startswith("hirestream_slices{") for name in told)


def test_engine_of_files_is_ready_until_a_slice_is_held(tmp_path):
    rows = tmp_path / "rows.csv"
    write_rows(rows, 0, 300)
    counting = ("--source", f"csv:{rows}", "--source-name", "site", "--warehouse", f"sqlite:{tmp_path / 'counts.db'}",
                "--poll-interval", "200ms")
    with engine(*counting) as url:
        wait_for(url, 200, "ready")
        deadline = time.monotonic() + 10
        while float(metrics_of(url).get('hirestream_new_rows_total{source="site"}', 0)) < 300 and time.monotonic() < deadline:
            time.sleep(0.1)
        told = metrics_of(url)
        assert told["hirestream_warehouse_up"] == "1" and told["hirestream_ready"] == "1"
        assert float(told['hirestream_new_rows_total{source="site"}']) == 300
        assert float(told['hirestream_rows_rejected_total{source="site"}']) >= 1
        assert abs(float(told['hirestream_last_commit_timestamp_seconds{source="site"}']) - time.time()) < 60
        write_rows(rows, 0, 100)  # a cut file is the usual accident
        wait_for(url, 503, "site: slices held: 1")
    with engine(*counting) as url:
        wait_for(url, 503, "site: slices held: 1")  # it was held before
        write_rows(rows, 0, 300)
        wait_for(url, 200, "ready")


def test_engine_that_has_ended_is_told_though_others_go_on(tmp_path):
    write_rows(tmp_path / "good.csv", 0, 10)
    with engine("--source", f"csv:{tmp_path / 'good.csv'}", "--source", f"sqlite:{tmp_path / 'none.db'}",
                "--warehouse", f"sqlite:{tmp_path / 'counts.db'}") as url:
        deadline = time.monotonic() + 20
        while "recovering" in (told := wait_for(url, 503, "none.db: its engine has ended").text) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(told.splitlines()) == 1, told


def test_reasons_are_told_only_with_the_token(tmp_path):
    write_rows(tmp_path / "rows.csv", 0, 10)
    token = "correct-horse-battery"
    with engine("--source", f"csv:{tmp_path / 'rows.csv'}", "--source-name", "site", "--warehouse", "mysql://root@127.0.0.1:1/none",
                HIRESTREAM_HTTP_TOKEN=token) as url:
        assert get(url, "/livez").status_code == 200
        answer = get(url, "/readyz")
        assert answer.status_code == 503 and answer.text == "not ready\n"
        assert "site: recovering" in get(url, "/readyz", headers={"Authorization": f"Bearer {token}"}).text
        assert get(url, "/metrics").status_code == 401


def test_page_without_engines_is_ready_when_its_warehouse_answers(tmp_path):
    write_rows(tmp_path / "rows.csv", 0, 10)
    subprocess.run([BINARY, "run", "--once", "--source", f"csv:{tmp_path / 'rows.csv'}", "--warehouse", f"sqlite:{tmp_path / 'counts.db'}"],
                   env=environment(), check=True, capture_output=True, timeout=60)
    with serving(f"sqlite:{tmp_path / 'counts.db'}", "--http", "127.0.0.1:0") as server:
        assert server.get("/readyz").status_code == 200
        assert metrics_of(server.url)["hirestream_warehouse_up"] == "1"
