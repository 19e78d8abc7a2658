"""A project's own files, read by selvedge/shell/server/project: on the server, or in a checkout on this machine."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from selvedge.errors import ConfigError
from selvedge.resources.code.git import git
from selvedge.resources.code.tree import FOLDER, LINK, folders
from selvedge.shell import library
from selvedge.shell.server.project import locks, names, pythons
from selvedge.shell.server.project.files import Refused, decoded

if TYPE_CHECKING:
    from selvedge.config.target import Target

SOURCE = Path(library.__file__).parent / "server" / "project"


@functools.cache
def program() -> bytes:
    """Return the package as a zip file that Python runs. The same source gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(SOURCE.glob("*.py")):
            name = path.name if path.name == "__main__.py" else f"project/{path.name}"
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@functools.cache
def _answer(checkout: Path, *arguments: str) -> bytes | None:
    """Return git's output, None if it fails. A commit never changes, so a run asks only once."""
    done = git(checkout, *arguments)
    return done.stdout.encode("utf-8", "surrogateescape") if done.returncode == 0 else None


class Commit:
    """The tree of a commit in a checkout on this machine. commit: its full hash."""

    def __init__(self, checkout: Path, commit: str) -> None:
        self._checkout, self._commit = checkout, commit

    def read(self, path: str) -> str | None:
        folder, _, name = path.rpartition("/")
        # Most of the files that a project may have are missing: git is not asked for those.
        if self._names(folder).get(name, FOLDER) == FOLDER:
            return None
        found = _answer(self._checkout, "cat-file", "blob", f"{self._commit}:{path}")
        return None if found is None else decoded(found)

    def has_links(self, root: str) -> bool:
        """Return whether a part of a path, or an entry of its folder, is a symbolic link: only a checkout can follow it."""
        parts = PurePosixPath(root)
        above = [self._names(_folder(path.parent)).get(path.name) for path in (parts, *parts.parents)]
        return LINK in [*above, *self._names(root).values()]

    def list(self, path: str) -> list[str]:
        return [name + ("/" if mode == FOLDER else "") for name, mode in self._names(path).items()]

    def _names(self, folder: str) -> Mapping[str, str]:
        return folders(self._checkout, self._commit).get(folder, {})


def _folder(path: PurePosixPath) -> str:
    return "" if path == PurePosixPath() else str(path)


def check_project(app: Target, commit: str) -> None:
    """Check that an environment can be built from a commit of the checkout on this machine. Raises ConfigError.

    With symbolic links, only the server's checkout can tell.
    """
    if app.repository_path is None:
        return
    tree, root = Commit(app.repository_path, commit), app.root
    if tree.has_links(root):
        return
    try:
        lock, _ = locks.find(tree, root, app.requirements)
        names.check(tree, root, lock, app.extras, app.dependency_groups)
        if app.python:
            pythons.decide(tree, root, lock, app.python, "")
    except Refused as error:
        where = f"{app.repository_path} at {commit[:12]}"
        raise ConfigError(where, "", str(error)) from None


def asked_python(app: Target) -> str:
    """Return what a commit on this machine says of its Python, e.g. ">=3.13"; "" if it says nothing, or app.python is set.

    Raises Pending while the commit is unknown.
    """
    return "" if app.python or app.repository_path is None else _asked(app.repository_path, app.commit, app.root, app.requirements)


@functools.cache
def _asked(checkout: Path, commit: str, root: str, requirements: str) -> str:
    """Cached: a step is declared several times a run."""
    tree = Commit(checkout, commit)
    try:
        lock, _ = locks.find(tree, root, requirements)
        wanted = [*pythons.laws(tree, root, lock), *pythons.pins(tree, root)]
    except Refused:
        return ""
    return " and ".join(dict.fromkeys(want.text for want in wanted))
