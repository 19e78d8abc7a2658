"""A run over the hosts of a hosts.toml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fabric import Config

from selvedge.run import Run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Make a run over hosts of a hosts.toml: project({"web": "port = 2222"}). HOME is an empty folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("SELVEDGE_HOSTS_FILE", str(tmp_path / "hosts.toml"))

    def make(hosts: dict[str, str], app: str = "") -> Run:
        text = f'[app]\nname = "hello"\nrepository = "https://git.example.com/me/hello.git"\n{app}\n'
        text += "".join(f"[hosts.{name}]\n{lines}\n" for name, lines in hosts.items())
        (tmp_path / "hosts.toml").write_text(text)
        return Run.load(list(hosts), Config())

    return make
