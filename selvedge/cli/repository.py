"""The git repository that a project is in."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from selvedge.errors import UsageError
from selvedge.shell.quoting import quote


class Repository:
    """A git repository. Paths are relative to its top folder; files that git ignores do not count."""

    def __init__(self, top: Path) -> None:
        self.top = top

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """Return the repository of a folder. Raises UsageError if there is none, or git is missing."""
        try:
            command = ["git", "-C", str(folder), "rev-parse", "--show-toplevel"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise UsageError("git is not installed on this machine.", "Install it, then run `selvedge init` again.") from None
        if done.returncode != 0:
            said = done.stderr.strip().removeprefix("fatal: ").rstrip(".")
            commands = "`git init && git add . && git commit -m 'First commit'`"
            remedy = f"Change to the folder of your app. If it is {folder}: {commands}."
            raise UsageError(f"{folder} is in no git repository, and releases are commits of one: {said}.", remedy)
        return cls(Path(done.stdout.rstrip("\n")))

    def git(self, *arguments: str) -> str:
        """Return the output of a git command, "" if it fails."""
        return subprocess.run(["git", "-C", str(self.top), *arguments], capture_output=True, text=True, check=False).stdout.strip()

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

    def has_file(self, path: str) -> bool:
        """Return whether git has this file, or would take it."""
        return path in self.files

    def has_folder(self, path: str) -> bool:
        """Return whether git has a file in this folder."""
        return any(each.startswith(f"{path}/") for each in self.files)

    def text(self, path: str, largest: int) -> str | None:
        """Return the text of a file of at most `largest` bytes, None without such a file."""
        file = self.top / path
        if path not in self.files or not file.is_file() or file.stat().st_size > largest:
            return None
        return file.read_text("utf-8-sig", errors="replace")

    @property
    def branch(self) -> str:
        """The branch that is checked out, "" if there is none."""
        return self.git("symbolic-ref", "--short", "-q", "HEAD")

    def check_commit(self) -> None:
        """Raise UsageError if there is no commit yet."""
        if not self.git("rev-parse", "-q", "--verify", "HEAD"):
            remedy = "Make one: `git add . && git commit -m 'First commit'`. Then run `selvedge init` again."
            raise UsageError(f"The repository {quote(str(self.top))} has no commit yet, and releases are commits.", remedy)

    def ignores(self, path: str) -> bool:
        """Return whether git ignores a path."""
        command = ["git", "-C", str(self.top), "check-ignore", "-q", path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
