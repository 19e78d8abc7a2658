"""Paths that the app may have changed: it can write to `shared`, and its files come back with each backup."""

import contextlib
import os
import shutil

from .settings import Failed

SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The ends of the names of an SQLite database's files."""


def within(path, folder):
    """Return whether a path is a folder itself, or below it."""
    return path == folder or path.startswith(f"{folder}/")


def topmost(names):
    """Return the paths that no other one contains, each once."""
    return [name for name in dict.fromkeys(names) if not any(within(name, other) and name != other for other in names)]


def safe_path(folder, name):
    """Return the path of a name below a folder. Raises Failed for "..", and if a parent is a link: the app could have made it."""
    path = folder
    *parents, last = name.split("/")
    for part in (*parents, last):
        if part in ("", ".", ".."):
            raise Failed(f"{name} is not a path below {folder}.", "Use another backup: `fab backups` lists all.")
    for part in parents:
        path = f"{path}/{part}"
        if os.path.islink(path):
            problem = f"{path} is a symbolic link, so the files below it were not replaced."
            raise Failed(problem, "Name the folder itself in backup.files.")
    return f"{folder}/{name}"


def remove(path):
    """Remove a file, a link, or a folder with its content."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
