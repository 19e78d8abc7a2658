"""Whether git tracks a file of this machine that should be in no repository."""

from __future__ import annotations

from pathlib import Path

from selvedge.errors import SelvedgeError
from selvedge.resources.code.git import git
from selvedge.shell.quoting import quote


def tracked_warning(path: Path) -> tuple[str, str] | None:
    """Return a warning and its remedy if git tracks the file, None if it does not, or without git.

    path: an existing file with secrets.
    """
    folder = path.resolve().parent
    try:
        done = git(folder, "ls-files", "--error-unmatch", "--", path.resolve().name)
    except SelvedgeError:
        return None
    if done.returncode != 0:
        return None
    name = quote(path.resolve().name)
    remedy = (
        f"Run `git -C {quote(str(folder))} rm --cached {name}`, add it to .gitignore and commit. The history keeps its secrets: "
        "change them if others can read the repository."
    )
    return f"git tracks {path}, so each copy of the repository has its secrets", remedy
