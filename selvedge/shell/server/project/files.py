"""The files of a project: of a folder on this machine, or of whatever else a Tree reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Protocol

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
        found = (self._top / path).resolve()
        return found if found.is_relative_to(self._top) else self._top / "/dev/null"

    def read(self, path: str) -> str | None:
        found = self._inside(path)
        return decoded(found.read_bytes()) if found.is_file() and found.stat().st_size <= LARGEST else None

    def list(self, path: str) -> list[str]:
        found = self._inside(path)
        return sorted(each.name + ("/" if each.is_dir() else "") for each in found.iterdir()) if found.is_dir() else []


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
    """Return a TOML file, empty if it is missing. Raises Refused if it is not TOML."""
    text = tree.read(path)
    if text is None:
        return {}
    toml = _toml()
    try:
        return toml.loads(text)  # type: ignore[no-any-return]
    except ValueError as error:
        raise Refused(f"{path} is not valid TOML: {str(error).rstrip('.')}. Correct it, and commit.") from None


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
