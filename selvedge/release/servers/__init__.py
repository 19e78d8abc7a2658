"""The app servers: one file each, here and in selvedge/shell/lib/."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.servers.base import AppServer
from selvedge.release.servers.gunicorn import GUNICORN


def app_server(_app: Target) -> AppServer:
    """Return the app server that runs an app. So far there is one."""
    return GUNICORN
