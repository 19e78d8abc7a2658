"""An SSH server, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fabric import Config

from selvedge.config.hosts import Host
from selvedge.ssh.connection import Credentials, Remote
from tests.unit.ssh.sshd import Sshd, print_of


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    server = Sshd(tmp_path)
    yield server
    server.close()


@pytest.fixture
def remote(sshd: Sshd) -> Iterator[Callable[..., Remote]]:
    """Make a connection to the server, whose key is pinned: remote(password="", **fields of the host)."""
    made = []

    def make(password: str = "", **fields: Any) -> Remote:
        values = {"host_key": print_of(sshd.host_key), "key": str(sshd.key_file), "port": sshd.port, **fields}
        host = Host.model_validate({"name": "web", "address": "127.0.0.1", **values})
        made.append(Remote(host, Config(), Credentials(password)))
        return made[-1]

    yield make
    for each in made:
        each.close()
