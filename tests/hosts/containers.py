"""Servers with Docker, and the image that the sample app's is built from: no registry is needed."""

from __future__ import annotations

from pathlib import Path

from drills import QUICK
from lab import Project
from sandbox import Server

# Python and the packages of the sample app, as the server has them.
BASE = """
set -eu
venv=$(readlink -f /srv/hello/current/.venv)
cd /
tar -c --mode=u=rwX,go=rX --exclude='usr/bin/docker*' --exclude='usr/bin/containerd*' \
  bin lib lib64 usr/bin usr/lib64 usr/lib/python3* \
  usr/lib/x86_64-linux-gnu etc/passwd etc/group etc/nsswitch.conf etc/ld.so.conf etc/ld.so.conf.d etc/ld.so.cache "${venv#/}" |
  docker import -c "ENV PATH=$venv/bin:/usr/bin:/bin" - base:1
"""
DOCKERFILE = """FROM base:1
WORKDIR /code
COPY . .
"""
DOCKER = {**QUICK, "manager": "docker"}


def dockerfile(more: str = "") -> object:
    """Return a change for Project.commit that adds a Dockerfile, with these lines at its end."""

    def change(app: Path) -> None:
        (app / "Dockerfile").write_text(DOCKERFILE + more)

    return change


def install(server: Server, project: Project, *packages: str) -> None:
    """Install Docker on a server on which the sample app is live, and make the base image, with more Python packages."""
    project.configure(**DOCKER)
    project.must("-H", server.name, "install")
    if packages:
        venv = "$(readlink -f /srv/hello/current/.venv)/bin/python"  # it has no pip
        server.run(f"python3 -m venv /root/pip && /root/pip/bin/pip --python {venv} install --quiet {' '.join(packages)}")
    server.run(BASE)
