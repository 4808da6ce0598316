"""A server's TLS side with a certificate of the test's choice: what comes in over TLS goes on to the real server.

With "mysql" the relay follows that protocol's way into TLS: greeting in plain text, the client's request, then TLS
(https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html), and goes on to the server over TLS, too.
"mysql without tls" takes the offer of TLS out of the greeting.
"""

import asyncio
import contextlib
import socket
import ssl
import threading

CLIENT_SSL = 0x0800


class TlsRelay:
    """Listens at `port` of 127.0.0.1 until close(). `client_ca`: clients must show a certificate that it signed."""

    def __init__(self, server, certificate, mode, client_ca=None):
        assert mode in ["tls", "mysql", "mysql without tls"]
        self.server = server
        self.mode = mode
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        if client_ca is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.encrypted = 0  # connections that went through a whole handshake
        self.plain = 0  # connections that went on without TLS
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.serving = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self._accept(),), daemon=True)
        self.thread.start()

    def show(self, certificate, client_ca=None):
        """From now on this certificate, and whom it trusts among clients; what is open is cut."""
        self.context.load_cert_chain(*certificate)
        if client_ca is not None:
            self.context.load_verify_locations(client_ca)
        self.cut()

    def cut(self):
        self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in self.serving])

    def close(self):
        with contextlib.suppress(RuntimeError):  # it is over already
            self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(self.loop)])
        self.thread.join(10)
        self.listener.close()

    async def _accept(self):
        try:
            while True:
                client, _ = await self.loop.sock_accept(self.listener)
                task = self.loop.create_task(self._serve(client))
                self.serving.add(task)
                task.add_done_callback(self.serving.discard)
        except asyncio.CancelledError:
            await asyncio.gather(*self.serving, return_exceptions=True)

    async def _serve(self, client):
        server = socket.socket()
        writers = []
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError), client, server:
            server.setblocking(False)
            await self.loop.sock_connect(server, self.server)
            client_tls, server_tls = self.context, None
            if self.mode != "tls":
                encrypted = await self._greet(client, server)
                client_tls, server_tls = (self.context, _anybody()) if encrypted else (None, None)
            client_side = await self._streams(client, client_tls, server_side=True)
            writers.append(client_side[1])
            server_side = await self._streams(server, server_tls, server_side=False)
            writers.append(server_side[1])
            self.encrypted += client_tls is not None
            self.plain += client_tls is None
            pumps = [self.loop.create_task(_pump(client_side[0], server_side[1])),
                     self.loop.create_task(_pump(server_side[0], client_side[1]))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
        for writer in writers:
            writer.close()

    async def _streams(self, side, context, server_side):
        if not server_side:
            return await asyncio.open_connection(sock=side, ssl=context, server_hostname="" if context else None)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self.loop.connect_accepted_socket(lambda: protocol, side, ssl=context)
        return reader, asyncio.StreamWriter(transport, protocol, reader, self.loop)

    async def _greet(self, client, server):
        """True: the client asked for TLS, and so did the relay on its behalf."""
        greeting = bytearray(await self._packet(server))
        if self.mode == "mysql without tls":
            capabilities = greeting.index(0, 5) + 1 + 4 + 8 + 1  # behind version, thread, first part of the nonce, filler
            greeting[capabilities + 1] &= 0xFF & ~(CLIENT_SSL >> 8)
        await self.loop.sock_sendall(client, bytes(greeting))
        answer = await self._packet(client)
        await self.loop.sock_sendall(server, answer)
        return bool(int.from_bytes(answer[4:6], "little") & CLIENT_SSL)

    async def _packet(self, source):
        head = await self._exactly(source, 4)
        return head + await self._exactly(source, int.from_bytes(head[:3], "little"))

    async def _exactly(self, source, size):
        data = b""
        while len(data) < size:
            piece = await self.loop.sock_recv(source, size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


def _anybody():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
