"""git on this machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from selvedge.errors import SelvedgeError

# A hook of git sets them, and git would then ignore the folder that it is given (`git rev-parse --local-env-vars`).
_OF_ANOTHER_REPOSITORY = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_INTERNAL_SUPER_PREFIX",
)  # fmt: skip


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of git: messages in English, and nothing that names another repository."""
    own = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    return {**own, "LC_ALL": "C", **(more or {})}


def git(
    folder: Path, *arguments: str, environment_variables: Mapping[str, str] | None = None,
    stdin: str | None = None, timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run git in a folder of this machine, with additional environment variables.

    Raises SelvedgeError if git is not installed, subprocess.TimeoutExpired after `timeout` seconds.
    """
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], env=environment(environment_variables), timeout=timeout, input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, text=True, errors="surrogateescape",
            check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        remedy = "Install it: `sudo apt-get install git` (macOS: `brew install git`)."
        raise SelvedgeError("git is not installed on your machine.", remedy) from error


def words(stderr: str) -> str:
    """Return what git said, on one line: its last error with the lines after it, without credentials."""
    lines = [line.strip() for line in stderr.strip().splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.startswith(("fatal: ", "error: "))]
    said = " ".join(lines[starts[-1] if starts else 0 :]) or "git gave no reason"
    return re.sub(r"(?<=://)[^/@\s]*@", "", re.sub(r"^(fatal|error): ", "", said)).rstrip(". ")
