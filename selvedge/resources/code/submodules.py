"""The commits that a release consists of: that of a repository on this machine, and those of its submodules."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from selvedge.errors import SelvedgeError, UsageError
from selvedge.resources.code.git import git
from selvedge.resources.code.local_repository import unreadable
from selvedge.resources.code.tree import SUBMODULE, Entry, entries, git_variables
from selvedge.shell.quoting import quote
from selvedge.value import Value


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

    def entries(self) -> tuple[Entry, ...]:
        """Return what is in the commit. Raises ConfigError with git's own words if git cannot read it."""
        if (found := entries(self.folder, self.commit)) is None:
            self.git("ls-tree", "-r", self.commit)
        return found or ()


@functools.cache
def parts(repository: Path, commit: str) -> tuple[Part, ...]:
    """Return the commit and those of its submodules, the nested ones, too; only the commit if the repository does not have it.

    Raises UsageError for a submodule that is missing on this machine.
    """
    top = Part("", commit, repository)
    return tuple(_with_submodules(top, repository)) if _has_commit(top) else (top,)


def _has_commit(part: Part) -> bool:
    """Return whether the repository has the commit with its files, although git may not be able to read them. False without git."""
    try:
        # Their names are needed next.
        if entries(part.folder, part.commit) is not None:
            return True
        done = git(part.folder, "cat-file", "-e", f"{part.commit}^{{tree}}", environment_variables=git_variables(part.folder))
    except SelvedgeError:
        return False
    return done.returncode == 0


def _with_submodules(part: Part, top: Path) -> Iterator[Part]:
    yield part
    for entry in part.entries():
        if entry.mode == SUBMODULE:
            inside = f"{part.path}/{entry.path}".lstrip("/")
            if folder := _submodule(part, entry.path, entry.sha, top):
                yield from _with_submodules(Part(inside, entry.sha, folder), top)


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
