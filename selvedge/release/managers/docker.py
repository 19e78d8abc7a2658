"""Docker."""

from __future__ import annotations

from selvedge.release.managers.base import Manager

DOCKER = Manager(
    "docker",
    packages=("busybox-static",),
    service="docker",
    installed="/usr/bin/docker",
    templates=("docker/container.j2",),
    process_template="",
    app_listens=True,
    contains=True,
)
