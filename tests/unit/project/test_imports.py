"""Which modules may import which, print, and use SSH or a shell."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

from tests.support.paths import ROOT
from tests.unit.project.sources import ENGINE, SOURCES, nodes, short

# From the bottom to the top. A module imports modules of its own entry, or of an entry before it.
ORDER = (
    "startup", "version", "value", "errors", "paths", "shell", "report", "project", "config", "ssh", "resources", "task", "engine",
    "release", "run", "operations", "fabric_errors", "tasklist", "executor", "cli", "exports", "__main__",
)  # fmt: skip


@functools.cache
def imported(path: Path) -> tuple[tuple[str, str], ...]:
    """Return what a file imports, also in functions and for type checking: (module, name in it or "")."""
    found: list[tuple[str, str]] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
    return tuple(found)


@functools.cache
def graph() -> dict[str, set[str]]:
    """Return which modules of the engine each of them imports."""
    edges = {}
    for module, path in ENGINE.items():
        found = {f"{source}.{name}" if f"{source}.{name}" in ENGINE else source for source, name in imported(path)}
        edges[module] = {each for each in found if each in ENGINE}
    return edges


def entry(module: str) -> str:
    """Return the folder or file of selvedge/ that a module belongs to."""
    return module.removeprefix("selvedge.").partition(".")[0]


def reached(module: str, edges: dict[str, set[str]]) -> set[str]:
    """Return all modules that a module imports, directly or not."""
    found: set[str] = set()
    todo = {module}
    while todo:
        todo = set().union(*(edges[each] for each in todo)) - found
        found |= todo
    return found


def test_imports_are_seen() -> None:
    edges = graph()
    assert "selvedge.resources.base" in edges["selvedge.engine.plan"]
    assert "selvedge.engine.plan" in reached("selvedge.executor", edges)
    assert "selvedge.resources.base" in edges["selvedge.task"], "imports for type checking count"
    assert len(ENGINE) > 60


def test_no_modules_import_each_other() -> None:
    edges = graph()
    assert not [module for module in ENGINE if module in reached(module, edges)]


def test_imports_go_one_way() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in graph().items()
        for other in others
        if module != "selvedge" and ORDER.index(entry(other)) > ORDER.index(entry(module))
    ]
    assert not wrong


def floors() -> dict[str, int]:
    """Return the floor of each entry: 1 if it imports none, else one more than the highest entry that it imports."""
    found: dict[str, int] = {}
    for name in ORDER:
        below = {entry(other) for module, others in graph().items() if entry(module) == name for other in others} - {name}
        found[name] = 1 + max((found[each] for each in below), default=0)
    return found


def test_the_house_has_at_most_twelve_floors() -> None:
    """The tasks and the fabfile are the two above operations."""
    assert floors()["operations"] + 2 <= 12
    assert max(floors().values()) <= 12


def test_few_modules_are_in_no_folder() -> None:
    assert len(list((ROOT / "selvedge").glob("*.py"))) <= 12


def test_the_engine_knows_neither_tasks_nor_sandbox_and_the_sandbox_not_the_engine() -> None:
    for path in SOURCES:
        tops = {module.partition(".")[0] for module, _ in imported(path)}
        if path in ENGINE.values():
            assert not tops & {"tasks", "sandbox", "fabfile", "tests", "tools", "bench"}, short(path)
        elif path.is_relative_to(ROOT / "sandbox"):
            assert not tops & {"selvedge", "tasks", "fabfile", "tests"}, short(path)


# Who may use paramiko, and which of its names: the connection; host keys; keys of the agent; ssh's configuration.
PARAMIKO = {
    "selvedge/ssh/connection.py": {""},
    "selvedge/ssh/login.py": {"", "IncompatiblePeer", "SSHConfig"},
    "selvedge/ssh/private_keys.py": {""},
    "selvedge/ssh/shells.py": {""},
    "selvedge/ssh/streams.py": {""},
    "selvedge/ssh/host_keys.py": {""},
    "selvedge/ssh/agent.py": {"", "AgentKey", "AgentSSH"},
    "selvedge/ssh/authentication.py": {"", "PublicBlob"},
    "selvedge/ssh/transport.py": {""},
    "selvedge/ssh/tunnel.py": {""},
    "selvedge/ssh/openssh.py": {"SSHConfig", "ConfigParseError", "CouldNotCanonicalize"},
    "selvedge/ssh/key_scan.py": {""},
}
CONNECTION = {f"selvedge/ssh/{name}.py" for name in ("connection", "login", "shells", "failures", "host_keys", "key_scan")}


def test_one_module_speaks_ssh() -> None:
    for path in SOURCES:
        found = imported(path)
        names = {name for module, name in found if module.partition(".")[0] == "paramiko"}
        allowed = PARAMIKO.get(short(path), set())
        assert allowed is None or names <= allowed, f"{short(path)} imports {names} from paramiko"
        if any(module.partition(".")[0] == "fabric" and name == "Connection" for module, name in found):
            assert short(path) in CONNECTION


# Who prints besides report/: a script that is asked for; Ctrl-C; `fab --list`; the documentation's own program; what runs on a
# server.
PRINTS = {
    "selvedge/shell/server/backup/__main__.py",
    "selvedge/shell/server/backup/settings.py",
    "selvedge/shell/server/backup/sqlite.py",
    "selvedge/shell/server/registry_pull.py",
    "selvedge/cli/init.py",
    "selvedge/cli/main.py",
    "selvedge/project/collection.py",
    "selvedge/report/__init__.py",
    "selvedge/report/lines.py",
    "selvedge/report/terminal.py",
    "selvedge/release/chain.py",
    "selvedge/shell/server/answering.py",
    "selvedge/executor.py",
    "selvedge/tasklist.py",
    "selvedge/config/reference.py",
    "selvedge/operations/trust.py",
    "selvedge/operations/support/question.py",
    "selvedge/shell/server/checkout.py",
    "selvedge/shell/server/environment.py",
    "selvedge/shell/server/gunicorn_conf.py",
    "selvedge/shell/server/routes.py",
    "selvedge/shell/server/messages/sending.py",
    "selvedge/shell/server/messages/trial.py",
    "selvedge/shell/server/preflight.py",
    "selvedge/shell/server/project/__main__.py",
    "selvedge/shell/server/remedy.py",
    "selvedge/shell/server/traffic.py",
    "selvedge/shell/server/revisions.py",
    "selvedge/shell/server/selvedge_app.py",
}


def prints(path: Path) -> list[int]:
    """The lines that print, or write to the standard streams."""
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if text in ("print", "input") or re.fullmatch(r"(sys\.)?(stdout|stderr)\.write(lines)?", text):
                found.append(node.lineno)
    return found


def test_one_module_prints() -> None:
    printing = {short(path) for path in [*ENGINE.values(), *(ROOT / "tasks").rglob("*.py")] if prints(path)}
    assert printing - PRINTS - {"tasks/sandbox.py"} == set()
    assert "selvedge/report/lines.py" in printing


def test_nothing_stands_in_for_the_shell_without_quoting() -> None:
    """shlex is used in one place; a shell of this machine is started with a list, but for the user's own commands."""
    users = {short(path) for path in ENGINE.values() for module, _ in imported(path) if module == "shlex"}
    assert users == {"selvedge/shell/quoting.py"}
    for path in ENGINE.values():
        for node in nodes(path):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                assert not (isinstance(node.value, ast.Constant) and node.value.value is True), short(path)
