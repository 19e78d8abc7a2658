"""What a commit on this machine needs besides its own objects: submodules, and files in Git LFS."""

from __future__ import annotations

import functools
import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from selvedge.errors import SelvedgeError, UsageError
from selvedge.resources.code.git import git
from selvedge.resources.code.local_repository import unreadable
from selvedge.shell.quoting import quote
from selvedge.value import Value

POINTER = re.compile(r"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n?")
"""The content of a file that stands for another one in Git LFS (the specification is docs/spec.md of git-lfs)."""
_BLOB = re.compile(
    r"^([0-9a-f]{40}) blob [0-9]+\n(version https://git-lfs[^\n]*\n(?:[a-z0-9-]+ [^\n]*\n?){2,9})", re.MULTILINE
)
_POINTER_BYTES = 1024
"""The most bytes of a pointer, by the same specification."""


class Part(Value):
    """A commit that a release consists of, with its repository on this machine.

    path: its folder in the release, "" for the app's own repository. folder: a checkout or the folder of a repository.
    """

    path: str
    commit: str
    folder: Path

    def git(self, *arguments: str, stdin: str | None = None, more: Mapping[str, str] | None = None) -> str:
        """Return git's output. Raises ConfigError with git's own words if it fails."""
        done = git(self.folder, *arguments, stdin=stdin, environment_variables={**git_variables(self.folder), **(more or {})})
        if done.returncode != 0:
            raise unreadable(self.folder, done.stderr)
        return done.stdout


class LargeFile(Value):
    """A file in Git LFS: its SHA-256, its size in bytes, and a file on this machine with its content."""

    oid: str
    size: int
    source: Path


def git_variables(folder: Path) -> dict[str, str]:
    """Return git's variables for a repository's own folder: the checkout that it names may be missing."""
    return {} if (folder / ".git").exists() or not (folder / "HEAD").is_file() else {"GIT_WORK_TREE": "."}


@functools.cache
def parts(repository: Path, commit: str) -> tuple[Part, ...]:
    """Return the commit and those of its submodules, the nested ones, too; only the commit if the repository does not have it.

    Raises UsageError for a submodule that is missing on this machine.
    """
    top = Part("", commit, repository)
    return tuple(_with_submodules(top, repository)) if _has_commit(top) else (top,)


def _has_commit(part: Part) -> bool:
    """Return whether the repository has the commit with its files. False without git."""
    try:
        done = git(part.folder, "cat-file", "-e", f"{part.commit}^{{tree}}", environment_variables=git_variables(part.folder))
    except SelvedgeError:
        return False
    return done.returncode == 0


def _with_submodules(part: Part, top: Path) -> Iterator[Part]:
    yield part
    for line in part.git("ls-tree", "-r", "-z", part.commit).split("\0"):
        about, _, path = line.partition("\t")
        if about.startswith("160000 "):
            commit = about.split()[2]
            inside = f"{part.path}/{path}".lstrip("/")
            if folder := _submodule(part, path, commit, top):
                yield from _with_submodules(Part(inside, commit, folder), top)


def _submodule(part: Part, path: str, commit: str, top: Path) -> Path | None:
    """Return the folder of a submodule's repository that has this commit; None if git leaves it out, too (`update = none`)."""
    folders = list(_candidates(part, path))
    for folder in folders:
        if _has_commit(Part(path, commit, folder)):
            return folder
    where, inside = quote(str(top)), f"{part.path}/{path}".lstrip("/")
    name = _name(part, path)
    if name and _in_gitmodules(part, f"submodule.{name}.update") == ["none"]:
        return None
    if not folders and not name:
        raise UsageError(
            f"The folder {inside} of {top} was committed as a reference to a git repository of its own. .gitmodules does not name "
            "it, and your machine does not have it, so the release would have an empty folder in its place.",
            f"To commit its files instead: `git -C {where} rm --cached {quote(inside)}`, delete {inside}/.git, then "
            f"`git -C {where} add {quote(inside)}` and commit. For a submodule: `git submodule add`.",
        )
    why = f"has no commit {commit[:12]}" if folders else "is not initialized"
    raise UsageError(
        f"The submodule {inside} of {top} {why} on your machine, so it cannot be pushed with the release.",
        f"Get it with `git -C {where} submodule update --init --recursive`, then run the same command again.",
    )


def _candidates(part: Part, path: str) -> Iterator[Path]:
    """Yield the repositories on this machine that may have a submodule: its checkout, and git's own folder for it."""
    checkout = part.folder / path
    if (checkout / ".git").exists():
        yield checkout
    if name := _name(part, path):
        own, common = part.git("rev-parse", "--git-path", f"modules/{name}", "--git-common-dir").splitlines()
        for folder in dict.fromkeys((part.folder / own, part.folder / common / "modules" / name)):
            if (folder / "HEAD").is_file():
                yield folder


def _name(part: Part, path: str) -> str:
    """Return the submodule's name in .gitmodules, "" if it is not there."""
    for entry in _in_gitmodules(part, "--get-regexp", r"^submodule\..*\.path$"):
        key, _, value = entry.partition("\n")
        if value == path:
            return key.removeprefix("submodule.").removesuffix(".path")
    return ""


def _in_gitmodules(part: Part, *question: str) -> list[str]:
    """Return git-config's answers from the commit's .gitmodules, none without that file."""
    question = question if len(question) > 1 else ("--get", *question)
    command = ("config", "-z", "--blob", f"{part.commit}:.gitmodules", *question)
    answer = git(part.folder, *command, environment_variables=git_variables(part.folder))
    return answer.stdout.rstrip("\0").split("\0") if answer.returncode == 0 else []


@functools.cache
def large_files(repository: Path, commit: str) -> tuple[LargeFile, ...]:
    """Return the files in Git LFS of a commit and its submodules, each once. Raises UsageError if one is missing here."""
    found = {file.oid: file for part in parts(repository, commit) for file in _large_files(part)}
    return tuple(found[oid] for oid in sorted(found))


def _large_files(part: Part) -> list[LargeFile]:
    mentioned = git(
        part.folder, "grep", "--quiet", "-E", r"filter=lfs", part.commit, "--", ":(glob)**/.gitattributes",
        environment_variables=git_variables(part.folder),
    )  # fmt: skip
    if mentioned.returncode != 0:
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
