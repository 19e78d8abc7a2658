"""`fab --list`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.project.test_sizes import STEPS


@pytest.fixture(scope="module")
def listing() -> subprocess.CompletedProcess[str]:
    """The output of `fab --list`, with its imports on standard error."""
    fab = Path(sys.executable).parent / "fab"
    command = [sys.executable, "-X", "importtime", str(fab), "--list"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def test_the_list_of_tasks_imports_nothing_heavy(listing: subprocess.CompletedProcess[str]) -> None:
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in listing.stderr.splitlines() if "|" in line}
    assert "fabric" in modules and "tasks" in modules
    assert not modules & {"pydantic", "pydantic_core", "pydantic_settings", "jinja2", "rich", "dotenv", "sandbox", "hypothesis"}
    assert "selvedge.config.settings" not in listing.stderr


def test_every_task_has_one_line_of_help(listing: subprocess.CompletedProcess[str]) -> None:
    rows = [line for line in listing.stdout.splitlines()[1:] if line.strip()]
    wrapped = [row for row in rows if not re.match(r"  \S", row)]
    assert not wrapped, "a line of help is too long for 80 columns"
    assert not [row for row in rows if not re.fullmatch(r"  [a-z.]+ {2,}\S.*\.?", row)]


def test_the_steps_of_the_tutorial_come_first(listing: subprocess.CompletedProcess[str]) -> None:
    shown = [line.split()[0] for line in listing.stdout.splitlines()[1:] if line.strip()]
    assert shown[: len(STEPS)] == STEPS
    assert {"setup", "deploy", "rollback", "releases", "status", "logs", "doctor"} <= set(shown)
