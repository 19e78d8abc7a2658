"""The machine that fab runs on: its user, and hook commands that begin with "local:"."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence

from selvedge.errors import StepError
from selvedge.report import Report


def who() -> str:
    """Return user@machine of this run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container may be started with a user number that has no name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def run_local(report: Report, host: str, what: str, commands: Sequence[str], env_vars: Mapping[str, str]) -> None:
    """Run commands by `sh` in the current folder, with the variables added to the environment; their output is shown.

    Raises StepError at the first one that fails.
    """
    for command in commands:
        with report.paused():
            done = subprocess.run(["/bin/sh", "-c", command], env={**os.environ, **env_vars}, check=False)
        if done.returncode != 0:
            raise StepError(
                f"{host}: {what}: the command on this machine failed (exit status {done.returncode}): {command}",
                "Mend it, then run the same command again; what serves was not touched.",
            )
