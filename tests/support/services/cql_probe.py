#!/usr/bin/env python3
"""Asks a CQL port whether it serves: exit 0 ready, 1 nothing there (yet), 3 it answers but not as wanted (the reason is printed).

usage: cql_probe.py ADDRESS PORT [USER PASSWORD]

Speaks the native protocol, version 4, by hand (OPTIONS, STARTUP, AUTH_RESPONSE), so that no driver is needed.
Format: https://cassandra.apache.org/doc/latest/cassandra/reference/native-protocol.html
"""
import socket
import struct
import sys

STARTUP, READY, AUTHENTICATE, SUPPORTED, AUTH_RESPONSE, AUTH_SUCCESS = 0x01, 0x02, 0x03, 0x06, 0x0F, 0x10
OPTIONS = 0x05


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("connection closed")
        data += part
    return data


def ask(connection, opcode, body=b""):
    connection.sendall(struct.pack(">BBhBI", 4, 0, 0, opcode, len(body)) + body)
    header = receive(connection, 9)
    return header[4], receive(connection, struct.unpack(">I", header[5:])[0])


def probe(address, port, user, password):
    with socket.create_connection((address, port), 2) as connection:
        connection.settimeout(5)
        if ask(connection, OPTIONS)[0] != SUPPORTED:
            return 3, "something that is not Cassandra answers"
        key, value = b"CQL_VERSION", b"3.0.0"
        body = struct.pack(">HH", 1, len(key)) + key + struct.pack(">H", len(value)) + value
        opcode, _ = ask(connection, STARTUP, body)
        if opcode == READY:
            return (0, "") if user is None else (3, "it lets everybody in, but a login was expected")
        if opcode != AUTHENTICATE:
            return 3, f"it refuses to start a session (opcode {opcode})"
        if user is None:
            return 3, "it asks for a login, but none was expected"
        token = b"\0" + user.encode() + b"\0" + password.encode()
        opcode, _ = ask(connection, AUTH_RESPONSE, struct.pack(">i", len(token)) + token)
        return (0, "") if opcode == AUTH_SUCCESS else (3, f"it refuses the login of {user}")


def main():
    user, password = (sys.argv[3], sys.argv[4]) if len(sys.argv) > 4 else (None, None)
    try:
        code, reason = probe(sys.argv[1], int(sys.argv[2]), user, password)
    except OSError as error:
        # A server of another protocol may just close or stay silent.
        code, reason = 1, str(error)
    if reason:
        print(reason)
    sys.exit(code)


if __name__ == "__main__":
    main()
