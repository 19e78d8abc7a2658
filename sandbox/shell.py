"""Run a program of this machine, and tell plainly what went wrong when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

Say = Callable[[str], None]


class SandboxError(Exception):
    """Something a person can read and act on: what happened, and what to do now."""


class WrongUsageError(SandboxError):
    """A name, release or image that cannot be; nothing was done."""


def silent(_line: str) -> None:
    """Take a line of progress and show nothing."""


def run(argv: Sequence[str], *, stdin: str = "", env: dict[str, str] | None = None) -> str:
    """Run `argv` and return what it wrote to its standard output.

    Raises SandboxError, with the last lines that the program wrote, when it is missing or fails.
    """
    done = attempt(argv, stdin=stdin, env=env)
    if done.returncode != 0:
        raise SandboxError(f"`{' '.join(argv[:4])} …` failed (status {done.returncode}): {tail(done.stderr)}")
    return done.stdout


def attempt(
    argv: Sequence[str], *, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `argv` and return how it ended, whatever its status. Raises SandboxError when the program is missing."""
    try:
        return subprocess.run(argv, input=stdin, env=env, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise SandboxError(f"The program `{argv[0]}` is not installed on this machine.") from None


def tail(text: str, lines: int = 5) -> str:
    """The last `lines` lines of `text` that are not empty, joined for one sentence."""
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:]) or "no message"
