"""Fixtures of the tests of nginx: a server with an app that has static files and uploads."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import Lab, Project
from nginx_site import FOLDERS
from sandbox import Server
from tests.support.fixtures import target  # noqa: F401


def link_inside(app: Path) -> None:
    (app / "static" / "inside.css").symlink_to("style.css")


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    shared_project.commit(link_inside)
    shared_project.configure(FOLDERS)
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server whose app has no domain, a static folder and a folder of uploads."""
    made = lab.server("deployed")
    project.must("-H", made.name, "deploy")
    return made
