"""The files in Git LFS of a commit on this machine, and where their contents are."""

from __future__ import annotations

import functools
import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from selvedge.errors import UsageError
from selvedge.resources.code.git import git
from selvedge.resources.code.submodules import Part, parts
from selvedge.resources.code.tree import entries, git_variables
from selvedge.shell.quoting import quote
from selvedge.value import Value

POINTER = re.compile(r"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n?")
"""The content of a pointer to a file in Git LFS (the specification is docs/spec.md of git-lfs)."""
_BLOB = re.compile(
    r"^([0-9a-f]{40}) blob [0-9]+\n(version https://git-lfs[^\n]*\n(?:[a-z0-9-]+ [^\n]*\n?){2,9})", re.MULTILINE
)
_POINTER_BYTES = 1024
"""The most bytes of a pointer, by the same specification."""


class LargeFile(Value):
    """A file in Git LFS: its SHA-256, its size in bytes, and a file on this machine with its content."""

    oid: str
    size: int
    source: Path


@functools.cache
def large_files(repository: Path, commit: str) -> tuple[LargeFile, ...]:
    """Return the files in Git LFS of a commit and its submodules, each once. Raises UsageError if one is missing here."""
    found = {file.oid: file for part in parts(repository, commit) for file in _large_files(part)}
    return tuple(found[oid] for oid in sorted(found))


def _large_files(part: Part) -> list[LargeFile]:
    if not _mentions_lfs(part):
        return []
    pointers = dict(_pointers(part))
    storage = _storage(part)
    found, missing = [], []
    for path, (oid, size) in pointers.items():
        kept = storage / oid[:2] / oid[2:4] / oid
        source = next((each for each in (kept, part.folder / path) if _has(each, oid, size, trusted=each == kept)), None)
        if source:
            found.append(LargeFile(oid, size, source))
        else:
            missing.append(path)
    if missing := _filtered(part, missing):
        raise _missing(part, missing)
    return found


def _mentions_lfs(part: Part) -> bool:
    """Return whether a .gitattributes of the commit gives files to Git LFS."""
    if not any(entry.path.endswith(".gitattributes") for entry in entries(part.folder, part.commit) or ()):
        return False
    done = git(
        part.folder, "grep", "--quiet", "-E", r"filter=lfs", part.commit, "--", ":(glob)**/.gitattributes",
        environment_variables=git_variables(part.folder),
    )  # fmt: skip
    return done.returncode == 0


def _pointers(part: Part) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the path of each pointer, and the SHA-256 and size in it."""
    small: dict[str, list[str]] = {}
    for line in part.git("ls-tree", "-r", "-l", "-z", part.commit).split("\0"):
        about, _, path = line.partition("\t")
        fields = about.split()
        if len(fields) == 4 and fields[3].isdigit() and int(fields[3]) <= _POINTER_BYTES:
            small.setdefault(fields[2], []).append(path)
    output = part.git("cat-file", "--batch", stdin="\n".join(small) + "\n") if small else ""
    # Each blob follows a line "SHA blob BYTES". Only the first lines matter, so a blob that is no UTF-8 does no harm.
    for sha, text in _BLOB.findall(output):
        if pointer := POINTER.match(text):
            yield from ((path, (pointer[1], int(pointer[2]))) for path in small.get(sha, ()))


def _storage(part: Part) -> Path:
    """Return the folder of git-lfs with the files' contents (git-lfs-config(5), lfs.storage)."""
    common = part.folder / part.git("rev-parse", "--git-common-dir").strip()
    own = git(part.folder, "config", "--get", "lfs.storage", environment_variables=git_variables(part.folder)).stdout.strip()
    return common / (own or "lfs") / "objects"


def _has(path: Path, oid: str, size: int, *, trusted: bool) -> bool:
    """Return whether a file has this content. git-lfs has checked the files in its own storage."""
    try:
        if path.stat().st_size != size or path.is_symlink():
            return False
        if trusted:
            return True
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == oid
    except OSError:
        return False


def _filtered(part: Part, paths: Iterable[str]) -> list[str]:
    """Return those paths that the commit's .gitattributes give to Git LFS. Others are the content that was committed."""
    paths = list(paths)
    if not paths:
        return []
    with tempfile.TemporaryDirectory(prefix="selvedge-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        part.git("read-tree", part.commit, more=index)
        listed = "".join(f"{path}\0" for path in paths)
        output = part.git("check-attr", "--cached", "--stdin", "-z", "filter", stdin=listed, more=index).split("\0")
    return [path for path, value in zip(output[0::3], output[2::3], strict=False) if value == "lfs"]


def _missing(part: Part, paths: list[str]) -> UsageError:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    shown = ", ".join(f"{part.path}/{path}".lstrip("/") for path in paths[:3]) + more
    fetch = f"`git -C {quote(str(part.folder))} lfs fetch origin {part.commit}`"
    problem = f"The content of {shown} is in Git LFS and not on your machine, so it cannot be pushed with the release"
    if git(part.folder, "lfs", "version").returncode == 0:
        return UsageError(f"{problem}.", f"Get it with {fetch}, then run the same command again.")
    return UsageError(
        f"{problem}; git-lfs is not installed on your machine either.",
        f"Install it (`sudo apt-get install git-lfs`, macOS: `brew install git-lfs`), run {fetch}, then the same command again.",
    )
