"""The server itself: live stream, access, headers, many clients, how it ends."""

import concurrent.futures
import json
import signal
import socket
import subprocess
import threading
import time

import pytest
import requests
from conftest import BINARY, environment, run, serving, write_rows


class Stream:
    """Reads a stream's events on a thread, each with the time of its arrival."""

    def __init__(self, url, **options):
        self.answer = requests.get(url + "/api/v1/stream", stream=True, timeout=20, **options)
        self.events = []
        self.changed = threading.Condition()
        self.closing = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        name = None
        try:
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    with self.changed:
                        self.events.append((time.monotonic(), name, json.loads(line.removeprefix("data: "))))
                        self.changed.notify_all()
        except (requests.exceptions.RequestException, AttributeError, ValueError):
            # A broken stream ends the events; closing one under the reader's hands shows as one of the others.
            if not self.closing:
                raise

    def wait(self, count, name=None, seconds=15):
        def chosen():
            return [event for event in self.events if name is None or event[1] == name]
        with self.changed:
            assert self.changed.wait_for(lambda: len(chosen()) >= count, seconds), f"{count} events {name} in {seconds} s: {self.events}"
            return chosen()

    def close(self):
        self.closing = True
        self.answer.close()


def test_stream_begins_at_once_and_pulses(server):
    begin = time.monotonic()
    stream = Stream(server.url)
    assert stream.answer.headers["Content-Type"] == "text/event-stream"
    at, name, data = stream.wait(1)[0]
    assert at - begin < 2 and name == "change" and data["version"] and data["freshness_ms"] is None
    assert stream.wait(2, "pulse")[-1][2]["behind_ms"] >= 0
    stream.close()


def test_commit_is_on_the_stream_within_a_second_and_changes_the_etag(server, warehouse):
    stream = Stream(server.url)
    stream.wait(1, "change")
    before = server.get("/api/v1/kpis?last=9999d")
    write_rows(warehouse.folder / "in" / "second.csv", 100_000, 60)
    seen = len(stream.wait(1, "change"))
    warehouse.count()
    ended = time.monotonic()
    at, _, data = stream.wait(seen + 1, "change")[-1]
    assert at - ended < 1
    after = server.get("/api/v1/kpis?last=9999d", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200 and after.headers["ETag"] != before.headers["ETag"]
    assert after.json()["current"]["clicks"] > before.json()["current"]["clicks"]
    stream.close()


def test_engine_in_the_same_process_tells_freshness_and_metrics(tmp_path):
    process = subprocess.Popen([BINARY, "demo", "--rows", "0", "--rate", "200", "--seconds", "20", "--http", "127.0.0.1:0"], env=environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = ""
        while "live page: " not in line:
            line = process.stderr.readline()
            assert line, "it ended without a page"
        url = line.split("live page: ")[1].strip().rstrip("/")
        stream = Stream(url)
        told = [data["freshness_ms"] for _, _, data in stream.wait(8, "change", 20) if data["freshness_ms"] is not None]
        assert told and all(0 <= ms < 5000 for ms in told), told
        metrics = requests.get(url + "/metrics", timeout=20).text
        assert "hirestream_new_rows_total" in metrics and "hirestream_freshness_seconds_bucket" in metrics
        assert requests.get(url + "/api/v1/meta", timeout=20).json()["product"] == "hirestream"
        stream.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_page_and_its_files_are_served(server):
    page = server.get("/")
    assert page.status_code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    if "not part of this build" not in page.text:
        script = server.get("/dashboard.js")
        assert script.headers["Content-Type"].startswith("text/javascript") and len(script.text) > 10_000
        plain = server.get("/dashboard.js", headers={"Accept-Encoding": "identity"})
        assert plain.text == script.text and "Content-Encoding" not in plain.headers and script.headers["Content-Encoding"] == "gzip"
        again = server.get("/dashboard.js", headers={"If-None-Match": script.headers["ETag"]})
        assert again.status_code == 304


def test_every_answer_has_the_security_headers(server):
    for path in ("/", "/api/v1/kpis", "/api/v1/kpis?last=x", "/nothing", "/metrics"):
        headers = server.get(path, headers={"Origin": "https://evil.example"}).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'; frame-ancestors 'none'"), path
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers


def test_other_host_names_are_refused_on_the_loopback(server):
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        assert server.get("/api/v1/kpis", headers={"Host": host}).status_code == 403
        assert server.get("/", headers={"Host": host}).status_code == 403
    assert server.get("/api/v1/kpis", headers={"Host": "localhost:1234"}).status_code == 200


def test_elsewhere_than_on_the_loopback_a_token_is_needed(warehouse):
    said = run("dashboard", "--warehouse", warehouse.uri, "--http", "0.0.0.0:0", expect=2)
    assert "HIRESTREAM_HTTP_TOKEN" in said
    with serving(warehouse.uri, "--http", "0.0.0.0:0", HIRESTREAM_HTTP_TOKEN="open-sesame-open") as server:
        assert server.get("/").status_code == 200
        for headers in ({}, {"Authorization": "Bearer open-sesame-ope"}, {"Authorization": "Basic open-sesame-open"}):
            for path in ("/api/v1/kpis", "/api/v1/stream", "/metrics", "/api/v1/health"):
                answer = server.get(path, headers=headers)
                assert answer.status_code == 401 and "open-sesame-open" not in answer.text
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert server.get("/api/v1/kpis", headers={"Authorization": "Bearer open-sesame-open"}).status_code == 200


def test_token_comes_from_a_file_too_and_is_never_an_option(warehouse, tmp_path):
    token = tmp_path / "token"
    token.write_text("token-from-a-file\n")
    with serving(warehouse.uri, "--http", "127.0.0.1:0", HIRESTREAM_HTTP_TOKEN_FILE=str(token)) as server:
        assert server.get("/api/v1/meta").status_code == 401
        assert server.get("/api/v1/meta", headers={"Authorization": "Bearer token-from-a-file"}).status_code == 200
    run("dashboard", "--warehouse", warehouse.uri, "--token", "x", expect=2)


@pytest.mark.parametrize("content", ["", "\n", "short\n", " token-with-a-space-before", "token-with-two-line-ends\n\n", "tökens-beyond-ascii-are-none"])
def test_token_that_is_none_is_an_error_of_settings(warehouse, tmp_path, content):
    token = tmp_path / "token"
    token.write_text(content)
    said = run("dashboard", "--warehouse", warehouse.uri, "--http", "127.0.0.1:0", expect=2, HIRESTREAM_HTTP_TOKEN_FILE=str(token))
    assert "read token" in said and "openssl rand" in said and (not content.strip() or content.strip() not in said)
    run("dashboard", "--warehouse", warehouse.uri, "--http", "127.0.0.1:0", expect=2, HIRESTREAM_HTTP_TOKEN=content)


def test_values_of_rejected_rows_are_shown_only_when_asked_for(warehouse, server):
    assert server.json("/api/v1/quality")["rejects"][0]["sample"]["value"] == "abc"
    with serving(warehouse.uri, "--http", "127.0.0.1:0") as silent:
        answer = silent.get("/api/v1/quality")
        assert answer.json()["rejects"][0]["kept"] > 0
        assert {group["sample"]["value"] for group in answer.json()["rejects"]} == {"(not shown: see --http-samples)"}
        assert "abc" not in answer.text


def test_wrong_token_is_answered_slowly_and_logged(warehouse):
    with serving(warehouse.uri, "--http", "127.0.0.1:0", HIRESTREAM_HTTP_TOKEN="open-sesame-open") as server:
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda i: server.get("/api/v1/kpis", headers={"Authorization": f"Bearer guess-{i}"}), range(20)))
        assert all(answer.status_code == 401 for answer in answers)
        assert 0.5 <= time.monotonic() - begin < 5
        assert server.get("/api/v1/kpis", headers={"Authorization": "Bearer open-sesame-open"}).status_code == 200
        server.stop()
        said = server.process.stderr.read()
    assert said.count("without the right token") == 1 and "127.0.0.1" in said and "guess-" not in said


def test_address_that_is_taken_may_be_free_later(warehouse, server):
    port = server.url.rsplit(":", 1)[1]
    said = run("dashboard", "--warehouse", warehouse.uri, "--http", f"127.0.0.1:{port}", expect=3)
    assert "in use" in said


def test_warehouse_that_is_not_there_is_said_at_the_start(tmp_path):
    said = run("dashboard", "--warehouse", f"sqlite:{tmp_path}/none.db", "--http", "127.0.0.1:0", expect=2)
    assert "none.db" in said
    run("dashboard", "--warehouse", "mysql://root@127.0.0.1:1/none", "--http", "127.0.0.1:0", expect=3)


def test_many_clients_get_the_same_answer(server):
    expected = server.json("/api/v1/quality")
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: server.json("/api/v1/quality"), range(200)))
    assert all(answer == expected for answer in answers)


def test_streams_are_limited_and_leave_room_for_questions(warehouse):
    with serving(warehouse.uri, "--http", "127.0.0.1:0") as server:
        streams = [Stream(server.url) for _ in range(32)]
        for stream in streams:
            stream.wait(1)
        beyond = server.get("/api/v1/stream")
        assert beyond.status_code == 503 and beyond.headers["Retry-After"]
        assert server.get("/api/v1/kpis").status_code == 200
        for stream in streams:
            stream.close()
        deadline = time.monotonic() + 15
        while True:  # the server sees at its next event that they have gone
            again = requests.get(server.url + "/api/v1/stream", stream=True, timeout=20)
            if again.status_code == 200 or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert again.status_code == 200
        again.close()


def test_long_requests_are_refused_and_the_server_lives_on(server):
    assert server.get("/api/v1/kpis?job=" + "1," * 6000 + "1").status_code == 414
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(b"\x00\xff garbage\r\n\r\n")
        raw.recv(1000)
    assert server.get("/api/v1/health").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_with_open_streams(warehouse, number):
    with serving(warehouse.uri, "--http", "127.0.0.1:0") as server:
        streams = [Stream(server.url) for _ in range(5)]
        for stream in streams:
            stream.wait(1)
        code, seconds = server.stop(number)
        assert code == 0 and seconds < 6
        for stream in streams:
            stream.thread.join(5)
            assert not stream.thread.is_alive(), "the stream did not end"
