"""Fixtures of the tests of shell scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hosts.scripts.server import Server
from tests.support.fixtures import host, hostile, target  # noqa: F401


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A bare server that consists of folders."""
    if os.geteuid() != 0:
        pytest.fail("The engine's scripts run as root: run the tests as root (in a container, or with sudo).")
    return Server(tmp_path / "server")
