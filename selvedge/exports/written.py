"""Write the files of an export to the repository, and keep those that someone has edited.

The first line of a file has a digest of the rest, as Selvedge made it. If the text still has this digest, no one has edited it.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from selvedge.errors import SelvedgeError
from selvedge.report import Report
from selvedge.shell.quoting import quote
from selvedge.value import Value

LARGEST = 1 << 20
"""Bytes of a file that is compared."""
_MARK = re.compile(r"Made by `fab export\.([a-z-]+)`, digest ([0-9a-f]{16})\.")
_NONE = "0" * 16
_GROUP = re.compile(r"# The group (\S+) of hosts\.toml\.")
"""How the main file of a group's folder begins (templates/exports/kubernetes/overlay.yaml.j2)."""


class ExportFile(Value):
    """A file of an export. path: relative to the repository's top folder. text: what `marked` returned."""

    path: str
    text: str


def mark(export: str) -> str:
    """Return the sentence that a template has in its first line, with an empty digest."""
    return f"Made by `fab export.{export}`, digest {_NONE}."


def marked(text: str) -> str:
    """Return a text with its digest in the mark. Raises ValueError for a text without a mark."""
    if not _MARK.search(text):
        raise ValueError("the text has no mark")
    return text.replace(_NONE, _digest(text), 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def is_unedited(text: str, export: str = "") -> bool:
    """Return whether an export made this text and no one has edited it since. export: its name, "" for any."""
    found = _MARK.search(text)
    if not found or (export and found[1] != export):
        return False
    return _digest(text[: found.start(2)] + _NONE + text[found.end(2) :]) == found[2]


def write(report: Report, top: Path, files: Sequence[ExportFile], export: str, *, folder: str = "", force: bool = False) -> None:
    """Write the files, and print what was done with each, and the differences of those that were edited.

    folder: a folder of the export's own. Files there that an earlier run has written, and that are not among `files`, are deleted.

    Raises:
        SelvedgeError: a file was edited, or is not one of Selvedge's, and `force` is not set: then nothing is written.
            Or a file cannot be read or written.
    """
    present = {each.path: _read(top, each.path) for each in files}
    edited = [each for each in files if (old := present[each.path]) not in (None, each.text) and not is_unedited(old or "")]
    for each in edited:
        report.diff(_difference(each.path, present[each.path] or "", each.text))
    if edited and not force:
        raise _kept(edited, top)
    for each in files:
        old = present[each.path]
        if old != each.text:
            _write(top / each.path, each.text)
        report.line(f"{'unchanged' if old == each.text else 'written' if old is None else 'updated':<9}  {each.path}")
    for path in _left(top, folder, export, {each.path for each in files}) if folder else ():
        with _explained(path):
            path.unlink()
        report.line(f"{'deleted':<9}  {path.relative_to(top)}")


def _kept(edited: Sequence[ExportFile], top: Path) -> SelvedgeError:
    names = ", ".join(each.path for each in edited)
    return SelvedgeError(
        f"Nothing was written: you or another program edited or made {names} in {top}. The lines above show the differences.",
        "To overwrite: the same command with `--force`. To keep your text: commit it first, or move it elsewhere.",
    )


def _read(top: Path, path: str) -> str | None:
    """Return the text of a file with the line ends of Unix, None if it is missing. Raises SelvedgeError."""
    file = top / path
    if not file.parent.resolve().is_relative_to(top.resolve()) or file.is_symlink():
        problem = f"{file} is reached through a symbolic link, and an export writes only to the repository."
        raise SelvedgeError(problem, "Remove the link.")
    if file.is_dir() or (file.exists() and not file.is_file()):
        raise SelvedgeError(f"{file} is not a regular file.", "Move it away, then run the same command again.")
    with _explained(file):
        try:
            size = file.stat().st_size
        except FileNotFoundError:
            return None
        if size > LARGEST:
            raise SelvedgeError(f"{file} is larger than {LARGEST} bytes.", "Move it away, then run the same command again.")
        return file.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def _difference(path: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), path, f"{path} (export)", lineterm="")
    return "\n".join(lines)


def _write(file: Path, text: str) -> None:
    """Write a file in one step: at each moment, it has the old text or the new one. A new file gets the usual mode."""
    with _explained(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(prefix=".selvedge-", dir=file.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
            Path(temporary).chmod(mode)
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _left(top: Path, folder: str, export: str, wanted: set[str]) -> Iterator[Path]:
    """Yield the files of an earlier run in the export's folder, if all files next to them are the export's, and unedited.

    Someone may have made an overlay of their own from a copy of one of these folders, and edited a single file of it.
    """
    for place in sorted({path.parent for path in (top / folder).rglob("*.yaml")}):
        present = {str(path.relative_to(top)): path for path in sorted(place.iterdir()) if not path.is_dir()}
        if any(path.suffix != ".yaml" or path.is_symlink() or not path.is_file() for path in present.values()):
            continue
        texts = {name: _read(top, name) or "" for name in present}
        group = _GROUP.match(texts.get(f"{place.relative_to(top)}/kustomization.yaml", ""))
        own = bool(wanted & present.keys()) or bool(group and group[1] == place.name)
        if own and all(is_unedited(text, export) for text in texts.values()):
            yield from (path for name, path in present.items() if name not in wanted)


@contextlib.contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Turn an error of the system into one that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        remedy = f"Correct it: `ls -ld {quote(str(file.parent))}` shows who may write there."
        raise SelvedgeError(f"{file} cannot be read or written: {error.strerror}.", remedy) from None
