"""Fixtures of the tests of [services]."""

from __future__ import annotations

import pytest

from lab import Lab, Project
from sandbox import Server
from services_app import become


@pytest.fixture(scope="class")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return one project for the tests of a class."""
    project = Project(tmp_path_factory.mktemp("project"))
    become(project)
    return project


@pytest.fixture(scope="class")
def server(lab: Lab, request: pytest.FixtureRequest) -> Server:
    return lab.server("setup", getattr(request, "param", "bookworm"))
