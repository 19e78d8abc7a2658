"""The project's source files."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from tests.support.paths import ROOT

FOLDERS = ("selvedge", "tasks", "sandbox", "tools", "examples", "bench")
SOURCES = [*sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")), ROOT / "fabfile.py"]
SHELL = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sh"))
ENGINE = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCES
    if path.is_relative_to(ROOT / "selvedge")
}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a source file's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_text())))
