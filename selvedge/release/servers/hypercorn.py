"""Hypercorn."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.servers.base import AppServer


def packages(_app: Target) -> tuple[str, ...]:
    """Return Hypercorn, which brings its WebSockets, and the event loop that uvicorn[standard] brings for uvicorn."""
    return ("hypercorn", "uvloop")


HYPERCORN = AppServer(
    "hypercorn",
    script="hypercorn/hypercorn_start.j2",
    modules=("selvedge_hypercorn.py", "selvedge_parent.py", "selvedge_process.py"),
    packages=packages,
    notifies=True,
)
