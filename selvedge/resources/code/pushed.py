"""A source of code: a checkout on this machine, whose commits are pushed to the server."""

from __future__ import annotations

import atexit
import functools
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.errors import SelvedgeError
from selvedge.resources.base import Change, Resource
from selvedge.resources.code import local_repository
from selvedge.resources.code.git import environment, git
from selvedge.resources.code.large_files import LargeFile, large_files
from selvedge.resources.code.mirror import MirroredCommit
from selvedge.resources.code.submodules import parts
from selvedge.resources.code.tree import git_variables
from selvedge.resources.files import Absent
from selvedge.shell.quoting import quote, words
from selvedge.ssh.payload import readable

if TYPE_CHECKING:
    from selvedge.config.target import Target

_LOCK = threading.Lock()
"""Held while a file to send is written: the hosts of a run are read at the same time, and most of them need the same file."""
OWN_FILES = ("hosts.toml", "fabfile.py", "fabric.yaml", "deploy/tasks", "deploy/templates", "deploy/.ejected")
"""Selvedge's files in a project, relative to the folder of hosts.toml: what `selvedge init` and `selvedge eject` write."""


class PushedCommit(MirroredCommit):
    """A commit that is pushed from a checkout on this machine: only the objects that the mirror lacks.

    path: the submodule's folder in the release, "" for the app's own repository. The tags of its history go along, because a
    package may take its version from them.
    """

    checkout: Path
    path: str = ""

    def complete(self, fact: str) -> str:
        """Return the fact; for a missing commit "pack BYTES FILE", a file with the missing objects, and a line "COMMIT TAG" for
        each tag. Raises SelvedgeError.
        """
        if fact.startswith("present"):
            return fact
        pack = pack_objects(self.checkout, self.commit, sorted(set(fact.split()[1:])))
        return "\n".join([f"pack {pack.stat().st_size} {pack}", *([] if self.path else newest_tags(self.checkout, self.commit))])

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("present"):
            return None
        first, *tags = fact.split("\n")
        _, size, pack = first.split(" ", 2)
        of = f" of the submodule {self.path}" if self.path else ""
        summary = f"push the commit {self.commit[:12]}{of} from {self.checkout} ({readable(int(size))})"
        return Change(summary, f"push_commit {words(self.repo, self.commit, size, *tags)}", payload=Path(pack))


class PushedLargeFiles(Resource):
    """The files in Git LFS of a commit and its submodules, in the mirror `repo`: only those that it lacks are pushed."""

    repo: str
    files: tuple[LargeFile, ...]

    def probe(self) -> str:
        return f"mirror_lacks {words(self.repo, *(file.oid for file in self.files))}"

    def complete(self, fact: str) -> str:
        """Return "" if the mirror has all files, else "pack BYTES COUNT FILE", an archive of those that it lacks."""
        missing = set(fact.split())
        files = tuple(file for file in self.files if file.oid in missing)
        if not files:
            return ""
        with _LOCK:
            archive = _archive(files)
        return f"pack {archive.stat().st_size} {len(files)} {archive}"

    def plan(self, fact: str) -> Change | None:
        if not fact.strip():
            return None
        _, size, count, archive = fact.split(" ", 3)
        summary = f"push {count} file{'' if count == '1' else 's'} of Git LFS ({readable(int(size))})"
        return Change(summary, f"push_large {words(self.repo, size)}", payload=Path(archive))


def access(app: Target) -> Iterator[Resource]:
    """Return the absence of credentials: the server fetches nothing."""
    yield Absent(app.paths.git_credentials)


def commits(app: Target) -> Iterator[Resource]:
    """Return the commit in the mirror, with its submodules and large files. Raises Pending while the commit is unknown."""
    folder, repo = checkout(app), app.paths.repo
    for part in parts(folder, app.commit):
        yield PushedCommit(repo, part.commit, part.folder, part.path)
    if files := large_files(folder, app.commit):
        yield PushedLargeFiles(repo, files)


def submodules(app: Target) -> tuple[tuple[str, str], ...]:
    """Return the folder and the commit of each submodule, a submodule before those inside it."""
    return tuple((part.path, part.commit) for part in parts(checkout(app), app.commit) if part.path)


def find(app: Target, run: Callable[[str], str]) -> str:  # noqa: ARG001
    """Return "commit " and the commit that app.ref means. Raises ConfigError or UsageError as `local_commit` does."""
    return f"commit {local_repository.local_commit(checkout(app), app.ref)}"


def check(app: Target) -> None:
    """Check that the commit and what lies beside it can be pushed. Raises ConfigError or UsageError."""
    folder = checkout(app)
    commit = local_repository.local_commit(folder, app.ref)
    local_repository.require_top_folder(app, folder)
    parts(folder, commit)
    large_files(folder, commit)


def checkout(app: Target) -> Path:
    """Return the checkout on this machine."""
    return app.local_file(app.repository).resolve()


def uncommitted_files(app: Target) -> int:
    """Return the number of changed files of the app in the checkout on this machine that no commit has.

    With app.carry all files count, because what is carried may be built from any of them. Selvedge's own files beside hosts.toml do
    not: they work as they are on this machine.
    """
    folder = checkout(app)
    beside = (app.base_dir.resolve() / name for name in OWN_FILES)
    own = [str(path.relative_to(folder)) for path in beside if path.is_relative_to(folder)]
    return local_repository.uncommitted_files(folder, "" if app.carry else app.root, own)


def pack_objects(checkout: Path, commit: str, known: Sequence[str]) -> Path:
    """Return a file with the objects of a commit, without those of the `known` commits. Raises SelvedgeError."""
    with _LOCK:
        return _pack(checkout, commit, tuple(known))


def newest_tags(checkout: Path, commit: str) -> list[str]:
    """Return the newest tags of a commit and its ancestors: "COMMIT TAG" each."""
    shown = "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname:strip=2)"
    found = git(checkout, "for-each-ref", "--sort=-creatordate", "--count=100", f"--merged={commit}", shown, "refs/tags")
    return found.stdout.splitlines()


@functools.cache
def _folder() -> Path:
    """Return a folder for files to send, which is deleted at the end of the run."""
    folder = tempfile.TemporaryDirectory(prefix="selvedge-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@functools.cache
def _pack(checkout: Path, commit: str, known: tuple[str, ...]) -> Path:
    path = _folder() / f"{commit}-{abs(hash(known)):x}.pack"
    variables = git_variables(checkout)
    # The checkout may lack commits that the server has.
    batch = git(
        checkout, "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="\n".join(known), environment_variables=variables
    )
    have = [line.split()[0] for line in batch.stdout.splitlines() if line.endswith(" commit")]
    with path.open("wb") as output:
        done = subprocess.run(
            ["git", "-C", str(checkout), "pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "-q"],
            input="\n".join([commit, *(f"^{sha}" for sha in have)]).encode() + b"\n",
            env=environment(variables), stdout=output, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise _unpackable(checkout, done.stderr.decode(errors="replace"))
    return path


def _unpackable(checkout: Path, stderr: str) -> SelvedgeError:
    """Return the error for a repository that lacks objects: those of a shallow clone can be fetched."""
    error = local_repository.unreadable(checkout, stderr)
    if git(checkout, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        complete = f"git -C {quote(str(checkout))} fetch --unshallow"
        return SelvedgeError(error.message, f"The checkout is shallow: complete it with `{complete}`.")
    return error


@functools.cache
def _archive(files: tuple[LargeFile, ...]) -> Path:
    """Return a tar archive of large files, each named by its SHA-256."""
    import tarfile

    path = _folder() / f"{abs(hash(files)):x}.tar"
    with tarfile.open(path, "w") as archive:
        for file in files:
            archive.add(file.source, arcname=file.oid)
    return path
