"""What comes from outside cannot stop the server: each attack on a server of its own, with a bound on memory and time."""

import contextlib
import os
import re
import resource
import socket
import struct
import threading
import time

import pytest
from conftest import run, serving, sqlite_warehouse, write_rows

HOST = b"Host: localhost\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
TAIL = GET + b"\r\n"
MEMORY_MAX_MB = 24  # by how much the process may grow
ANSWER_MAX_S = 1  # in which everybody else is answered meanwhile


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "in").mkdir()
    write_rows(folder / "in" / "first.csv", 0, 3000)
    made = sqlite_warehouse(folder)
    run("run", "--once", "--source", f"csv:{folder / 'in'}", "--warehouse", made.uri)
    return made


class Target:
    def __init__(self, server):
        self.server = server
        self.port = int(server.url.rsplit(":", 1)[1])
        self.ask(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        self.ask(b"GET /api/v1/cells?last=9999d HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        self.memory = self.resident_mb()

    def connect(self, seconds=5, receive=None):
        raw = socket.socket()
        raw.settimeout(seconds)
        if receive:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        raw.connect(("127.0.0.1", self.port))
        return raw

    def resident_mb(self):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def processor_s(self):
        with open(f"/proc/{self.server.process.pid}/stat", encoding="ascii") as stat:
            parts = stat.read().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / 100

    def ask(self, request, seconds=5):
        """The statuses of all answers, and the bytes."""
        with contextlib.closing(self.connect(seconds)) as raw:
            with contextlib.suppress(ConnectionError):
                raw.sendall(request)
            return answers(raw)

    def check(self):
        """Others are answered, the process lives and has not grown."""
        for path in ("/livez", "/", "/api/v1/health", "/api/v1/kpis?last=9999d"):
            begin = time.monotonic()
            statuses, _ = self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            assert statuses == [200], f"{path}: {statuses}"
            assert time.monotonic() - begin < ANSWER_MAX_S, path
        grown = self.resident_mb() - self.memory
        assert grown < MEMORY_MAX_MB, f"the process grew by {grown:.0f} MB"


def rest(raw):
    """Everything until the end, and whether it ended."""
    got = b""
    while True:
        try:
            part = raw.recv(65536)
        except TimeoutError:
            return got, False
        except ConnectionError:
            return got, True
        if not part:
            return got, True
        got += part


def answers(raw):
    got, _ = rest(raw)
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d+) ", got)], got


@pytest.fixture
def target(counts):
    with serving(counts.uri, "--http", "127.0.0.1:0") as server:
        yield Target(server)
        assert server.process.poll() is None, "the server has ended"


def send_until_cut(raw, part, bytes_max):
    sent = 0
    with contextlib.suppress(OSError):
        while sent < bytes_max:
            raw.sendall(part)
            sent += len(part)
    return sent


@pytest.mark.parametrize("head", [b"", b"GET /", GET + b"X: "], ids=["nothing", "target", "field"])
def test_line_without_end_is_cut(target, head):
    with contextlib.closing(target.connect()) as raw:
        raw.sendall(head)
        sent = send_until_cut(raw, b"a" * 65536, 64 << 20)
        assert sent < 16 << 20, f"took {sent >> 20} MB"
        target.check()


def test_fields_without_end_are_cut(target):
    with contextlib.closing(target.connect()) as raw:
        raw.sendall(GET)
        part = b"".join(b"X-%d: " % i + b"b" * 1000 + b"\r\n" for i in range(50))
        assert send_until_cut(raw, part, 64 << 20) < 16 << 20
        target.check()


def test_fifty_thousand_fields_are_refused(target):
    statuses, _ = target.ask(GET + b"".join(b"X-%d: y\r\n" % i for i in range(50_000)) + b"\r\n")
    assert statuses in ([431], []), statuses
    target.check()


@pytest.mark.parametrize("request_head, status", [
    (GET + b"A: b\r\n" * 63 + b"Connection: close\r\n\r\n", 431),
    (GET + b"A: b\r\n" * 62 + b"Connection: close\r\n\r\n", 200),
    (b"GET /livez?" + b"a" * 8000 + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 200),
    (b"GET /livez?" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (b"GET /livez?" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    (GET + b"A: " + b"b" * 16_000 + b"\r\nConnection: close\r\n\r\n", 200),
    (b"GET /livez?" + b"a" * 8000 + b" HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 9000 + b"\r\n\r\n", 431),
], ids=["65 fields", "64 fields", "target", "long target", "very long target", "field of 16 KB", "both"])
def test_heads_have_a_size(target, request_head, status):
    assert target.ask(request_head)[0] == [status]


@pytest.mark.parametrize("value, count, end", [(b"y", 100, b": y\r\n\r\n"), (b"y" * 400, 60, b"")], ids=["fields", "bytes"])
def test_heads_that_drip_are_measured_too(target, value, count, end):
    with contextlib.closing(target.connect()) as raw:
        raw.sendall(GET + b"X")
        with contextlib.suppress(ConnectionError):
            for i in range(count):  # each part ends within the next field's name
                raw.sendall(b"-%d: %s\r\nX" % (i, value))
                time.sleep(0.002)
            raw.sendall(end)
        assert answers(raw)[0] == [431]


@pytest.mark.parametrize("value", [b"0-," * 99 + b"0-", b"0-0", b"-1", b"9-1"])
def test_ranges_are_ignored(target, value):
    for path in (b"/", b"/dashboard.js", b"/api/v1/kpis?last=9999d"):
        plain = target.ask(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        ranged = target.ask(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\nRange: bytes=" + value + b"\r\n\r\n")
        assert ranged[0] == plain[0] and b"content-range" not in ranged[1].lower()
        assert len(ranged[1]) == len(plain[1]), path
    target.check()


@pytest.mark.parametrize("name, request_head, statuses", [
    ("body", b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(TAIL) + TAIL, [400]),
    ("chunked body", b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + TAIL, [400]),
    ("length and chunks", b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + TAIL, [400]),
    ("two lengths", b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + TAIL, [400]),
    ("length with a sign", b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: +0\r\n\r\n" + TAIL, [400]),
    ("space before the colon", b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n" + TAIL, [400]),
    ("unknown coding", b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + TAIL, [400]),
    ("coding after a tab", b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\tchunked\r\n\r\n" + TAIL, [400]),
    ("lines without CR", b"GET / HTTP/1.1\nHost: localhost\n\n" + TAIL, [400]),
    ("field without CR", GET + b"A: b\nContent-Length: 5\r\n\r\n" + TAIL, [400]),
    ("continued line", GET + b"A: b\r\n Content-Length: 40\r\n\r\n" + TAIL, [400]),
    ("continued request line", b"GET /livez HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n" + TAIL, [400]),
    ("two hosts", GET + HOST + b"\r\n" + TAIL, [400]),
    ("two other hosts", GET + b"Host: evil.example\r\n\r\n" + TAIL, [400]),
    ("no host", b"GET /livez HTTP/1.1\r\n\r\n" + TAIL, [400]),
    ("absolute form", b"GET http://localhost/livez HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [400]),
    ("foreign host", b"GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", [403]),
    ("HTTP/1.0", b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n" + TAIL, [200]),
    ("HTTP/1.2", b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n" + TAIL, [400]),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + TAIL, []),
    ("TLS", bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 200, [400]),
    ("NUL in a field", GET + b"A: b\0c\r\n\r\n" + TAIL, [400]),
    ("NUL in the target", b"GET /li\0vez HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [400]),
    ("encoded NUL", b"GET /livez%00 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", [400]),
    ("half an encoding", b"GET /livez?a=%4 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", [400]),
    ("space in the target", b"GET /li vez HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [400]),
    ("two spaces", b"GET  /livez HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [400]),
    ("no colon", GET + b"abc\r\n\r\n" + TAIL, [400]),
    ("field without a name", GET + b": x\r\n\r\n" + TAIL, [400]),
    ("POST with a request as its body", b"POST /livez HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(TAIL) + TAIL, [405]),
    ("POST without a length", b"POST /livez HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [405]),
    ("CONNECT", b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [405]),
    ("TRACE", b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL, [405]),
    ("upgrade", GET + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n", [200]),
])
def test_request_is_answered_once_or_refused(target, name, request_head, statuses):
    got, text = target.ask(request_head, seconds=3)
    assert got == statuses, f"{name}: {text[:300]}"


def test_expecting_client_is_not_asked_for_its_body(target):
    got, _ = target.ask(GET + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n")
    assert got == [400]


def test_pipelined_requests_are_answered_in_order(target):
    count = 1000
    request = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\nGET /nothing HTTP/1.1\r\n" + HOST + b"\r\n"
    with contextlib.closing(target.connect(20)) as raw:
        sender = threading.Thread(target=lambda: raw.sendall(request * count + GET + b"Connection: close\r\n\r\n"))
        sender.start()
        statuses, _ = answers(raw)
        sender.join()
    assert statuses == [200, 404] * count + [200]
    target.check()


def test_slow_heads_shut_nobody_out(target):
    slow = []
    for _ in range(300):
        raw = target.connect()
        raw.sendall(GET)
        slow.append(raw)
    target.check()
    assert target.files() < 350
    used = target.processor_s()
    begin = time.monotonic()
    last = slow[-1]
    last.settimeout(0.5)
    got = b""
    while not got and time.monotonic() - begin < 15:
        with contextlib.suppress(TimeoutError):
            last.sendall(b"X: y\r\n")
            got = last.recv(1000)
    assert got.startswith(b"HTTP/1.1 408") and 8 < time.monotonic() - begin < 12
    assert target.processor_s() - used < 1
    target.check()
    for raw in slow:
        raw.close()


def test_connection_storm_is_survived(target):
    begin, used = time.monotonic(), target.processor_s()
    for i in range(5000):
        raw = target.connect()
        if i % 2:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        if i % 1000 == 500:
            target.check()
    assert time.monotonic() - begin < 20
    assert target.processor_s() - used < 5
    target.check()


def test_readers_that_do_not_read_are_cut(target):
    """Their answers fit into no socket's buffers, so they stay in memory until then."""
    stalled = []
    for _ in range(40):
        raw = target.connect(30, receive=4096)
        raw.sendall(b"GET /api/v1/cells?last=9999d&limit=10000 HTTP/1.1\r\n" + HOST + b"\r\n")
        stalled.append(raw)
    time.sleep(1)
    target.check()
    time.sleep(13)
    target.check()
    assert target.files() < 60
    for raw in stalled:
        raw.close()


def test_streams_that_nobody_reads_hold_neither_memory_nor_others(target):
    streams = []
    for _ in range(32):
        raw = target.connect(receive=4096)
        raw.sendall(b"GET /api/v1/stream HTTP/1.1\r\n" + HOST + b"\r\n")
        streams.append(raw)
    with open(f"/proc/{target.server.process.pid}/status", encoding="ascii") as status:
        threads = next(int(line.split()[1]) for line in status if line.startswith("Threads"))
    assert threads < 20, "streams have threads of their own"
    time.sleep(2)
    target.check()
    for raw in streams:
        raw.close()


def test_no_file_is_left_for_anybody_else(counts):
    with serving(counts.uri, "--http", "127.0.0.1:0", before=lambda: limit_files(64)) as server:
        target = Target(server)
        used = target.processor_s()
        held = [target.connect() for _ in range(100)]
        time.sleep(1)
        target.check()
        assert target.files() < 64
        assert target.processor_s() - used < 1
        for raw in held:
            raw.close()
        target.check()


def limit_files(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def test_ends_within_five_seconds_whatever_clients_do(counts):
    with serving(counts.uri, "--http", "127.0.0.1:0") as server:
        target = Target(server)
        held = []
        for request in (b"", GET, b"GET /api/v1/stream HTTP/1.1\r\n" + HOST + b"\r\n",
                        b"GET /api/v1/cells?last=9999d&limit=10000 HTTP/1.1\r\n" + HOST + b"\r\n"):
            for _ in range(15):
                raw = target.connect(receive=4096)
                raw.sendall(request)
                held.append(raw)
        dripping = target.connect()
        dripping.sendall(GET)
        ending = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while not ending.wait(0.05):
                    dripping.sendall(b"X: y\r\n")
        dripper = threading.Thread(target=drip)
        dripper.start()
        time.sleep(0.5)
        try:
            code, seconds = server.stop()
        finally:
            ending.set()
            dripper.join()
        assert code == 0 and seconds < 5
