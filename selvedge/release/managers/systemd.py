"""systemd."""

from __future__ import annotations

from selvedge.release.managers.base import Manager

SYSTEMD = Manager(
    "systemd",
    packages=(),
    service="",
    installed="/etc/logrotate.conf",
    templates=("systemd/unit.socket.j2", "systemd/unit.service.j2"),
    process_template="systemd/process.service.j2",
    app_listens=False,
)
