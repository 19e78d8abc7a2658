"""Helpers for the tests of nginx: the settings of the site, and raw HTTP requests."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from sandbox import Server
from traffic import get

FOLDERS = '[nginx]\nstatic = {"/static" = "static"}\nmedia = {"/media" = "up/loads"}\nmax_body = "1m"\n'
UPGRADE = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
"""The headers of a request for a WebSocket."""


def raw(server: Server, request: str, port: int = 80) -> bytes:
    """Send a request as it is, and return all bytes of the answer; b"" if the server closes the connection.

    A request may wait for a whole deploy.
    """
    with socket.create_connection((server.address, port), timeout=60) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def ask(server: Server, path: str, host: str = "x", more: str = "") -> bytes:
    return raw(server, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")


APP = """
import asyncio
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
app = FastAPI()

@app.get("/health")
def health(): return {}

@app.get("/api/client")
def client(request: Request):
    return {"host": request.client.host, "scheme": request.url.scheme, "login": request.headers.get("authorization")}

@app.get("/api/large")
def large(): return Response("ok", headers={"X-Large": "y" * 30000})

@app.get("/api/stream")
async def stream(kind: str):
    async def pieces():
        for number in range(4):
            yield f'{{"number": {number}}}\\n'
            await asyncio.sleep(0.4)
    return StreamingResponse(pieces(), media_type=kind)
"""
"""An app with an API only, for the tests of nginx's settings."""


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def exists(server: Server, path: str) -> bool:
    return server.run(f"[ -e {path} ] && echo yes || true").stdout == "yes\n"


@contextlib.contextmanager
def unharmed(url: str) -> Iterator[None]:
    """Fail if a request to `url` is lost while the block runs. Each has a connection of its own: a reload closes idle ones."""
    lost: list[str] = []
    count, stop = 0, threading.Event()

    def ask_again() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            try:
                answer = get(url, {"Connection": "close"})
                lost.extend([f"status {answer.status}"] if answer.status != 200 else [])
            except OSError as error:
                lost.append(str(error))
            time.sleep(0.02)

    thread = threading.Thread(target=ask_again)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert count > 20 and not lost, lost
