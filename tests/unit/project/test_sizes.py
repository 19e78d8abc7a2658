"""How long files and functions may be."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.paths import ROOT
from tests.unit.project.sources import SHELL, SOURCES, nodes, short


def test_no_file_has_more_than_300_lines() -> None:
    long = {short(path): count for path in [*SOURCES, *SHELL] if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_no_test_file_has_more_than_400_lines() -> None:
    tests = [path for folder in ("unit", "hosts/scripts", "support") for path in (ROOT / "tests" / folder).rglob("*.py")]
    long = {short(path): count for path in tests if (count := len(path.read_text().splitlines())) > 400}
    assert tests and not long


def test_no_function_has_more_than_40_lines() -> None:
    long = {
        f"{short(path)}: {node.name}": length
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > 40
    }
    assert not long


def test_no_shell_function_has_more_than_40_lines() -> None:
    long = {}
    for path in SHELL:
        for found in re.finditer(r"^(\w+)\(\) \{\n(.*?)^\}$", path.read_text(), re.MULTILINE | re.DOTALL):
            if (length := found[2].count("\n") + 2) > 40:
                long[f"{short(path)}: {found[1]}"] = length
    assert not long


STEPS = ["update", "harden", "install", "clone", "venv", "gunicorn", "supervisor", "nginx", "certbot"]


@pytest.mark.parametrize("step", [*STEPS, "chains"])
def test_a_step_has_at_most_50_lines(step: str) -> None:
    """Users read and edit steps."""
    assert len((ROOT / "tasks" / f"{step}.py").read_text().splitlines()) <= 50
