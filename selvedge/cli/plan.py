"""What `selvedge init` finds out about a project, before it asks anything."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path

from selvedge.cli import imported, sources
from selvedge.cli.repository import Repository
from selvedge.cli.sources import App
from selvedge.config.types import RESERVED_NAMES
from selvedge.errors import UsageError
from selvedge.value import Value


class Project(Value):
    """The settings of hosts.toml that the project itself decides.

    notes: sentences for the user. variables: those that the app's settings class requires.
    """

    name: str
    branch: str
    root: str
    module: str
    health: str
    migrate: str
    static: tuple[tuple[str, str], ...]
    variables: tuple[str, ...]
    notes: tuple[str, ...]


def look(repository: Repository, module: str) -> Project:
    """Return what the files of a repository say. module: that of --module, "" to find it.

    Raises:
        UsageError: there is no app.
    """
    app, notes = _app(repository, module)
    health, more = _health(repository, app)
    return Project(
        name=_name(repository, app.root),
        branch=repository.branch or "main",
        root=app.root,
        module=app.module,
        health=health,
        migrate=_migrate(repository, app.root),
        static=app.static,
        variables=tuple(sources.settings_variables(repository, app.root)),
        notes=(*notes, *more),
    )


def _app(repository: Repository, module: str) -> tuple[App, list[str]]:
    found = sources.apps(repository)
    wanted = module or sources.named_module(repository)
    if wanted:
        same = [app for app in found if app.module.removesuffix("()") == wanted.removesuffix("()")]
        if same or module:
            return (same or [_named(repository, module)])[0], []
    if not found:
        raise UsageError(
            f"The repository {repository.top} has no ASGI app that can be found by reading: no variable that is a FastAPI() and no "
            "function that returns one.",
            "Name it: `selvedge init --module app.main:app`.",
        )
    others = ", ".join([app.module for app in found[1:] if app.file != found[0].file][:4])
    notes = [f"The repository has other apps, too: {others}. To choose one: `selvedge init --module …`."] if others else []
    return found[0], notes


def _named(repository: Repository, module: str) -> App:
    """Return the app of --module, which no file shows."""
    path = module.partition(":")[0].replace(".", "/")
    for file in repository.python_files():
        if file.endswith((f"{path}.py", f"{path}/__init__.py")):
            root = sources.root_of(repository, file)
            if sources.module_of(file, root) == module.partition(":")[0]:
                return App(file, root, module)
    problem = f"The repository {repository.top} has no module {module.partition(':')[0]}."
    raise UsageError(problem, "Correct --module: `module:variable`.")


def _name(repository: Repository, root: str) -> str:
    """Return a valid name for the app: that of its pyproject.toml, else of the repository's folder."""
    named = ""
    try:
        data = tomllib.loads(repository.text(f"{root}/pyproject.toml".lstrip("/"), sources.LARGEST) or "")
        named = str(data.get("project", {}).get("name", ""))
    except tomllib.TOMLDecodeError:
        pass
    for text in (named, repository.top.name, "web"):
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("0123456789-")[:30].rstrip("-")
        if name and name not in RESERVED_NAMES and name not in ("src", "backend"):
            return name
    return "web-app"


def _health(repository: Repository, app: App) -> tuple[str, list[str]]:
    """Return a path that answers without parameters, and notes."""
    best = _best(app.routes)
    if sources.HEALTH.fullmatch(best):
        return best, []
    known = imported.routes(repository.top, app.root, app.module)
    if known is None:
        if best:
            return best, []
        return "/openapi.json", ["No route for a health check was found, so it is /openapi.json, which FastAPI answers."]
    return _best(known) or "/", []


def _best(routes: tuple[str, ...] | list[str]) -> str:
    """Return the path that suits a health check best, "" without one."""
    health = sorted((each for each in routes if sources.HEALTH.fullmatch(each)), key=len)
    return next(iter([*health, *(each for each in ("/", "/openapi.json") if each in routes)]), "")


def _migrate(repository: Repository, root: str) -> str:
    """Return the command that brings the database up to date with Alembic, "" without Alembic."""
    files = (each for each in repository.files if Path(each).name == "alembic.ini")
    found = sorted(files, key=lambda each: (each.count("/"), each))
    inside = [each[len(root) + 1 :] if root else each for each in found if not root or each.startswith(f"{root}/")]
    if not inside:
        return ""
    return "alembic upgrade head" if inside[0] == "alembic.ini" else f"alembic -c {inside[0]} upgrade head"
