"""What a project's own files say about its app: the Python sources are parsed, never run."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator
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
ASGI = ["scope", "receive", "send"]
"""The arguments of an ASGI app (https://asgi.readthedocs.io/en/latest/specs/main.html)."""
FILES = ("main", "app", "asgi", "application", "server", "api", "__init__")
"""The usual names of files with an app, the most usual first."""
ROOTS = (
    "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.lock", "requirements.txt", "pyproject.toml",
    "setup.py", "setup.cfg", "Pipfile",
)  # fmt: skip
"""Files that list the packages of a project, in the order in which a release takes them (docs/how-to/dependencies.md)."""
ASIDE = {
    "tests", "test", "docs", "doc", "examples", "example", "samples", "scripts", "benchmarks", "bench", "alembic", "migrations",
    "deploy", "node_modules", "site-packages",
}  # fmt: skip
"""Folders whose apps are not the project's own."""
HEALTH = re.compile(r"/(?:.*/)?(?:health|healthz|health-?check|healthcheck|ready|readyz|live|livez|ping|status|up|heartbeat)/?")


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
    classes = _classes(repository)
    for file in own_files(repository):
        found += _apps_of(repository, file, classes)
    return sorted(found, key=lambda app: app.rank)


def own_files(repository: Repository) -> list[str]:
    """Return the Python files of a project, without those of its tests, examples and scripts."""
    files = (file for file in repository.python_files() if not ASIDE & set(Path(file).parts[:-1]))
    return [file for file in files if not re.match(r"test_|conftest\.|.*_test\.py$", Path(file).name)]


def _classes(repository: Repository) -> frozenset[str]:
    """Return the names of classes whose instances are ASGI apps: those of frameworks, and classes of the project from these."""
    derived: dict[str, set[str]] = {}
    for file in own_files(repository):
        for name, bases in re.findall(r"(?m)^class[ \t]+(\w+)[ \t]*\(([^()]*)\)", repository.text(file) or ""):
            derived.setdefault(name, set()).update(each.strip().rpartition(".")[2] for each in bases.split(","))
    found = set(CLASSES)
    while more := {name for name, bases in derived.items() if bases & found} - found:
        found |= more
    return frozenset(found)


def _apps_of(repository: Repository, file: str, classes: frozenset[str]) -> Iterator[App]:
    text = repository.text(file) or ""
    # Parsing takes most of the time, and few files of a project have one of these words.
    tree = parsed(repository, file) if any(word in text for word in (*classes, *FACTORIES, ASGI[1])) else None
    if tree is None:
        return
    factories = list(_factories(tree, classes))
    variables = dict(_variables(tree, classes, {*FACTORIES, *factories}))
    # An app that another one wraps, such as socketio.ASGIApp(sio, app), or mounts, is not the outermost.
    inside = _names(variables.values()) | _names(_mounted(tree))
    outer = {name: call for name, call in variables.items() if name not in inside}
    names = [*outer] or [*_functions(tree), *(f"{name}()" for name in factories)][:1] or [*variables]
    root = root_of(repository, file)
    static = tuple(_static(tree, repository, root, inside))
    for name in names:
        made = f"{module_of(repository, file, root)}:{name}"
        yield App(file, root, made, tuple(_routes(tree, variables.keys() - inside | _names(outer.values()))), _schema(tree), static)


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def _mounted(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what an app mounts at a path: `app.mount("/admin", admin)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "mount" and isinstance(node.func, ast.Attribute):
            yield from (*node.args[1:], *(each.value for each in node.keywords if each.arg == "app"))


def parsed(repository: Repository, file: str) -> ast.Module | None:
    """Return the tree of a Python file, None if it is no Python or too large."""
    text = repository.text(file)
    try:
        return None if text is None else ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def called(node: ast.AST | None) -> str:
    """Return the last name of what a call calls, e.g. "FastAPI" of `fastapi.FastAPI()`."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, also those in `if` and `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With) and not (isinstance(node, ast.If) and "__name__" in _names([node.test])):
            parts = [node.body, *(getattr(node, name, []) for name in ("orelse", "finalbody"))]
            parts += [each.body for each in getattr(node, "handlers", [])]
            yield from (each for part in parts for each in _statements(part))


def _variables(tree: ast.Module, classes: frozenset[str], makers: set[str]) -> Iterator[tuple[str, ast.AST]]:
    """Yield the variables of a module that are apps, with the calls that make them. makers: names of functions."""
    for node in _statements(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        typed = isinstance(node, ast.AnnAssign) and last_name(node.annotation) in classes and isinstance(value, ast.Call)
        if value and (typed or called(value) in classes | makers):
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def last_name(annotation: ast.AST | None) -> str:
    """Return the last name of an annotation, e.g. "FastAPI" of `fastapi.FastAPI` and of "FastAPI" in quotes."""
    return ast.unparse(annotation).strip("'\"").rpartition(".")[2] if annotation else ""


def _functions(tree: ast.Module) -> Iterator[str]:
    """Yield the functions of a module that are apps themselves."""
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and [each.arg for each in node.args.args] == ASGI:
            yield node.name


def _schema(tree: ast.Module) -> str:
    """Return the path of FastAPI's openapi.json, "" without FastAPI, or if the code computes it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "FastAPI":
            given = [each.value for each in node.keywords if each.arg in ("openapi_url", None)]
            return text_of(given[0]) if given else "/openapi.json"
    return ""


def _factories(tree: ast.Module, classes: frozenset[str]) -> Iterator[str]:
    """Yield the functions of a module that return an app and need no arguments."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        arguments = node.args
        needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
        needed += sum(default is None for default in arguments.kw_defaults)
        made = any(called(each) in classes for each in ast.walk(node))
        if needed == 0 and (last_name(node.returns) in classes or (node.name in FACTORIES and made)):
            yield node.name


def _routes(tree: ast.Module, variables: set[str]) -> Iterator[str]:
    """Yield the paths of `@app.get("/…")`, without those that have parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                path = _route(decorator, variables)
                if path.startswith("/") and "{" not in path:
                    yield path


def _route(decorator: ast.expr, variables: set[str]) -> str:
    """Return the path of a decorator that adds a GET route to one of the variables, "" for another."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return ""
    owner, method = decorator.func.value, decorator.func.attr
    own = isinstance(owner, ast.Name) and owner.id in variables
    return text_of(decorator.args[0]) if own and decorator.args and method in ("get", "api_route", "route") else ""


def _static(tree: ast.Module, repository: Repository, root: str, inside: set[str]) -> Iterator[tuple[str, str]]:
    """Yield URL path and folder of `app.mount("/static", StaticFiles(directory="static"))`, if git has the folder.

    inside: names of apps that are mounted themselves, whose paths are below another one.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or called(node) != "mount" or len(node.args) < 2 or _names([node.func]) & inside:
            continue
        files = node.args[1]
        if not isinstance(files, ast.Call) or called(files) != "StaticFiles":
            continue
        given = [each.value for each in files.keywords if each.arg == "directory"] or files.args[:1]
        path, folder = text_of(node.args[0]).rstrip("/"), posixpath.normpath(text_of(given[0])) if given else "."
        html = any(each.arg == "html" for each in files.keywords)
        outside = folder == "." or folder.startswith(("/", "../"))
        if path and not outside and not html and repository.has_folder(f"{root}/{folder}".strip("/")):
            yield path, folder


def text_of(node: ast.AST) -> str:
    """Return the text of a literal, "" for another expression."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def root_of(repository: Repository, file: str) -> str:
    """Return the nearest folder around a file that lists packages, "" if none below the top folder does."""
    for folder in Path(file).parents:
        if any(repository.has_file(f"{folder}/{name}" if str(folder) != "." else name) for name in ROOTS):
            return "" if str(folder) == "." else str(folder)
    return ""


def module_of(repository: Repository, file: str, root: str) -> str:
    """Return the name of a module, as Python imports it from `root` or its folder src/; "" for a package without a name."""
    path = Path(file).relative_to(root) if root else Path(file)
    parts = [*path.parent.parts, *([] if path.stem == "__init__" else [path.stem])]
    package = repository.has_file(f"{root}/src/__init__.py".lstrip("/"))
    return ".".join(parts[1:] if parts[:1] == ["src"] and len(parts) > 1 and not package else parts)


def named_module(repository: Repository) -> str:
    """Return the module that the project itself names: in its Procfile, Dockerfile or pyproject.toml; "" if there is none."""
    for file in ("Procfile", "Dockerfile"):
        lines = _server_lines(repository.text(file) or "")
        found = re.search(r"\b([A-Za-z_][\w.]*:[A-Za-z_]\w*)(?:\(\))?(?=[\s\"',]|$)", lines)
        if found:
            return found[1]
    return repository.toml("pyproject.toml", "tool", "fastapi", "entrypoint")


def named_server(repository: Repository) -> str:
    """Return the app server that the project starts itself: in its Procfile or Dockerfile; "" for gunicorn, and without either."""
    for file, starts in (("Procfile", r"web:"), ("Dockerfile", r"(?:CMD|ENTRYPOINT)\b")):
        lines = re.findall(rf"(?m)^{starts}.*", repository.text(file) or "")
        found = [re.search(r"[\s\"'\[/:](gunicorn|uvicorn|hypercorn)(?=[\s\"',]|$)", line) for line in lines]
        for each in found:
            if each:
                return "" if each[1] == "gunicorn" else each[1]
    return ""


def _server_lines(text: str) -> str:
    """Return the lines of a text that start an app server."""
    return "\n".join(line for line in text.splitlines() if re.search(r"uvicorn|gunicorn|hypercorn|granian|fastapi", line))
