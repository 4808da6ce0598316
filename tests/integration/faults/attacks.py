"""Clients that mean harm, all kinds of them at once, against one HTTP server; and what everybody else sees meanwhile."""

import contextlib
import random
import socket
import struct
import threading
import time

HOST = b"Host: localhost\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST


def connect(port, receive=None):
    raw = socket.socket()
    raw.settimeout(5)
    if receive:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    raw.connect(("127.0.0.1", port))
    return raw


def slow_heads(port, ending, _):
    """A hundred connections that send a field now and then, opened again when they are closed."""
    held = []
    while not ending.wait(0.2):
        while len(held) < 100:
            raw = connect(port)
            raw.sendall(GET)
            held.append(raw)
        for raw in list(held):
            try:
                raw.sendall(b"X: y\r\n")
            except OSError:
                raw.close()
                held.remove(raw)
    for raw in held:
        raw.close()


def storm(port, ending, _):
    while not ending.wait(0.001):
        raw = connect(port)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()


def endless_lines(port, ending, _):
    while not ending.is_set():
        raw = connect(port)
        with contextlib.suppress(OSError):
            while not ending.is_set():
                raw.sendall(b"a" * 65536)
        raw.close()
        ending.wait(0.05)


def stalled_readers(port, ending, _):
    held = []
    requests = (b"GET /dashboard.js HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /api/v1/stream HTTP/1.1\r\n" + HOST + b"\r\n",
                b"GET /api/v1/cells?last=9999d&limit=10000 HTTP/1.1\r\n" + HOST + b"\r\n")
    while not ending.wait(0.1):
        if len(held) > 60:
            held.pop(0).close()
        raw = connect(port, receive=4096)
        raw.sendall(requests[len(held) % len(requests)])
        held.append(raw)
    for raw in held:
        raw.close()


def askers(port, ending, _):
    """Questions that nobody waits for."""
    while not ending.wait(0.02):
        raw = connect(port)
        raw.sendall(b"GET /api/v1/quality HTTP/1.1\r\n" + HOST + b"\r\n")
        raw.close()


def garbage(port, ending, seed):
    choose = random.Random(seed)
    head = b"GET /api/v1/kpis?last=24h HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nRange: bytes=0-,0-\r\nContent-Length: 0\r\n\r\n"
    while not ending.wait(0.005):
        spoiled = bytearray(head * choose.randint(1, 3))
        for _ in range(choose.randint(1, 6)):
            spoiled[choose.randrange(len(spoiled))] = choose.choice(b"\r\n :\0\tG/\xff,;=0")
        raw = connect(port)
        raw.sendall(spoiled)
        raw.close()


KINDS = (slow_heads, storm, endless_lines, stalled_readers, askers, garbage)


class Attack:
    """All kinds at once, from entering to leaving."""

    def __init__(self, port, seed):
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(kind, port, seed), daemon=True) for kind in KINDS]
        self.rounds = 0  # how often one of them had to begin again

    def run(self, kind, port, seed):
        while not self.ending.is_set():
            with contextlib.suppress(OSError):
                kind(port, self.ending, seed)
            self.rounds += 1
            self.ending.wait(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(20)


def probe(port, path="/livez"):
    """Status and how long it took; status 0: no answer."""
    begin = time.monotonic()
    try:
        with contextlib.closing(connect(port)) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            line = raw.recv(15)
        return int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0, time.monotonic() - begin
    except (OSError, IndexError, ValueError):
        return 0, time.monotonic() - begin


def free_port():
    with contextlib.closing(socket.socket()) as raw:
        raw.bind(("127.0.0.1", 0))
        return raw.getsockname()[1]
