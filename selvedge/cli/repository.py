"""The git repository that a project is in."""

from __future__ import annotations

import functools
import os
import subprocess
import tomllib
from pathlib import Path

from selvedge.errors import UsageError
from selvedge.shell.quoting import quote

LARGEST = 1 << 20
"""Bytes of a file that is read."""


def _no_work_tree(folder: Path, said: str) -> UsageError:
    """Return the error for a folder that is in no work tree of git. said: git's own words."""
    problem = f"{folder} is in no git repository, and releases are commits of one: {said}."
    if "dubious ownership" in said:
        trust = f"`git config --global --add safe.directory {quote(str(folder))}`"
        remedy = f"If you trust it: {trust}. Then run `selvedge init` again."
        return UsageError(f"git does not read the repository of {folder}, because it belongs to another user.", remedy)
    if "work tree" in said:
        return UsageError(problem, "Change to a folder with the app's files, or clone the repository: `git clone`.")
    commands = "`git init && git add . && git commit -m 'First commit'`"
    return UsageError(problem, f"Change to the folder of your app. If it is {folder}: {commands}.")


class Repository:
    """A git repository. Paths are relative to its top folder; files that git ignores do not count."""

    def __init__(self, top: Path) -> None:
        self.top = top

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """Return the repository of a folder. Raises UsageError if there is none, or git is missing."""
        try:
            command = ["git", "-C", str(folder), "rev-parse", "--show-toplevel"]
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            raise UsageError("git is not installed on this machine.", "Install it, then run `selvedge init` again.") from None
        if done.returncode != 0:
            raise _no_work_tree(folder, os.fsdecode(done.stderr).strip().removeprefix("fatal: ").rstrip("."))
        return cls(Path(os.fsdecode(done.stdout.removesuffix(b"\n"))))

    def git(self, *arguments: str) -> str:
        """Return the output of a git command, "" if it fails."""
        done = subprocess.run(["git", "-C", str(self.top), *arguments], capture_output=True, check=False)
        return os.fsdecode(done.stdout).strip() if done.returncode == 0 else ""

    @functools.cached_property
    def files(self) -> frozenset[str]:
        """The paths of all files that are committed or not ignored, without those of virtual environments."""
        command = ["git", "-C", str(self.top), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, check=False).stdout
        found = [each for each in listed.decode(errors="surrogateescape").split("\0") if each]
        environments = tuple(each.removesuffix("pyvenv.cfg") for each in found if each.endswith("/pyvenv.cfg"))
        return frozenset(each for each in found if not environments or not each.startswith(environments))

    def python_files(self) -> list[str]:
        """Return the paths of all Python files."""
        return sorted(each for each in self.files if each.endswith(".py"))

    def tracks(self, path: str) -> bool:
        """Return whether git has this file, in a commit or for the next one."""
        return bool(self.git("ls-files", "--", f":(literal){path}"))

    def has_file(self, path: str) -> bool:
        """Return whether git has this file, or would take it."""
        return path in self.files

    def has_folder(self, path: str) -> bool:
        """Return whether git has a file in this folder."""
        return any(each.startswith(f"{path}/") for each in self.files)

    def text(self, path: str) -> str | None:
        """Return the text of a file; None without one, or if it cannot be read or is too large."""
        file = self.top / path
        try:
            if path not in self.files or not file.is_file() or file.stat().st_size > LARGEST:
                return None
            return file.read_text("utf-8-sig", errors="replace")
        except OSError:
            return None

    def toml(self, path: str, *keys: str) -> str:
        """Return a text of a TOML file, such as that of ("pyproject.toml", "project", "name"); "" if it does not have it."""
        try:
            value: object = tomllib.loads(self.text(path) or "")
        except (ValueError, RecursionError):
            return ""
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    @property
    def branch(self) -> str:
        """The branch that is checked out, "" if there is none."""
        return self.git("symbolic-ref", "--short", "-q", "HEAD")

    @property
    def usual_branches(self) -> list[str]:
        """The branches whose newest commit people release: that of the remote's HEAD, main, master, those that exist here."""
        remote = self.git("symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD").removeprefix("origin/")
        names = dict.fromkeys(name for name in (remote, "main", "master") if name)
        return [name for name in names if self.git("rev-parse", "-q", "--verify", f"refs/heads/{name}")]

    def check_commit(self) -> None:
        """Raise UsageError if there is no commit yet."""
        if not self.git("rev-parse", "-q", "--verify", "HEAD"):
            remedy = "Make one: `git add . && git commit -m 'First commit'`. Then run `selvedge init` again."
            raise UsageError(f"The repository {quote(str(self.top))} has no commit yet, and releases are commits.", remedy)

    def ignores(self, path: str) -> bool:
        """Return whether git would ignore a path, also one that it tracks already."""
        command = ["git", "-C", str(self.top), "check-ignore", "-q", "--no-index", path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
