"""The flag --process: the name of a process of the live release."""

from __future__ import annotations

from selvedge.config.processes import process_name
from selvedge.errors import UsageError


def check_process_name(name: str) -> None:
    """Raise UsageError for text that no process has as its name."""
    try:
        process_name(name)
    except ValueError as error:
        web = "Leave out --process: the command is about the web process then."
        remedy = web if name == "web" else "For example: `--process worker`."
        raise UsageError(f"--process {name!r} {error}.", remedy) from None
