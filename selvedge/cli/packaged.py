"""The tasks and templates of the installed package, and those that a project has copied from it (`selvedge eject`)."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from selvedge.errors import UsageError
from selvedge.project.collection import FOLDER, PACKAGED_TEMPLATES

SUFFIXES = (".py", ".j2")
"""How the names of tasks and templates end."""
IMPORT = re.compile(r"^\s*(?:from selvedge\.project\b|import selvedge\.project\b|from selvedge import .*\bproject\b)", re.MULTILINE)
"""A line of a fabfile that uses the installed package."""


def folders() -> dict[str, Path]:
    """Return the folders of the package whose files a project can have of its own, by their names."""
    tasks = importlib.import_module("selvedge.tasks").__file__
    assert tasks is not None
    return {"tasks": Path(tasks).parent, "templates": PACKAGED_TEMPLATES}


def files() -> dict[str, Path]:
    """Return all files that a project can have of its own: names such as "templates/nginx/site.conf.j2" and their places."""
    found = {}
    for name, folder in folders().items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES and path.name != "__init__.py":
                found[f"{name}/{path.relative_to(folder)}"] = path
    return found


def own_folder(start: Path) -> Path:
    """Return the folder deploy/ of the project around a folder; it may not exist yet. Raises UsageError outside of a project."""
    for folder in (start, *start.parents):
        fabfile = folder / "fabfile.py"
        if fabfile.is_file() and IMPORT.search(fabfile.read_text("utf-8", errors="replace")):
            return folder / FOLDER
    problem = f"No fabfile.py that uses the installed Selvedge is in {start} or above it."
    raise UsageError(problem, "Change to the project's folder. A new project: `selvedge init`.")
