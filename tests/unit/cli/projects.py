"""Projects for `selvedge init`: folders in git repositories."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from selvedge.cli import main
from selvedge.config.load import load

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"


class Folder:
    """A project in a git repository."""

    def __init__(self, top: Path, files: dict[str, str]) -> None:
        self.top = top
        for name, text in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "one")

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-C", self.top, *words], check=True)

    @property
    def settings(self) -> dict[str, Any]:
        load(self.top / "hosts.toml", environ={})
        return tomllib.loads((self.top / "hosts.toml").read_text())

    @property
    def app(self) -> dict[str, Any]:
        found: dict[str, Any] = self.settings["app"]
        return found

    def state(self) -> dict[str, bytes]:
        files = (each for each in self.top.rglob("*") if each.is_file() and ".git/" not in str(each))
        return {str(each.relative_to(self.top)): each.read_bytes() for each in files}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)

    def make(**files: str) -> Folder:
        top = tmp_path / "shop"
        top.mkdir()
        monkeypatch.chdir(top)
        return Folder(top, files)

    return make


def init(*words: str) -> int:
    return main(["init", "--yes", *words])
