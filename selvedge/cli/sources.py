"""What a project's own files say about its app: the Python sources are parsed, never run."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selvedge.cli.repository import Repository
from selvedge.value import Value

CLASSES = {"FastAPI", "Starlette", "Litestar", "Quart", "BlackSheep", "Sanic", "Esmerald", "ASGIApp"}
"""The names of classes whose instances are ASGI apps."""
FACTORIES = (
    "create_app", "get_app", "make_app", "build_app", "init_app", "create_application", "get_application",
    "get_asgi_application",
)  # fmt: skip
"""The usual names of functions that return an app."""
FILES = ("main", "app", "asgi", "application", "server", "api", "__init__")
"""The usual names of files with an app, the most usual first."""
ROOTS = (
    "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.lock", "requirements.txt", "pyproject.toml",
    "setup.py", "setup.cfg", "Pipfile",
)  # fmt: skip
"""Files that list the packages of a project, in the order in which a release takes them (docs/how-to/dependencies.md)."""
ASIDE = {
    "tests", "test", "docs", "doc", "examples", "example", "samples", "scripts", "benchmarks", "bench", "alembic", "migrations",
    "deploy",
}  # fmt: skip
"""Folders whose apps are not the project's own."""
HEALTH = re.compile(r"/(?:.*/)?(?:health|healthz|health-?check|healthcheck|ready|readyz|live|livez|ping|status|up|heartbeat)/?")
LARGEST = 1 << 20
"""Bytes of a file that is read."""


class App(Value):
    """An app in the sources.

    file: its path in the repository. root: the folder with its packages, "" for the top folder. module: as `app.module` names it.
    routes: the paths of GET routes without parameters that the file itself gives the app. schema: the path of FastAPI's
    openapi.json, "" if the file does not say it. static: URL path → folder in `root`.
    """

    file: str
    root: str
    module: str
    routes: tuple[str, ...] = ()
    schema: str = ""
    static: tuple[tuple[str, str], ...] = ()

    @property
    def rank(self) -> tuple[Any, ...]:
        """The order of apps: usual names of files and variables, then those nearer to the top."""
        path = Path(self.file)
        variable = self.module.partition(":")[2]
        order = FILES.index(path.stem) if path.stem in FILES else len(FILES)
        return order, variable.endswith("()"), variable not in ("app", "application"), len(path.parts), self.file


def apps(repository: Repository) -> list[App]:
    """Return the apps of a repository, the most likely one first."""
    found: list[App] = []
    for file in repository.python_files():
        if not ASIDE & set(Path(file).parts[:-1]) and not Path(file).name.startswith(("test_", "conftest")):
            found += _apps_of(repository, file)
    return sorted(found, key=lambda app: app.rank)


def _apps_of(repository: Repository, file: str) -> Iterator[App]:
    tree = parsed(repository, file)
    if tree is None:
        return
    factories = list(_factories(tree))
    variables = dict(_variables(tree, {*CLASSES, *FACTORIES, *factories}))
    # An app that another one wraps, such as socketio.ASGIApp(sio, app), is not the outermost.
    inside = {node.id for call in variables.values() for node in ast.walk(call) if isinstance(node, ast.Name)}
    names = [name for name in variables if name not in inside] or [*_functions(tree), *(f"{name}()" for name in factories)][:1]
    root = root_of(repository, file)
    for name in names:
        made = f"{module_of(file, root)}:{name}"
        yield App(file, root, made, tuple(_routes(tree, variables)), _schema(tree), tuple(_static(tree, repository, root)))


def parsed(repository: Repository, file: str) -> ast.Module | None:
    """Return the tree of a Python file, None if it is no Python or too large."""
    text = repository.text(file, LARGEST)
    try:
        return None if text is None else ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _called(node: ast.AST | None) -> str:
    """Return the last name of what a call calls, e.g. "FastAPI" of `fastapi.FastAPI()`."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _variables(tree: ast.Module, makers: set[str]) -> Iterator[tuple[str, ast.AST]]:
    """Yield the variables of a module that are apps, with the calls that make them. makers: names of classes and functions."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value and _called(value) in makers:
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def _functions(tree: ast.Module) -> Iterator[str]:
    """Yield the functions of a module that are apps themselves."""
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and [each.arg for each in node.args.args] == ["scope", "receive", "send"]:
            yield node.name


def _schema(tree: ast.Module) -> str:
    """Return the path of FastAPI's openapi.json, "" without FastAPI, or if the code computes it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "FastAPI":
            given = [each.value for each in node.keywords if each.arg in ("openapi_url", None)]
            return _text(given[0]) if given else "/openapi.json"
    return ""


def _factories(tree: ast.Module) -> Iterator[str]:
    """Yield the functions of a module that return an app and need no arguments."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        arguments = node.args
        needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
        needed += sum(default is None for default in arguments.kw_defaults)
        returns = ast.unparse(node.returns).rpartition(".")[2] if node.returns else ""
        made = any(_called(each) in CLASSES for each in ast.walk(node))
        if needed == 0 and (returns in CLASSES or (node.name in FACTORIES and made)):
            yield node.name


def _routes(tree: ast.Module, variables: dict[str, ast.AST]) -> Iterator[str]:
    """Yield the paths of `@app.get("/…")`, without those that have parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                path = _route(decorator, variables)
                if path.startswith("/") and "{" not in path:
                    yield path


def _route(decorator: ast.expr, variables: dict[str, ast.AST]) -> str:
    """Return the path of a decorator that adds a GET route to one of the variables, "" for another."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return ""
    owner, method = decorator.func.value, decorator.func.attr
    own = isinstance(owner, ast.Name) and owner.id in variables
    return _text(decorator.args[0]) if own and decorator.args and method in ("get", "api_route", "route") else ""


def _static(tree: ast.Module, repository: Repository, root: str) -> Iterator[tuple[str, str]]:
    """Yield URL path and folder of `app.mount("/static", StaticFiles(directory="static"))`, if git has the folder."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _called(node) != "mount" or len(node.args) < 2:
            continue
        files = node.args[1]
        if not isinstance(files, ast.Call) or _called(files) != "StaticFiles":
            continue
        given = [each.value for each in files.keywords if each.arg == "directory"] or files.args[:1]
        path, folder = _text(node.args[0]).rstrip("/"), _text(given[0]).strip("./") if given else ""
        html = any(each.arg == "html" for each in files.keywords)
        if path and folder and not html and repository.has_folder(f"{root}/{folder}".strip("/")):
            yield path, folder


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def root_of(repository: Repository, file: str) -> str:
    """Return the nearest folder around a file that lists packages, "" if none below the top folder does."""
    for folder in Path(file).parents:
        if any(repository.has_file(f"{folder}/{name}" if str(folder) != "." else name) for name in ROOTS):
            return "" if str(folder) == "." else str(folder)
    return ""


def module_of(file: str, root: str) -> str:
    """Return the name of a module, as Python imports it from `root` or its folder src/."""
    path = Path(file).relative_to(root) if root else Path(file)
    parts = [*path.parent.parts, *([] if path.stem == "__init__" else [path.stem])]
    return ".".join(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)


def named_module(repository: Repository) -> str:
    """Return the module that the project itself names: in its Procfile, Dockerfile or pyproject.toml; "" if there is none."""
    for file in ("Procfile", "Dockerfile"):
        lines = _server_lines(repository.text(file, LARGEST) or "")
        found = re.search(r"\b([A-Za-z_][\w.]*:[A-Za-z_]\w*)(?:\(\))?(?=[\s\"',]|$)", lines)
        if found:
            return found[1]
    try:
        tools: dict[str, Any] = tomllib.loads(repository.text("pyproject.toml", LARGEST) or "").get("tool", {})
    except tomllib.TOMLDecodeError:
        return ""
    entry = tools.get("fastapi", {}).get("entrypoint", "")
    return entry if isinstance(entry, str) else ""


def _server_lines(text: str) -> str:
    """Return the lines of a text that start an app server."""
    return "\n".join(line for line in text.splitlines() if re.search(r"uvicorn|gunicorn|hypercorn|granian|fastapi", line))


def settings_variables(repository: Repository, root: str) -> list[str]:
    """Return the variables without a default of the settings classes (pydantic-settings) below `root`, in their order."""
    found: dict[str, None] = {}
    for file in repository.python_files():
        inside = file.startswith(f"{root}/") if root else True
        if not inside or ASIDE & set(Path(file).parts[:-1]) or "BaseSettings" not in (repository.text(file, LARGEST) or ""):
            continue
        for node in ast.walk(parsed(repository, file) or ast.Module([], [])):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("BaseSettings") for base in node.bases):
                found |= dict.fromkeys(_required(node))
    return list(found)


def _required(settings: ast.ClassDef) -> Iterator[str]:
    prefix = ""
    for node in ast.walk(settings):
        if isinstance(node, ast.keyword) and node.arg == "env_prefix":
            prefix = _text(node.value)
    for field in settings.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _needs_value(field):
            yield f"{prefix}{field.target.id}".upper()


def _needs_value(field: ast.AnnAssign) -> bool:
    """Return whether a field of a settings class has no default: none at all, `...`, or a Field() without one."""
    if "ClassVar" in ast.unparse(field.annotation):
        return False
    value = field.value
    if value is None or (isinstance(value, ast.Constant) and value.value is ...):
        return True
    if _called(value) != "Field" or not isinstance(value, ast.Call):
        return False
    given = [each for each in value.args if not (isinstance(each, ast.Constant) and each.value is ...)]
    named = {each.arg for each in value.keywords}
    return not given and not named & {"default", "default_factory", "alias", "validation_alias"}
