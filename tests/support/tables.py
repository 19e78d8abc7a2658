"""Tables from a fact to a change: a row is a resource, the fact that its probe prints, the summary and the shell."""

from __future__ import annotations

import subprocess

import pytest

from selvedge.resources.base import Resource


def table(*rows: tuple[Resource, str, str | None] | tuple[Resource, str, str | None, str]) -> pytest.MarkDecorator:
    """Return the rows as parameters of a test.

    A row without a change ends with the summary None. The shell of any other row holds the essential lines, in order;
    "…" at the end of a line stands for the rest of it.
    """
    return pytest.mark.parametrize(("resource", "fact", "summary", "shell"), [(*row, "")[:4] for row in rows])


def check(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """Assert that the resource plans this change where its probe prints the fact, and that dash can parse its shell."""
    change = resource.plan(fact)
    if change is None or summary is None:
        assert change is None and summary is None, change
        return
    assert change.summary == summary
    lines = iter([line.strip() for line in change.shell.splitlines()])
    for wanted in shell.splitlines():
        assert any(line == wanted or (wanted.endswith("…") and line.startswith(wanted[:-1])) for line in lines), (
            f"not there, or not in this order: {wanted}\n\n{change.shell}"
        )
    done = subprocess.run(["dash", "-n"], input=change.shell, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
