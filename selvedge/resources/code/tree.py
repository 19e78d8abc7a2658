"""The names in a commit on this machine: one call of git for a commit."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from selvedge.resources.code.git import git
from selvedge.value import Value

LINK, SUBMODULE, FOLDER = "120000", "160000", "040000"
"""Modes of entries that are no files (git-fast-import(1), section filemodify)."""


class Entry(Value):
    """An entry of a commit. path: relative to the top folder. mode: six digits. sha: of a submodule's commit, or of the content."""

    path: str
    mode: str
    sha: str


@functools.cache
def entries(repository: Path, commit: str) -> tuple[Entry, ...] | None:
    """Return all files, folders, links and submodules of a commit, None if git cannot read it. A commit never changes.

    Raises SelvedgeError if git is not installed.
    """
    done = git(repository, "ls-tree", "-r", "-t", "-z", commit, environment_variables=git_variables(repository))
    if done.returncode != 0:
        return None
    lines = (line.partition("\t") for line in done.stdout.split("\0") if line)
    return tuple(Entry(path, *about.split()[::2]) for about, _, path in lines)


@functools.cache
def folders(repository: Path, commit: str) -> Mapping[str, Mapping[str, str]]:
    """Return folder → name → mode of a commit's entries, empty if git cannot read it. The top folder is ""."""
    found: dict[str, dict[str, str]] = {"": {}}
    for entry in entries(repository, commit) or ():
        folder, _, name = entry.path.rpartition("/")
        found.setdefault(folder, {})[name] = entry.mode
    return found


def git_variables(folder: Path) -> dict[str, str]:
    """Return git's variables for a repository's own folder: the checkout that it names may be missing."""
    return {} if (folder / ".git").exists() or not (folder / "HEAD").is_file() else {"GIT_WORK_TREE": "."}
