"""`fab version`."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest

from selvedge.version import VERSION
from tests.unit.project.test_task_list import FAB, checkout

pytestmark = pytest.mark.programs


def test_versions_are_shown_without_hosts_toml(tmp_path: Path) -> None:
    checkout(tmp_path)

    def shown(*words: str) -> str:
        done = subprocess.run([FAB, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    lines = dict(line.split(maxsplit=1) for line in shown("version").splitlines())
    assert lines["Selvedge"] == VERSION
    assert lines["Python"] == platform.python_version()
    assert json.loads(shown("version", "--json")) == {name.lower(): text for name, text in lines.items()}
    assert json.loads(shown("-H", "web,db", "version", "--json"))["selvedge"] == VERSION, "once, whatever the hosts"
