"""An app's repository with hosts.toml, and its exports: with usual settings, and with hostile ones."""

from __future__ import annotations

import functools
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


TABLES = f"""
[processes.true]
command = {json.dumps(HOSTILE, ensure_ascii=False)}
count = 2
stop_signal = "INT"
[processes.migrate]
command = "celery beat"
overlap = false
hosts = ["a"]
[timers.no]
command = {json.dumps(HOSTILE, ensure_ascii=False)}
schedule = "Mon..Fri 08:30 Europe/Berlin"
hosts = ["a"]
[timers.odd]
command = "x"
schedule = "*-*~01 02:00"
hosts = ["a"]
[services]
postgres = true
redis = true
hosts = ["a"]
[hosts.a]
address = "203.0.113.1"
[hosts.b]
address = "203.0.113.2"
[hosts.c]
address = "203.0.113.3"
app = {{ domains = ["staging.example.com"], workers = 7 }}
[groups]
production = ["a", "b"]
Staging_1 = ["c"]
"""
APP = {"migrate": HOSTILE, "domains": ["shop.example.com"], "shared_paths": ["uploads"], "health_status": [200, "300-308"]}


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


def repository(folder: Path, text: str = "", files: dict[str, str] | None = None, **app: Any) -> Exported:
    """Make the repository of an app, with settings as `Exported.settings` takes them."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    usual = {"requirements.txt": "fastapi\n", "main.py": "", "production.env": 'SECRET_KEY="c4nary"\nDEBUG=1\n'}
    for name, content in {**usual, **(files or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    made = Exported(folder)
    made.settings(text, **app)
    return made


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Exported]:
    """Return a function that makes the repository of an app in the current folder."""
    monkeypatch.chdir(tmp_path)
    return functools.partial(repository, tmp_path)
