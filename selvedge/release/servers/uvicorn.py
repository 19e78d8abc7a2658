"""uvicorn, without gunicorn."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.servers.base import AppServer


def packages(_app: Target) -> tuple[str, ...]:
    """Return what the tutorials install: uvicorn with uvloop, httptools and WebSockets.

    An app that brings uvicorn itself keeps it as it is, and gets a WebSocket library if it has none.
    """
    return ("uvicorn[standard]", "websockets")


UVICORN = AppServer(
    "uvicorn",
    script="uvicorn/uvicorn_start.j2",
    modules=("selvedge_uvicorn.py", "selvedge_parent.py", "selvedge_process.py"),
    packages=packages,
    notifies=True,
)
