"""gunicorn."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.servers.base import AppServer


def packages(app: Target) -> tuple[str, ...]:
    """Return gunicorn, and for uvicorn's worker what the tutorials install: uvicorn with uvloop, httptools and WebSockets.

    An app that brings uvicorn itself keeps it as it is, and gets a WebSocket library if it has none.
    """
    if not app.worker_class.startswith("uvicorn_worker."):
        return ("gunicorn",)
    return ("gunicorn", "uvicorn[standard]", "uvicorn-worker", "websockets")


GUNICORN = AppServer(
    "gunicorn",
    script="gunicorn/gunicorn_start.j2",
    modules=("gunicorn/selvedge_worker.py.j2",),
    packages=packages,
    notifies=True,
)
