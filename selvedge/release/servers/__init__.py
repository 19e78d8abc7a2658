"""The app servers: one file each, here and in selvedge/shell/lib/."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.servers.base import AppServer
from selvedge.release.servers.gunicorn import GUNICORN
from selvedge.release.servers.hypercorn import HYPERCORN
from selvedge.release.servers.uvicorn import UVICORN

SERVERS = {server.name: server for server in (GUNICORN, UVICORN, HYPERCORN)}


def app_server(app: Target) -> AppServer:
    """Return the app server that runs an app (app.server)."""
    return SERVERS[app.server]
