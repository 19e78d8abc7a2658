"""The paths of app.carry."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('["."]', "must be a folder or file in the repository's folder, not the whole"),
        ('[".git/x"]', "not .git or .venv"),
        ('["/srv/dist"]', "must be a path inside the repository"),
        ('["../dist"]', "must be a path inside the repository"),
        ('["a", "a/b"]', "must not list a folder and something in it: a contains a/b"),
    ],
)
def test_paths_that_cannot_be_carried(problems: Problems, value: str, problem: str) -> None:
    (line,) = problems(f"{APP}carry = {value}\n")
    assert line.startswith("hosts.toml: app.carry") and problem in line


def test_a_path_is_written_in_one_form(settings: Load) -> None:
    assert settings(f'{APP}carry = ["dist/", "dist", "a.b"]\n').app.carry == ["dist", "a.b"]
