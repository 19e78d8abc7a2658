"""Fixtures of the tests of releases. The tests of a class share a server and a project."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drills import QUICK, configure
from lab import Lab, Project
from sandbox import Server


@pytest.fixture(scope="class")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


@pytest.fixture(scope="class")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return one project for the tests of a class, with short waits."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.configure(**QUICK)
    return project


@pytest.fixture
def branch(project: Project) -> Iterator[str]:
    """Check out a branch for one test, and delete its commits afterwards."""
    project.git("checkout", "--quiet", "-B", "drill", "main")
    configure(project)
    yield "drill"
    project.git("checkout", "--quiet", "--force", "main")
    project.configure(**QUICK)
