"""Which modules may import which, print, and use SSH or a shell."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.project.sources import ENGINE, SOURCES, short


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the imports of a file, except those for type checking: (module, name in it or "")."""
    tree = ast.parse(path.read_text())
    types_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if node not in types_only)
        elif isinstance(node, ast.ImportFrom) and node not in types_only:
            yield from ((node.module or "", alias.name) for alias in node.names)


@functools.cache
def graph() -> dict[str, set[str]]:
    """Return the modules of the engine that each of them imports."""
    edges = {}
    for module, path in ENGINE.items():
        found = {f"{source}.{name}" if f"{source}.{name}" in ENGINE else source for source, name in imported(path)}
        edges[module] = {each for each in found if each in ENGINE}
    return edges


def reached(module: str, edges: dict[str, set[str]]) -> set[str]:
    """Return all modules that a module imports, directly or not."""
    found: set[str] = set()
    todo = {module}
    while todo:
        todo = set().union(*(edges[each] for each in todo)) - found
        found |= todo
    return found


def test_imports_are_found() -> None:
    edges = graph()
    assert "selvedge.resources.base" in edges["selvedge.plan"] and "selvedge.plan" in reached("selvedge.executor", edges)
    assert len(ENGINE) > 40


def test_no_imports_form_a_cycle() -> None:
    edges = graph()
    assert not [module for module in ENGINE if module in reached(module, edges)]


LAYERS = [
    ("selvedge.settings", "plan remote report session step resources"),
    ("selvedge.load", "plan remote report session step resources"),
    ("selvedge.step", "plan remote report session fleet rollout run executor settings resources"),
    ("selvedge.resources", "remote report session fleet rollout run executor step operations plan"),
    ("selvedge.plan", "remote report session fleet rollout run executor step operations settings"),
    ("selvedge.report", "plan remote session fleet rollout run executor step operations settings resources"),
    ("selvedge.remote", "report session fleet rollout run executor step operations"),
    ("selvedge.session", "fleet rollout run executor operations"),
    ("selvedge.fleet", "rollout run executor operations"),
    ("selvedge.rollout", "run executor operations"),
    ("selvedge.run", "executor operations"),
    ("selvedge.server", "plan remote report session fleet rollout run executor step operations settings resources errors"),
]


@pytest.mark.parametrize(("layer", "above"), LAYERS)
def test_a_layer_imports_no_layer_above_it(layer: str, above: str) -> None:
    edges = graph()
    members = [module for module in ENGINE if module == layer or module.startswith(f"{layer}.")]
    assert members
    forbidden = {f"selvedge.{name}" for name in above.split()}
    for module in members:
        wrong = {each for each in reached(module, edges) if any(each == name or each.startswith(f"{name}.") for name in forbidden)}
        # A member of a package may import the package.
        assert not wrong - set(members), module


def test_engine_tasks_and_sandbox_are_separate() -> None:
    for path in SOURCES:
        tops = {module.partition(".")[0] for module, _ in imported(path)}
        if path in ENGINE.values():
            assert not tops & {"tasks", "sandbox", "fabfile", "tests", "tools", "bench"}, short(path)
        elif path.is_relative_to(ROOT / "sandbox"):
            assert not tops & {"selvedge", "tasks", "fabfile", "tests"}, short(path)


# The names of paramiko that a module may import; None means any.
PARAMIKO = {
    "selvedge/remote.py": None,
    "selvedge/hostkeys.py": None,
    "selvedge/operations/known_hosts.py": None,
    "selvedge/operations/trust.py": {"PKey"},
    "selvedge/publickeys.py": {""},
    "selvedge/way.py": {"BadHostKeyException"},
    "selvedge/hosts.py": {"SSHConfig", "ConfigParseError"},
    "selvedge/frontpage.py": {"ConfigParseError"},
}
CONNECTION = {"selvedge/remote.py", "selvedge/way.py", "selvedge/hostkeys.py", "selvedge/operations/known_hosts.py"}


def test_one_module_uses_ssh() -> None:
    for path in SOURCES:
        found = list(imported(path))
        names = {name for module, name in found if module.partition(".")[0] == "paramiko"}
        allowed = PARAMIKO.get(short(path), set())
        assert allowed is None or names <= allowed, f"{short(path)} imports {names} from paramiko"
        if any(module.partition(".")[0] == "fabric" and name == "Connection" for module, name in found):
            assert short(path) in CONNECTION


# Modules that print besides the report: scripts, Ctrl-C, the reference page, and programs that run on a server.
PRINTS = {
    "selvedge/report.py",
    "selvedge/rollout.py",
    "selvedge/executor.py",
    "selvedge/reference.py",
    "selvedge/operations/trust.py",
    "selvedge/server/preflight.py",
}


def prints(path: Path) -> list[int]:
    """Return the lines that print, or write to the standard streams."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if text in ("print", "input") or re.fullmatch(r"(sys\.)?(stdout|stderr)\.write(lines)?", text):
                found.append(node.lineno)
    return found


def test_one_module_prints() -> None:
    printing = {short(path) for path in [*ENGINE.values(), *(ROOT / "tasks").glob("*.py")] if prints(path)}
    assert printing - PRINTS - {"tasks/sandbox.py"} == set()
    assert "selvedge/report.py" in printing


def test_one_module_quotes_for_the_shell() -> None:
    """Other modules start local programs with a list of arguments."""
    users = {short(path) for path in ENGINE.values() for module, _ in imported(path) if module == "shlex"}
    assert users == {"selvedge/shell/__init__.py"}
    for path in ENGINE.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                assert not (isinstance(node.value, ast.Constant) and node.value.value is True), short(path)
