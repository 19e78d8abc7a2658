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
