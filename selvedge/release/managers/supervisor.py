"""supervisor."""

from __future__ import annotations

from selvedge.release.managers.base import Manager

SUPERVISOR = Manager(
    "supervisor",
    packages=("supervisor",),
    service="supervisor",
    installed="/etc/supervisor/supervisord.conf",
    templates=("supervisor/program.conf.j2",),
    process_template="supervisor/process.conf.j2",
    app_listens=True,
)
