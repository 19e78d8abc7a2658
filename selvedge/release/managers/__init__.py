"""The process managers: one file each, here and in selvedge/shell/lib/."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.release.managers.base import Manager
from selvedge.release.managers.docker import DOCKER
from selvedge.release.managers.supervisor import SUPERVISOR
from selvedge.release.managers.systemd import SYSTEMD

MANAGERS = {manager.name: manager for manager in (SUPERVISOR, SYSTEMD, DOCKER)}


def process_manager(app: Target) -> Manager:
    """Return the process manager of hosts.toml."""
    return MANAGERS[app.manager]
