"""A server that speaks just enough of MySQL's protocol to ask a client for its password in plain text, or to break a handshake of TLS."""

import socket
import struct
import threading

CAPABILITIES = 0x0008A28D | 0x00080000  # protocol 4.1, plugin authentication, secure connection
TLS = 0x0800


def packet(number, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def greeting(capabilities):
    return (b"\x0a8.0.40\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", capabilities & 0xFFFF) + b"\xff\x02\x00"
            + struct.pack("<H", capabilities >> 16) + b"\x15" + b"\0" * 10 + b"123456789012\0" + b"mysql_native_password\0")


class FakeMysql(threading.Thread):
    """`heard` is all that clients have sent. Without a plugin it offers TLS and closes when the handshake begins."""

    def __init__(self, plugin=None):
        super().__init__(daemon=True)
        self.plugin, self.heard, self.asked = plugin, b"", 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                try:
                    self.talk(client)
                except OSError:
                    pass

    def talk(self, client):
        client.sendall(packet(0, greeting(CAPABILITIES if self.plugin else CAPABILITIES | TLS)))
        answer = client.recv(4096)
        self.heard += answer
        if not self.plugin:
            self.asked += 1
            return
        client.sendall(packet(answer[3] + 1, b"\xfe" + self.plugin + b"\0"))
        self.asked += 1
        while part := client.recv(4096):
            self.heard += part

    def close(self):
        self.listener.close()
