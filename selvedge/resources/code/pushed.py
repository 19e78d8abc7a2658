"""A source of code: a checkout on this machine, whose commits are pushed to the server."""

from __future__ import annotations

import atexit
import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config.files import hosts_file_name
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.resources.base import Change, Resource
from selvedge.resources.code.mirror import MirroredCommit
from selvedge.resources.files import Absent
from selvedge.shell.quoting import quote, words

if TYPE_CHECKING:
    from selvedge.config.target import Target

SHORT_SHA = re.compile(r"[0-9a-f]{4,40}")
_REPOSITORY = "Give a folder with a git checkout, or the address of a repository."


class PushedCommit(MirroredCommit):
    """A commit that is pushed from a checkout on this machine: only the objects that the mirror lacks."""

    checkout: Path

    def complete(self, fact: str) -> str:
        """Return the fact; for a missing commit "pack BYTES FILE", a file with the missing objects. Raises SelvedgeError."""
        if fact.startswith("present"):
            return fact
        pack = pack_objects(self.checkout, self.commit, sorted(set(fact.split()[1:])))
        return f"pack {pack.stat().st_size} {pack}"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("present"):
            return None
        _, size, pack = fact.split(" ", 2)
        summary = f"push the commit {self.commit[:12]} from {self.checkout} ({_readable(int(size))})"
        return Change(summary, f"mirror_receive {words(self.repo, self.commit, size)}", payload=Path(pack))


def access(app: Target) -> Iterator[Resource]:
    """Return the absence of credentials: the server fetches nothing."""
    yield Absent(app.paths.git_credentials)


def commit(app: Target) -> Resource:
    """Return the commit in the mirror. Raises Pending while the commit is unknown."""
    return PushedCommit(app.paths.repo, app.commit, checkout(app))


def find(app: Target, run: Callable[[str], str]) -> str:  # noqa: ARG001
    """Return "commit " and the commit that app.ref means. Raises ConfigError or UsageError as `local_commit` does."""
    return f"commit {local_commit(checkout(app), app.ref)}"


def checkout(app: Target) -> Path:
    """Return the checkout on this machine."""
    return app.local_file(app.repository).resolve()


def uncommitted_files(app: Target) -> int:
    """Return the number of changed files in the checkout on this machine that no commit has; new files do not count."""
    changed = git(checkout(app), "status", "--porcelain", "--untracked-files=no", "--", app.root or ".").stdout
    return len(changed.splitlines())


def local_commit(repository: Path, ref: str) -> str:
    """Return the commit that a branch, tag or SHA means in a checkout on this machine, 40 hex digits.

    Raises ConfigError if the folder is not a git repository, UsageError if it does not know the ref.
    """
    if not repository.is_dir():
        raise ConfigError(hosts_file_name(), "app.repository", f"the folder {repository} does not exist", _REPOSITORY)
    names = [ref] if SHORT_SHA.fullmatch(ref) else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    for name in [*names, ref]:
        found = git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.strip()
    if git(repository, "rev-parse", "--git-dir").returncode != 0:
        raise ConfigError(hosts_file_name(), "app.repository", f"{repository} is not a git repository", _REPOSITORY)
    raise UsageError(
        f"The repository {repository} has no branch, tag or commit {ref}.",
        "If the repository is empty, commit first. Otherwise correct app.branch in hosts.toml, or use --branch or --commit. "
        f"`git -C {quote(str(repository))} branch` lists the branches.",
    )


def git(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in a folder of this machine, with additional environment variables.

    Raises SelvedgeError if git is not installed, subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command, env={**os.environ, **(environment or {})}, timeout=timeout,
            capture_output=True, text=True, errors="surrogateescape", check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        remedy = "Install it: `sudo apt-get install git` (macOS: `brew install git`)."
        raise SelvedgeError("git is not installed on your machine.", remedy) from error


def pack_objects(checkout: Path, commit: str, known: Sequence[str]) -> Path:
    """Return a file with the objects of a commit, without those of the `known` commits. Raises SelvedgeError."""
    return _pack(checkout, commit, tuple(known))


@functools.cache
def _pack(checkout: Path, commit: str, known: tuple[str, ...]) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="selvedge-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "pack"
    git = ["git", "-C", str(checkout)]
    # The checkout may lack commits that the server has.
    shared = subprocess.run(
        [*git, "cat-file", "--batch-check=%(objectname) %(objecttype)"],
        input="\n".join(known),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    have = [line.split()[0] for line in shared.splitlines() if line.endswith(" commit")]
    with path.open("wb") as output:
        done = subprocess.run(
            [*git, "pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "-q"],
            input="\n".join([commit, *(f"^{sha}" for sha in have)]).encode() + b"\n",
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode != 0:
        raise SelvedgeError(
            f"git could not pack the commit {commit[:12]} of {checkout}: {done.stderr.decode(errors='replace').strip()}",
            f"If the checkout is shallow, complete it with `git -C {quote(str(checkout))} fetch --unshallow`.",
        )
    return path


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
