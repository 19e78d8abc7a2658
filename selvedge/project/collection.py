"""A project that uses the installed package: its fabfile has five lines, and its own files replace those of the package."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection

_PACKAGED = Path(__file__).parents[1] / "templates"
PACKAGED_TEMPLATES = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parent.parent / "templates"
TEMPLATES = [PACKAGED_TEMPLATES]
"""The folders of templates; the first that has a template counts. In a checkout, templates/ is beside the package."""
FOLDER = "deploy"
"""The folder beside a project's fabfile with its own tasks/ and templates/ (`selvedge eject`)."""


def collection(fabfile: str, folder: str = FOLDER) -> Collection:
    """Return the tasks of `fab` for a project's fabfile.

    fabfile: the path of the fabfile (`__file__`). folder: a folder beside it. A file in its tasks/ or templates/ is used instead
    of the package's file of the same name.
    """
    own = Path(fabfile).resolve().parent / folder
    TEMPLATES.insert(0, own / "templates")
    for name, path in (("selvedge.tasks", own / "tasks"), ("selvedge.tasks.parts", own / "tasks" / "parts")):
        # Python looks in these folders in their order for the modules of a package (https://docs.python.org/3/reference/import.html).
        importlib.import_module(name).__path__.insert(0, str(path))
    found: Collection = importlib.import_module("selvedge.tasks.groups").namespace
    return found
