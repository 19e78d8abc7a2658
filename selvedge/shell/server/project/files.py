"""The files of a project: of a folder on this machine, or of whatever else a Tree reads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .shapes import problems

LARGEST = 64 << 20
"""Bytes of a file that is read. Lock files have a few megabytes at most."""


class Refused(Exception):
    """The project cannot be built as it is. The text is one or more sentences, the last of which says what to do."""


class Tree(Protocol):
    """A commit's files. Paths are relative to its top folder and have no "..". """

    def read(self, path: str) -> str | None:
        """Return the text of a file, None if there is no such file in the commit."""

    def list(self, path: str) -> list[str]:
        """Return the names in a folder, empty if there is no such folder. A folder's name ends with "/"."""


class Checkout:
    """The tree in a folder of this machine. Links that lead out of it are not followed."""

    def __init__(self, top: str) -> None:
        self._top = Path(top).resolve()

    def _inside(self, path: str) -> Path:
        try:
            found = (self._top / path).resolve()
        except RuntimeError:
            # Links that lead in a circle.
            return Path("/dev/null")
        return found if found.is_relative_to(self._top) else Path("/dev/null")

    def read(self, path: str) -> str | None:
        found = self._inside(path)
        try:
            return decoded(found.read_bytes()) if found.is_file() and found.stat().st_size <= LARGEST else None
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror}. Make it readable for you.") from None

    def list(self, path: str) -> list[str]:
        found = self._inside(path)
        try:
            return sorted(each.name + ("/" if each.is_dir() else "") for each in found.iterdir()) if found.is_dir() else []
        except OSError as error:
            raise Refused(f"The folder {path} cannot be read: {error.strerror}. Make it readable for you.") from None


def decoded(data: bytes) -> str:
    """Return the text of a file as pip reads it: by its byte order mark, else UTF-8."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def join(folder: str, name: str) -> str:
    """Return the path of a name in a folder; the top folder is ""."""
    return f"{folder}/{name}" if folder else name


def parents(folder: str) -> list[str]:
    """Return a folder and the folders around it, up to the top folder "" ."""
    found = [folder]
    while found[-1]:
        found.append(found[-1].rpartition("/")[0])
    return found


def read_toml(tree: Tree, path: str) -> dict[str, Any]:
    """Return a TOML file, empty if it is missing. Raises Refused if it is not TOML, or if a key has another type than its own."""
    text = tree.read(path)
    return {} if text is None else parsed(path, "TOML", _toml().loads, text, "Correct it, and commit.")


def parsed(path: str, language: str, parse: Callable[[str], Any], text: str, remedy: str) -> dict[str, Any]:
    """Return the table of a file that `parse` reads. Raises Refused as `read_toml`, with the remedy as its last sentence."""
    try:
        data = parse(text)
    except RecursionError:
        raise Refused(f"{path} has too many tables or lists inside each other. {remedy}") from None
    except ValueError as error:
        raise Refused(f"{path} is not valid {language}: {str(error).rstrip('.')}. {remedy}") from None
    if problem := next(problems(path.rpartition("/")[2], data), ""):
        raise Refused(f"{path} has a value of the wrong type: {problem}. {remedy}")
    return data  # type: ignore[no-any-return]


def table(data: Any, *keys: str) -> dict[str, Any]:
    """Return a table inside a table, empty if it is missing or no table."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _toml() -> Any:
    """Return tomllib; before Python 3.11 its origin tomli, from the pip that Debian's python3-venv brings."""
    try:
        import tomllib
    except ImportError:
        sys.path += map(str, Path("/usr/share/python-wheels").glob("pip-*.whl"))
        from pip._vendor import tomli as tomllib  # type: ignore[no-redef]
    return tomllib
