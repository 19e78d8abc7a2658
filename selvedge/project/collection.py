"""A project that uses the installed package: its fabfile has five lines, and its own files replace those of the package."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.version import VERSION

if TYPE_CHECKING:
    from invoke.collection import Collection

_PACKAGE = Path(__file__).parents[1]
if not (_PACKAGE / "templates").is_dir():
    # In a checkout, which `pip install --editable` uses too, tasks/, templates/ and sandbox/ are beside the package.
    _PACKAGE = _PACKAGE.parent
    importlib.import_module("selvedge").__path__.append(str(_PACKAGE))
PACKAGED_TEMPLATES = _PACKAGE / "templates"
TEMPLATES = [PACKAGED_TEMPLATES]
"""The folders of templates; the first that has a template counts."""
CONFLICT = "<<<<<<< "
"""The beginning of the first line of a conflict, as `git merge-file` writes it."""
FOLDER = "deploy"
"""The folder beside a project's fabfile with its own tasks/ and templates/ (`selvedge eject`)."""
BASES = ".ejected"
"""The folder in it with the package's text of each copied file, as it was: merges begin there. git has it, too."""
VERSION_FILE = "version"
"""The file in that folder with the version that these texts are from."""


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


def outdated_copies() -> str:
    """Return a sentence if the project's copies are from another version than the installed package; "" otherwise."""
    for folder in TEMPLATES[:-1]:
        try:
            version = (folder.parent / BASES / VERSION_FILE).read_text("utf-8").strip()
        except (OSError, ValueError):
            continue
        if version != VERSION:
            what = f"The files in {FOLDER}/ are from Selvedge {version}, and {VERSION} is installed"
            return f"{what}. `selvedge upgrade` merges the changes into them."
    return ""


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
    packaged = Path(importlib.import_module("selvedge.tasks").__path__[-1]).parent / Path(file).relative_to(own)
    return (
        f"{file}:{f' line {line}:' if line else ''} {type(error).__name__}: {said}.\n"
        f"{own_remedy(packaged=packaged.exists())} `fab --debug …` shows the traceback.\n"
    )


def own_remedy(*, packaged: bool) -> str:
    """Return what to do about a mistake in a file of the project's own. packaged: the package has a file with this name, too."""
    return f"Correct it.{' Or delete it: then the file of the package is used.' if packaged else ''}"
