"""A project that uses the installed package: its fabfile has five lines, and its own files replace those of the package."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection

_PACKAGED = Path(__file__).parents[1] / "templates"
PACKAGED_TEMPLATES = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parent.parent / "templates"
TEMPLATES = [PACKAGED_TEMPLATES]
"""The folders of templates; the first that has a template counts. In a checkout, templates/ is beside the package."""
CONFLICT = "<<<<<<< "
"""The beginning of the first line of a conflict, as `git merge-file` writes it."""
FOLDER = "deploy"
"""The folder beside a project's fabfile with its own tasks/ and templates/ (`selvedge eject`)."""


def collection(fabfile: str) -> Collection:
    """Return the tasks of `fab` for a project's fabfile.

    fabfile: the path of the fabfile (`__file__`). A file in tasks/ or templates/ of the folder deploy/ beside it is used instead of
    the package's file of the same name.

    Raises:
        SystemExit: with status 2, after a message, if such a task cannot be loaded.
    """
    own = Path(fabfile).resolve().parent / FOLDER
    TEMPLATES.insert(0, own / "templates")
    for name, path in (("selvedge.tasks", own / "tasks"), ("selvedge.tasks.parts", own / "tasks" / "parts")):
        # Python looks in these folders in their order for the modules of a package (https://docs.python.org/3/reference/import.html).
        importlib.import_module(name).__path__.insert(0, str(path))
    try:
        found: Collection = importlib.import_module("selvedge.tasks.groups").namespace
    except Exception as error:
        sentence = _mistake(error, own)
        if not sentence or {"-d", "--debug"} & set(sys.argv) or os.environ.get("SELVEDGE_DEBUG"):
            raise
        sys.stderr.write(sentence)
        raise SystemExit(2) from None
    return found


def _mistake(error: Exception, own: Path) -> str:
    """Return what is wrong in a task of the project's own, "" if the error is elsewhere. fab shows a traceback otherwise."""
    places = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    if isinstance(error, ImportError) and error.path:
        places.append((error.path, None))
    inside = [place for place in places if Path(place[0]).is_relative_to(own)]
    if not inside:
        return ""
    file, line = inside[-1]
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return (
        f"{file}:{f' line {line}:' if line else ''} {type(error).__name__}: {said}.\n"
        "Correct it. Or delete the file: then the task of the package counts. With `fab --debug …` you see the traceback.\n"
    )
