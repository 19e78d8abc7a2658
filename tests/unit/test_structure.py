"""How the program is put together: sizes, imports that go one way, who prints, who speaks SSH, what `fab --list` costs."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


# --- sizes ---


def test_no_file_has_more_than_300_lines() -> None:
    long = {short(path): count for path in [*SOURCES, *SHELL] if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_no_function_has_more_than_40_lines() -> None:
    long = {
        f"{short(path)}: {node.name}": length
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
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
def test_a_step_is_a_page_at_most(step: str) -> None:
    """It is for the user to read and to edit."""
    assert len((ROOT / "tasks" / f"{step}.py").read_text().splitlines()) <= 50


# --- imports ---


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """What a file imports, also inside of functions, but for type checking: (module, name in it or "")."""
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
    """Which modules of the engine each of them imports."""
    edges = {}
    for module, path in ENGINE.items():
        found = {f"{source}.{name}" if f"{source}.{name}" in ENGINE else source for source, name in imported(path)}
        edges[module] = {each for each in found if each in ENGINE}
    return edges


def reached(module: str, edges: dict[str, set[str]]) -> set[str]:
    """All modules that a module imports, directly or not."""
    found: set[str] = set()
    todo = {module}
    while todo:
        todo = set().union(*(edges[each] for each in todo)) - found
        found |= todo
    return found


def test_imports_are_seen() -> None:
    edges = graph()
    assert "selvedge.resources.base" in edges["selvedge.plan"] and "selvedge.plan" in reached("selvedge.executor", edges)
    assert len(ENGINE) > 40


def test_no_module_imports_itself_by_a_detour() -> None:
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
def test_imports_go_one_way(layer: str, above: str) -> None:
    edges = graph()
    members = [module for module in ENGINE if module == layer or module.startswith(f"{layer}.")]
    assert members
    forbidden = {f"selvedge.{name}" for name in above.split()}
    for module in members:
        wrong = {each for each in reached(module, edges) if any(each == name or each.startswith(f"{name}.") for name in forbidden)}
        # The package's own name stands for a layer that a member of it may use.
        assert not wrong - set(members), module


def test_the_engine_knows_neither_tasks_nor_sandbox_and_the_sandbox_not_the_engine() -> None:
    for path in SOURCES:
        tops = {module.partition(".")[0] for module, _ in imported(path)}
        if path in ENGINE.values():
            assert not tops & {"tasks", "sandbox", "fabfile", "tests", "tools", "bench"}, short(path)
        elif path.is_relative_to(ROOT / "sandbox"):
            assert not tops & {"selvedge", "tasks", "fabfile", "tests"}, short(path)


# Who may use paramiko, and what for: the connection; host keys; keys of the agent; ssh_config's names.
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


def test_one_module_speaks_ssh() -> None:
    for path in SOURCES:
        found = list(imported(path))
        names = {name for module, name in found if module.partition(".")[0] == "paramiko"}
        allowed = PARAMIKO.get(short(path), set())
        assert allowed is None or names <= allowed, f"{short(path)} imports {names} from paramiko"
        if any(module.partition(".")[0] == "fabric" and name == "Connection" for module, name in found):
            assert short(path) in CONNECTION


# Who prints besides report.py: a script that is asked for; Ctrl-C; the documentation's own program; what runs on a server.
PRINTS = {
    "selvedge/report.py",
    "selvedge/rollout.py",
    "selvedge/executor.py",
    "selvedge/reference.py",
    "selvedge/operations/trust.py",
    "selvedge/server/preflight.py",
}


def prints(path: Path) -> list[int]:
    """The lines that print, or write to the standard streams."""
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


def test_nothing_stands_in_for_the_shell_without_quoting() -> None:
    """shlex is used in one place; a shell of this machine is started with a list, but for the user's own commands."""
    users = {short(path) for path in ENGINE.values() for module, _ in imported(path) if module == "shlex"}
    assert users == {"selvedge/shell/__init__.py"}
    for path in ENGINE.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                assert not (isinstance(node.value, ast.Constant) and node.value.value is True), short(path)


# --- fab --list ---


@pytest.fixture(scope="module")
def listing() -> subprocess.CompletedProcess[str]:
    """What `fab --list` prints, and on standard error what it imports."""
    fab = Path(sys.executable).parent / "fab"
    command = [sys.executable, "-X", "importtime", str(fab), "--list"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def test_the_list_of_tasks_costs_no_heavy_import(listing: subprocess.CompletedProcess[str]) -> None:
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in listing.stderr.splitlines() if "|" in line}
    assert "fabric" in modules and "tasks" in modules
    assert not modules & {"pydantic", "pydantic_core", "pydantic_settings", "jinja2", "dotenv", "sandbox", "hypothesis"}
    assert "selvedge.settings" not in listing.stderr


def test_every_task_has_one_line_of_help(listing: subprocess.CompletedProcess[str]) -> None:
    rows = [line for line in listing.stdout.splitlines()[1:] if line.strip()]
    wrapped = [row for row in rows if not re.match(r"  \S", row)]
    assert not wrapped, "a line of help is too long for 80 columns"
    assert not [row for row in rows if not re.fullmatch(r"  [a-z.]+ {2,}\S.*\.?", row)]


def test_the_tutorials_steps_are_tasks_in_their_order(listing: subprocess.CompletedProcess[str]) -> None:
    shown = [line.split()[0] for line in listing.stdout.splitlines()[1:] if line.strip()]
    assert shown[: len(STEPS)] == STEPS
    assert {"setup", "deploy", "rollback", "releases", "status", "logs", "doctor"} <= set(shown)
