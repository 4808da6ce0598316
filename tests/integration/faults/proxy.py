"""TCP proxies that stand before real servers, know what passes and can spoil it.

All proxies of a Network live in one thread with one event loop, so that what is known of Cassandra's and of MySQL's connections
is known of the same moment. A hook is told where the engine is (`Network.hook`, a coroutine that is awaited on the spot: as long
as it does not return, the bytes in question do not move) and may raise Cut.

    request    a read went to Cassandra                     commit         COMMIT has come from the engine, the server has not got it
    rows       rows were delivered to the engine            commit_sent    the server has got COMMIT
    statement  a statement inside a transaction was         answer         the server's answer to COMMIT is there, not delivered
               delivered to MySQL                           committed      it was delivered
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time

READING, COUNTING, IN_TRANSACTION = "reading", "counting", "in the transaction, before COMMIT"
COMMIT_SENT, AFTER_COMMIT, WAITING = "COMMIT sent, not answered", "just after COMMIT", "waiting for rows"
PHASES = [READING, COUNTING, IN_TRANSACTION, COMMIT_SENT, AFTER_COMMIT, WAITING]

COUNTING_S = 0.020  # rows were delivered this short ago, nothing was asked or written since
AFTER_COMMIT_S = 0.005


class Cut(Exception):
    """Raised by a hook: the connection is to break here (RST on both sides), the bytes in question are lost."""


class MysqlWatch:
    """One MySQL connection, text protocol without TLS: https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html

    A packet is 3 bytes of length, 1 of sequence number, payload; a client's packet with number 0 is a command, 3 = COM_QUERY.
    """

    def __init__(self):
        self.buffer = b""
        self.skip = 0
        self.in_transaction = False
        self.commit_sent = False
        self.committed_at = 0.0

    def from_client(self, data):
        """The points to report, before the bytes are forwarded."""
        self.buffer += data
        points = []
        while True:
            if self.skip:
                taken = min(self.skip, len(self.buffer))
                self.buffer, self.skip = self.buffer[taken:], self.skip - taken
            if self.skip or len(self.buffer) < 4:
                return points
            length, number = int.from_bytes(self.buffer[:3], "little"), self.buffer[3]
            seen = self.buffer[4:4 + min(length, 64)]
            if len(seen) < min(length, 64):
                return points
            self.buffer, self.skip = self.buffer[4:], length
            if number == 0 and seen[:1] == b"\x03":
                points += self.command(seen[1:].decode("utf-8", "replace").upper())

    def command(self, text):
        if text.startswith("START TRANSACTION"):
            self.in_transaction = "READ ONLY" not in text
        elif text.startswith("ROLLBACK"):
            self.in_transaction = False
        elif text.startswith("COMMIT") and self.in_transaction:
            return ["commit"]
        return ["statement"] if self.in_transaction else []

    def from_server(self, _):
        return ["answer"] if self.commit_sent else []

    def forwarding(self, point):
        self.commit_sent = self.commit_sent or point == "commit"

    def forwarded(self, point):
        if point == "commit":
            return ["commit_sent"]
        if point == "answer":
            self.commit_sent = self.in_transaction = False
            self.committed_at = time.monotonic()
            return ["committed"]
        return [point]


class CassandraWatch:
    """One CQL connection, protocol version 4: https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec

    A frame is version, flags, stream (2 bytes), opcode, length (4), body; an answer has its request's stream.
    """

    READS = (0x07, 0x0A)  # QUERY, EXECUTE
    RESULT, EMPTY_RESULT = 0x08, 256  # bytes: a result without rows is smaller

    def __init__(self):
        self.buffers = {"client": b"", "server": b""}
        self.skip = {"client": 0, "server": 0}
        self.outstanding = set()
        self.rows_at = 0.0

    def frames(self, side, data):
        self.buffers[side] += data
        while True:
            taken = min(self.skip[side], len(self.buffers[side]))
            self.buffers[side], self.skip[side] = self.buffers[side][taken:], self.skip[side] - taken
            if self.skip[side] or len(self.buffers[side]) < 9:
                return
            _, _, stream, opcode, length = struct.unpack(">BBhBI", self.buffers[side][:9])
            self.buffers[side], self.skip[side] = self.buffers[side][9:], length
            yield stream, opcode, length

    def from_client(self, data):
        asked = {stream for stream, opcode, _ in self.frames("client", data) if opcode in self.READS}
        self.outstanding |= asked
        return ["request"] if asked else []

    def from_server(self, data):
        points = []
        for stream, opcode, length in self.frames("server", data):
            if stream in self.outstanding:
                self.outstanding.discard(stream)
                if opcode == self.RESULT and length > self.EMPTY_RESULT:
                    points = ["rows"]
        return points

    def forwarding(self, point):
        pass

    def forwarded(self, point):
        if point == "rows":
            self.rows_at = time.monotonic()
        return [point]


class Link:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, client, watch):
        self.client, self.server, self.watch = client, None, watch
        self.task = None
        self.answers = asyncio.Event()  # cleared: nothing is delivered to the client
        self.answers.set()
        self.keep_server = False  # whoever sets it closes the server's side

    def reset(self):
        """RST to both: what was not delivered yet is lost."""
        for side in (self.client, None if self.keep_server else self.server):
            if side is not None:
                with contextlib.suppress(OSError):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.task is not None:
            self.task.cancel()

    def close(self):
        for side in (self.client, None if self.keep_server else self.server):
            if side is not None:
                side.close()


class Proxy:
    def __init__(self, network, server, watch):
        self.network, self.server, self.watch = network, server, watch
        self.links = set()
        self.delay_s = 0.0
        self.trickle = 0  # bytes a piece, one each 2 ms; 0: as they come
        self.passing = asyncio.Event()
        self.passing.set()
        self.listener = self.acceptor = None
        self.address = ("127.0.0.1", 0)
        self.connections = 0

    # --- faults; from any thread

    def cut(self):
        self.network.call(self._cut())

    def refuse(self):
        """New connections are refused; those that are open break."""
        self.network.call(self._refuse())

    def blackhole(self):
        """Nothing passes any more, and nobody is told."""
        self.network.call(self._set(passing=False))

    def spoil(self, delay_s=0.0, trickle=0):
        self.network.call(self._set(delay_s=delay_s, trickle=trickle))

    def heal(self):
        self.network.call(self._heal())

    async def _cut(self):
        for link in list(self.links):
            link.reset()

    async def _refuse(self):
        self._stop_listening()
        await self._cut()

    async def _set(self, passing=True, delay_s=0.0, trickle=0):
        self.delay_s, self.trickle = delay_s, trickle
        (self.passing.set if passing else self.passing.clear)()

    async def _heal(self):
        await self._set()
        if self.listener is None:
            await self.listen()

    # --- passing bytes on

    async def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.address = self.listener.getsockname()
        self.acceptor = asyncio.create_task(self._accept(self.listener))

    def _stop_listening(self):
        if self.listener is not None:
            self.acceptor.cancel()
            self.listener.close()
            self.listener = None

    async def _accept(self, listener):
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            self.connections += 1
            link = Link(client, self.watch())
            self.links.add(link)
            link.task = asyncio.create_task(self._serve(link))

    async def _serve(self, link):
        loop = asyncio.get_running_loop()
        pumps = []
        try:
            link.server = socket.socket()
            for side in (link.client, link.server):
                side.setblocking(False)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self.passing.wait()
            await loop.sock_connect(link.server, self.server)
            pumps = [asyncio.create_task(self._pump(link, link.client, link.server, link.watch.from_client)),
                     asyncio.create_task(self._pump(link, link.server, link.client, link.watch.from_server))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            link.reset()  # the server is away: as if it had refused
        except asyncio.CancelledError:
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            link.close()
            self.links.discard(link)

    async def _pump(self, link, source, target, watch):
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(source, 1 << 18):
                await self.passing.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                points = watch(data)
                for point in points:
                    if point in ("commit", "answer"):
                        await self.network.reach(point, link, data)
                        link.watch.forwarding(point)
                if target is link.client:
                    await link.answers.wait()
                for piece in self._pieces(data):
                    await loop.sock_sendall(target, piece)
                    if self.trickle:
                        await asyncio.sleep(0.002)
                for point in points:
                    for reached in link.watch.forwarded(point):
                        await self.network.reach(reached, link, data)
        except (OSError, Cut):
            link.reset()

    def _pieces(self, data):
        size = self.trickle or len(data)
        return [data[start:start + size] for start in range(0, len(data), size)]


class Network(threading.Thread):
    """Runs the proxies. Cassandra's and MySQL's addresses for the engine are `cassandra.address` and `mysql.address`."""

    def __init__(self, cassandra, mysql):
        super().__init__(daemon=True, name="network")
        self.loop = asyncio.new_event_loop()
        self.hook = None
        self.failures = []  # of hooks: mistakes of the test, never of the engine
        self.start()
        self.call(self._open(cassandra, mysql))

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _open(self, cassandra, mysql):
        self.cassandra = Proxy(self, cassandra, CassandraWatch)
        self.mysql = Proxy(self, mysql, MysqlWatch)
        await self.cassandra.listen()
        await self.mysql.listen()

    def call(self, coroutine, timeout_s=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    def close(self):
        for proxy in (self.cassandra, self.mysql):
            proxy.refuse()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(10)

    async def reach(self, point, link, data):
        if self.hook is None:
            return
        try:
            await self.hook(point, link, data)
        except (Cut, asyncio.CancelledError):
            raise
        except Exception as error:
            self.failures.append(f"{point}: {error!r}")
            raise Cut from error

    def phase(self):
        """Where the engine is, by what passed. Call it in the network's thread."""
        now = time.monotonic()
        mysql = [link.watch for link in self.mysql.links]
        cassandra = [link.watch for link in self.cassandra.links]
        if any(watch.commit_sent for watch in mysql):
            return COMMIT_SENT
        if any(watch.in_transaction for watch in mysql):
            return IN_TRANSACTION
        if any(now - watch.committed_at < AFTER_COMMIT_S for watch in mysql):
            return AFTER_COMMIT
        if any(watch.outstanding for watch in cassandra):
            return READING
        committed_at = max((watch.committed_at for watch in mysql), default=0.0)
        rows_at = max((watch.rows_at for watch in cassandra), default=0.0)
        return COUNTING if rows_at > committed_at and now - rows_at < COUNTING_S else WAITING
