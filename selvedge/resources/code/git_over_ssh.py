"""Packages in git repositories over SSH. The build of an image has no SSH key for them (selvedge/shell/lib/image.sh, image_ssh)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

ADDRESS = re.compile(
    r'''git\+ssh://|git"? *[=:] *"(?:ssh://|git@)|^url = "(?:ssh://|git@)|vcs = [{].*url = "(?:ssh://|git@)''', re.MULTILINE
)
"""A git address over SSH in requirements, pyproject.toml, or a lock of uv, PDM, Pipenv, Poetry or pip."""
REPLACED = "GIT_CONFIG_COUNT"
"""A variable of the build with which git may replace these addresses by others."""
_LISTS = re.compile(r"(?:.*requirements.*|(?:.*/)?pyproject\.toml|.*\.lock|(?:.*/)?pylock[^/]*\.toml)", re.DOTALL)
_DEPTH, _MOST = 3, 3


def ssh_sentence(files: Collection[str]) -> str:
    """Return the sentence about the git addresses in these files."""
    text = f"The build has no SSH key for the git addresses in {', '.join(files)}."
    return f'{text} It can use HTTPS with a token: docs/how-to/docker.md, "Dependencies from git".'


def ssh_note(context: Path, dockerfile: Path, variables: Collection[str]) -> str:
    """Return a note about lists of packages in the folder of a build that name git over SSH, "" without any.

    Nor is there one if the Dockerfile, or the variables of the build, have git replace the addresses.
    """
    if REPLACED in variables or "insteadof" in dockerfile.read_text("utf-8", "replace").lower():
        return ""
    found = sorted(_lists_over_ssh(context))[:_MOST]
    return f"note: {ssh_sentence(found)}" if found else ""


def _lists_over_ssh(context: Path) -> Iterator[str]:
    for path in context.rglob("*"):
        name = path.relative_to(context).as_posix()
        listed = name.count("/") < _DEPTH and _LISTS.fullmatch(name) and path.is_file() and not path.is_symlink()
        if listed and ADDRESS.search(path.read_text("utf-8", "replace")):
            yield name
