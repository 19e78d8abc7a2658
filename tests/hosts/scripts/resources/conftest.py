"""Servers with a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hosts.scripts.resources.repository import commit, git


@pytest.fixture
def repository(server: Any) -> Path:
    """A repository on the server, with file names, modes and links that a checkout can get wrong."""
    folder = server.path("/opt/hello")
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "main.py").write_text("app = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "backend").mkdir()
    (folder / "backend" / "with space and 'quote'.txt").write_text("x")
    (folder / "backend" / "部署.txt").write_text("x")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc")
    (folder / "inside").symlink_to("backend")
    (folder / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    commit(folder, "first")
    return folder
