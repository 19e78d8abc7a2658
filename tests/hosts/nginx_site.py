"""Helpers for the tests of nginx: the settings of the site, and raw HTTP requests."""

from __future__ import annotations

import contextlib
import socket

from sandbox import Server

FOLDERS = '[nginx]\nstatic = {"/static" = "static"}\nmedia = {"/media" = "up/loads"}\nmax_body = "1m"\n'


def raw(server: Server, request: str, port: int = 80) -> bytes:
    """Send a request as it is, and return all bytes of the answer; b"" if the server closes the connection."""
    with socket.create_connection((server.address, port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def ask(server: Server, path: str, host: str = "x", more: str = "") -> bytes:
    return raw(server, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def exists(server: Server, path: str) -> bool:
    return server.run(f"[ -e {path} ] && echo yes || true").stdout == "yes\n"
