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

ANY_ANSWER = ("200-404",)
GENERIC = ("app", "api", "backend", "server", "src", "project")
"""Names of projects that say less than the name of the repository's folder."""
OTHER_PROCESSES = "The Procfile has other processes, too: {}. Selvedge runs the web process; run the others on their own."


class Project(Value):
    """The settings of hosts.toml that the project itself decides.

    notes: sentences for the user. variables: those that the app's settings class requires.
    """

    name: str
    branch: str
    root: str
    module: str
    health: str
    health_status: tuple[str, ...]
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
    health, statuses, more = _health(repository, app)
    migrate = _migrate(repository, app.root)
    process = _processes(repository)
    more += [OTHER_PROCESSES.format(", ".join(process))] if process else []
    return Project(
        name=_name(repository, app.root),
        branch=repository.branch or "main",
        root=app.root,
        module=app.module,
        health=health,
        health_status=statuses,
        migrate=migrate,
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
    for text in ("" if named.lower() in GENERIC else named, repository.top.name, named):
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("0123456789-")[:30].rstrip("-")
        if name and name not in RESERVED_NAMES:
            return name
    return "web-app"


def _health(repository: Repository, app: App) -> tuple[str, tuple[str, ...], list[str]]:
    """Return a path that answers without parameters, the statuses to accept (none: those of a default), and notes."""
    best = _best(app.routes)
    if not sources.HEALTH.fullmatch(best):
        best = _best(imported.routes(repository.top, app.root, app.module) or ()) or best or app.schema
    if best == app.schema != "":
        return best, (), [f"No route for a health check was found, so it is {best}, which FastAPI answers."]
    if best:
        return best, (), []
    return "/", ANY_ANSWER, ["No route for a health check was found, so any answer counts, 404 too. Name a route in app.health."]


def _best(routes: tuple[str, ...] | list[str]) -> str:
    """Return the path that suits a health check best, "" without one."""
    health = sorted((each for each in routes if sources.HEALTH.fullmatch(each)), key=len)
    return next(iter([*health, *(each for each in ("/", "/openapi.json") if each in routes)]), "")


def _processes(repository: Repository) -> list[str]:
    """Return the names of processes in the Procfile that are neither the web process nor the release command."""
    names = re.findall(r"(?m)^([A-Za-z0-9_-]+):", repository.text("Procfile", sources.LARGEST) or "")
    return [name for name in names if name not in ("web", "release")]


def _migrate(repository: Repository, root: str) -> str:
    """Return the command that brings the database up to date: of the Procfile, else with Alembic; "" without either."""
    command = re.search(r"(?m)^release:[ \t]*(\S.*)$", repository.text("Procfile", sources.LARGEST) or "")
    if command and not root:
        return command[1].strip()
    files = (each for each in repository.files if Path(each).name == "alembic.ini")
    found = sorted(files, key=lambda each: (each.count("/"), each))
    inside = [each[len(root) + 1 :] if root else each for each in found if not root or each.startswith(f"{root}/")]
    if not inside:
        return ""
    return "alembic upgrade head" if inside[0] == "alembic.ini" else f"alembic -c {inside[0]} upgrade head"
