"""Run programs on this machine, and report their failures as SandboxError."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

Say = Callable[[str], None]


class SandboxError(Exception):
    """An error for the user. Its text says what happened and what to do now."""


class WrongUsageError(SandboxError):
    """An invalid name, release or image, found before anything was changed."""


def silent(_line: str) -> None:
    """Ignore a progress message."""


def run(argv: Sequence[str], *, stdin: str = "", env: dict[str, str] | None = None) -> str:
    """Run `argv` and return its standard output.

    Raises SandboxError, with the last lines of its standard error, if it fails, and if the program is missing.
    """
    done = attempt(argv, stdin=stdin, env=env)
    if done.returncode != 0:
        raise SandboxError(f"`{' '.join(argv[:4])} …` failed with status {done.returncode}: {tail(done.stderr)}")
    return done.stdout


def attempt(
    argv: Sequence[str], *, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `argv` and return its status and output, even if it fails. Raises SandboxError if the program is missing."""
    try:
        return subprocess.run(argv, input=stdin, env=env, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise SandboxError(f"The program `{argv[0]}` is not installed on this machine.") from None


def tail(text: str, lines: int = 5) -> str:
    """Return the last `lines` non-empty lines of `text`, joined for a sentence."""
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:]) or "no message"
