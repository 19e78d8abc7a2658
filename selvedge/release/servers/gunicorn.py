"""gunicorn."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.servers.base import AppServer


def packages(app: Target) -> tuple[str, ...]:
    """Return gunicorn, and the package of uvicorn's worker unless the app has a worker class of its own."""
    return ("gunicorn", "uvicorn-worker") if app.worker_class.startswith("uvicorn_worker.") else ("gunicorn",)


GUNICORN = AppServer(
    "gunicorn",
    script="gunicorn/gunicorn_start.j2",
    modules=("gunicorn/selvedge_worker.py.j2",),
    packages=packages,
    notifies=True,
)
