"""An app's repository with hosts.toml, and its exports."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.exports.make import export
from selvedge.report import Report
from tests.support.hostile import TEXT

HOSTILE = f"{TEXT} $$ $(NAME) ${{NAME}} yes: [no, {{a: 1}}] !Ref & *x - 'x' \"\" ''' @secure() \ufeff\U0001f600"
"""A command with all that means something in a shell, YAML, JSON, CloudFormation or Bicep."""


class Exported:
    """The app's repository: `folder`. Each call of `make` runs one export, and returns its output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def settings(self, text: str = "", **app: Any) -> None:
        """Write hosts.toml: the usual [app] with these keys, and `text`."""
        usual = {"name": "shop", "repository": ".", "health": "/health", "env_file": "production.env"}
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in {**usual, **app}.items()]
        (self.folder / "hosts.toml").write_text("\n".join(["[app]", *lines, "", text]))

    def make(self, name: str, *, force: bool = False) -> str:
        stream = io.StringIO()
        export(Report(stream), name, force=force)
        return stream.getvalue()

    def text(self, path: str) -> str:
        return (self.folder / path).read_text()


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Exported]:
    """Return a function that makes the repository of an app, with settings as `Exported.settings` takes them."""

    def make(text: str = "", files: dict[str, str] | None = None, **app: Any) -> Exported:
        subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
        monkeypatch.chdir(tmp_path)
        usual = {"requirements.txt": "fastapi\n", "main.py": "", "production.env": 'SECRET_KEY="c4nary"\nDEBUG=1\n'}
        for name, content in {**usual, **(files or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        made = Exported(tmp_path)
        made.settings(text, **app)
        return made

    return make
