"""`fab setup deploy` from a bare server to an app that answers, and what a second run, a new commit and a reboot do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lab import ROOT, Lab, Project
from observe import count_execs, differences, snapshot_of_filesystem
from sandbox import Server
from traffic import get
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    """One project for all tests here: they go on where the one before ended."""
    return shared_project


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def finished(request: pytest.FixtureRequest, lab: Lab, project: Project) -> Server:
    """A server that was made by `fab setup deploy` from an image with nothing but sshd and a root key."""
    server = lab.server("ready", request.param)
    result = project.must("-H", server.name, "setup", "deploy")
    assert "Traceback" not in result.stdout + result.stderr
    return server


def test_app_answers_behind_nginx(finished: Server, project: Project) -> None:
    answer = get(f"{finished.url}/")
    assert answer.status == 200
    assert answer.headers["X-Release"] == project.head[:12]
    assert answer.headers["Server"] == "nginx"
    assert f'"commit":"{project.head}"' in answer.text
