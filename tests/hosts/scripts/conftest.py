"""Fixtures of the tests of shell scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.scripts.server import Server
from tests.support.fixtures import host, hostile, target  # noqa: F401


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A bare server that consists of folders."""
    return Server(tmp_path / "server")
