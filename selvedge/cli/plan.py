"""What `selvedge init` finds out about a project, before it asks anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

from pydantic import TypeAdapter, ValidationError

from selvedge.cli import imported, sources
from selvedge.cli.repository import Repository
from selvedge.cli.sources import App
from selvedge.cli.variables import settings_variables
from selvedge.config.procfile import parse_procfile
from selvedge.config.types import AppName, GitRef, ModulePath, RelativePath, UrlPath, UrlPrefix
from selvedge.errors import UsageError
from selvedge.shell.quoting import quote
from selvedge.value import Value

ANY_ANSWER = ("200-404",)
GENERIC = ("app", "api", "backend", "server", "src", "project")
"""Names of projects that say less than the name of the repository's folder."""
NO_STATIC = "The app serves {} at {}. nginx.static cannot have such a name, so nginx leaves these files to the app."
OTHER_PROCESSES = "The Procfile has other processes, too: {}. hosts.toml runs them beside the web process, as part of each release."
PROCESSES_ABOVE = (
    "The Procfile has other processes, too: {}. Its commands are for the top folder of the repository, and those of hosts.toml run "
    "in {}. Add them to [processes] with paths from there."
)


class Project(Value):
    """The settings of hosts.toml that the project itself decides.

    notes: sentences for the user. processes: names and commands of those beside the web process. variables: those that the app's
    settings class requires.
    """

    name: str
    branch: str
    root: str
    module: str
    server: str
    health: str
    health_status: tuple[str, ...]
    migrate: str
    static: tuple[tuple[str, str], ...]
    processes: tuple[tuple[str, str], ...]
    variables: tuple[str, ...]
    notes: tuple[str, ...]


def problem(kind: Any, value: str) -> str:
    """Return why a value is not of a type of settings, the end of a sentence; "" if it is."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return ""


def look(repository: Repository, module: str) -> Project:
    """Return what the files of a repository say. module: that of --module, "" to find it.

    Raises:
        UsageError: there is no app.
    """
    app, notes = _app(repository, module)
    health, statuses, more = _health(repository, app)
    migrate = _migrate(repository, app.root)
    processes, about = _processes(repository, app.root)
    more += about
    static = [each for each in app.static if not problem(UrlPrefix, each[0]) and not problem(RelativePath, each[1])]
    more += [NO_STATIC.format(folder, path) for path, folder in app.static if (path, folder) not in static]
    branch, about = _branch(repository)
    more += about
    return Project(
        name=_name(repository, app.root),
        branch=branch,
        root=app.root,
        module=app.module,
        server=sources.named_server(repository),
        health=health,
        health_status=statuses,
        migrate=migrate,
        static=tuple(static),
        processes=tuple(processes.items()),
        variables=tuple(settings_variables(repository, app.root)),
        notes=(*notes, *more),
    )


def _processes(repository: Repository, root: str) -> tuple[dict[str, str], list[str]]:
    """Return the processes of the Procfile in the app's folder, and what to say of them or of those in the top folder."""
    found = parse_procfile(repository.text(f"{root}/Procfile".lstrip("/")) or "")
    if found:
        return found, [OTHER_PROCESSES.format(", ".join(found))]
    above = parse_procfile(repository.text("Procfile") or "") if root else {}
    return {}, [PROCESSES_ABOVE.format(", ".join(above), f"{root}/")] if above else []


def _app(repository: Repository, module: str) -> tuple[App, list[str]]:
    found = sources.apps(repository)
    wanted = module or sources.named_module(repository)
    if wanted:
        same = [app for app in found if app.module.removesuffix("()") == wanted.removesuffix("()")]
        if same:
            return same[0], []
    if module:
        app = _named(repository, module)
        return app, [f"{app.file} does not show {module.partition(':')[2]}. The first deploy checks that it is there."]
    usable = [app for app in found if not _unusable(app)]
    if not usable:
        raise _unusable_error(found[0]) if found else _no_app(repository)
    others = ", ".join([app.module for app in usable[1:] if app.file != usable[0].file][:4])
    notes = [f"The repository has other apps, too: {others}. To choose one: `selvedge init --module …`."] if others else []
    return usable[0], notes


def _no_app(repository: Repository) -> UsageError:
    """Return the error for a repository without an app, with the files that may have one but cannot be read."""
    unread = [file for file in sources.own_files(repository) if Path(file).stem in sources.FILES]
    unread = [file for file in unread if sources.parsed(repository, file) is None][:4]
    hints = f" These files are too large or no valid Python: {', '.join(unread)}." if unread else ""
    hints += " Submodules are not read: run it in the submodule." if repository.has_file(".gitmodules") else ""
    return UsageError(
        f"The repository {repository.top} has no ASGI app that can be found by reading: no variable that is a FastAPI() and no "
        f"function without arguments that returns one. Files that git ignores are not read.{hints}",
        "Name it: `selvedge init --module app.main:app`.",
    )


def _unusable(app: App) -> str:
    """Return the part of the app's path that hosts.toml cannot have, "" if there is none."""
    if problem(RelativePath, app.root):
        return next(part for part in Path(app.root).parts if problem(RelativePath, part))
    if app.module.startswith(":"):
        return Path(app.file).name
    inside = Path(app.file).with_suffix("").parts[len(Path(app.root).parts) :]
    return next((part for part in inside if "." in part or problem(ModulePath, f"{part}:app")), "")


def _unusable_error(app: App) -> UsageError:
    """Return the error for an app in a file or folder whose name prevents a deploy."""
    part = _unusable(app)
    if part == "__init__.py":
        remedy = "Move it, for example to main.py."
        return UsageError(f"The app in {app.file} cannot be imported: the top folder is no package with a name.", remedy)
    if part in Path(app.root).parts:
        return UsageError(
            f"The app's folder is {app.root}, and app.root {problem(RelativePath, app.root)}.", f"Rename {part}: `git mv`."
        )
    remedy = f"Rename {part}: `git mv`."
    if Path(app.file).stem != part:
        remedy += f" Or put a requirements.txt or pyproject.toml into the folder {part}: then its name is not part of the module."
    return UsageError(f"The app in {app.file} cannot be imported: {part} is no name of a module (a-z, 0-9, _).", remedy)


def _named(repository: Repository, module: str) -> App:
    """Return the app of --module, which no file shows."""
    path = module.partition(":")[0].replace(".", "/")
    for file in repository.python_files():
        if file.endswith((f"{path}.py", f"{path}/__init__.py")):
            root = sources.root_of(repository, file)
            if sources.module_of(repository, file, root) == module.partition(":")[0]:
                return App(file, root, module)
    problem = f"The repository {repository.top} has no module {module.partition(':')[0]}."
    raise UsageError(problem, "Correct --module: `module:variable`.")


def _name(repository: Repository, root: str) -> str:
    """Return a valid name for the app: that of its pyproject.toml, else of the repository's folder."""
    file = f"{root}/pyproject.toml".lstrip("/")
    named = repository.toml(file, "project", "name") or repository.toml(file, "tool", "poetry", "name")
    for text in ("" if named.lower() in GENERIC else named, repository.top.name, named):
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("0123456789-")[:30].rstrip("-")
        if name and not problem(AppName, name):
            return name
    return "web-app"


def _branch(repository: Repository) -> tuple[str, list[str]]:
    """Return the branch to release: the one that is checked out, else a usual one; and notes."""
    current = repository.branch
    if current and not problem(GitRef, current):
        return current, []
    usual = next(iter(repository.usual_branches), "")
    if not usual:
        branches = f"the branch {current}, whose name app.branch cannot have" if current else "no branch"
        remedy = "Check out the branch to release: `git switch NAME`, or `git switch -c main` for a new one."
        raise UsageError(f"The repository {repository.top} has checked out {branches}, and has no branch main or master.", remedy)
    why = f"app.branch cannot have the name {current}" if current else "no branch is checked out"
    return usual, [f"`fab deploy` releases the branch {usual}, because {why}. To release another one, change app.branch."]


def _health(repository: Repository, app: App) -> tuple[str, tuple[str, ...], list[str]]:
    """Return a path that answers without parameters, the statuses to accept (none: those of a default), and notes."""
    best = _best(app.routes)
    schema = app.schema if app.schema and not problem(UrlPath, app.schema) else ""
    if not sources.HEALTH.fullmatch(best):
        best = _best(imported.routes(repository.top, app.root, app.module) or ()) or best or schema
    if best == schema != "":
        return best, (), [f"No route for a health check was found, so it is {best}, which FastAPI answers."]
    if best:
        return best, (), []
    return "/", ANY_ANSWER, ["No route for a health check was found, so any answer counts, 404 too. Name a route in app.health."]


def _best(found: Iterable[str]) -> str:
    """Return the path that suits a health check best, as a request has it; "" without one."""
    encoded = (percent_encoded(each, safe="/~:@+,=%") for each in found)
    routes = [each for each in encoded if not problem(UrlPath, each)]
    health = sorted((each for each in routes if sources.HEALTH.fullmatch(each)), key=len)
    return next(iter([*health, *(each for each in ("/", "/openapi.json") if each in routes)]), "")


def _migrate(repository: Repository, root: str) -> str:
    """Return the command that brings the database up to date: of the Procfile, else with Alembic; "" without either."""
    command = re.search(r"(?m)^release:[ \t]*(\S.*)$", repository.text("Procfile") or "")
    if command and not root:
        return command[1].strip()
    aside = sources.ASIDE - {"alembic", "migrations", "deploy", "scripts"}
    files = (each for each in repository.files if Path(each).name == "alembic.ini" and not aside & set(Path(each).parts))
    found = sorted(files, key=lambda each: (each.count("/"), each))
    inside = [each[len(root) + 1 :] if root else each for each in found if not root or each.startswith(f"{root}/")]
    if not inside:
        return ""
    return "alembic upgrade head" if inside[0] == "alembic.ini" else f"alembic -c {quote(inside[0])} upgrade head"
