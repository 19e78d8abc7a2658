"""The user's machine: its name, and hook commands that begin with "local:"."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence

from selvedge.config.local_files import user_name
from selvedge.errors import StepError
from selvedge.report import Report


def who() -> str:
    """Return user@machine."""
    return f"{user_name()}@{socket.gethostname()}"


def run_local(report: Report, host: str, what: str, commands: Sequence[str], env_vars: Mapping[str, str]) -> None:
    """Run commands with `sh` in the current folder, with these variables added to the environment, and show their output.

    Raises StepError for the first command that fails.
    """
    for command in commands:
        with report.lent():
            done = subprocess.run(["/bin/sh", "-c", command], env={**os.environ, **env_vars}, check=False)
        if done.returncode != 0:
            raise StepError(
                f"{host}: {what}: the command {command!r} failed on your machine with exit status {done.returncode}.",
                "Correct the command, or remove what made it fail, then run the same `fab` command again.",
            )
