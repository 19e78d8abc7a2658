"""`selvedge eject`: copy a task or a template of the package into the project, to edit it there."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selvedge.cli import packaged
from selvedge.cli.files import is_there, write_all
from selvedge.cli.say import Say
from selvedge.errors import UsageError
from selvedge.project.collection import BASES, VERSION_FILE
from selvedge.version import VERSION


def eject(start: Path, names: list[str], say: Say) -> None:
    """Copy files of the package into the project around the folder `start`. Without names, list what can be copied.

    names: those of tasks and templates, such as "nginx" and "nginx/site.conf.j2", or a folder such as "templates/nginx".

    Raises:
        UsageError: there is no project, or no task or template has one of the names. Nothing is written then.
    """
    deploy = packaged.own_folder(start)
    files = packaged.files()
    if not names:
        for each in files:
            say(each)
        return
    wanted = list(dict.fromkeys(each for given in names for each in _named(given, files)))
    there = {name for name in wanted if is_there(deploy / name)}
    new = [name for name in wanted if name not in there]
    bases = deploy / BASES
    # The package's texts come first: a file without its own could not be merged.
    contents = {folder / name: files[name].read_bytes() for folder in (bases, deploy) for name in new}
    if new and not is_there(bases / VERSION_FILE):
        contents[bases / VERSION_FILE] = f"{VERSION}\n".encode()
    write_all(contents)
    for name in wanted:
        if name in there:
            say(f"{deploy.name}/{name} exists already, and stays as it is.")
        else:
            say(f"Written: {deploy.name}/{name}. `fab` uses it in place of the package's file.")
    for name, folder in _templates_beside(names, files, deploy):
        say(f"The templates of {name} stay the package's. To copy them, too: `selvedge eject {folder}`.")
    if new:
        say("To bring such files up to date with a new version of Selvedge: `selvedge upgrade`.")


def _templates_beside(names: list[str], files: dict[str, Path], deploy: Path) -> Iterator[tuple[str, str]]:
    """Yield the tasks among the names that have templates, with the folder of these, unless the project has some of them."""
    for name in names:
        folder = f"templates/{name}"
        if f"tasks/{name}.py" in files and any(each.startswith(f"{folder}/") for each in files) and not (deploy / folder).exists():
            yield name, folder


def _named(name: str, files: dict[str, Path]) -> list[str]:
    """Return the files that a name of the user means. Raises UsageError if there is none."""
    plain = name.removeprefix("./").rstrip("/").removeprefix("deploy/")
    for each in (plain, f"templates/{plain}", f"templates/{plain}.j2", f"tasks/{plain}", f"tasks/{plain}.py", _module(plain)):
        if each in files:
            return [each]
    inside = [each for each in files if each.startswith(f"{plain}/")]
    if inside:
        return inside
    near = difflib.get_close_matches(plain, [*files, *(each.partition("/")[2] for each in files)], n=3)
    hint = f" Near it: {', '.join(near)}." if near else ""
    raise UsageError(f"Selvedge has no task or template {name}.{hint}", "See all of them: `selvedge eject`.")


def _module(task: str) -> str:
    """Return the file of a task that has another name than its file, "" if there is no such task."""
    namespace: Any = importlib.import_module("selvedge.tasks.groups").namespace
    if task not in namespace.task_names:
        return ""
    return f"tasks/{namespace[task].body.__module__.rpartition('.')[2]}.py"
