"""Types that the tables with names of the user's choice share: `[processes.NAME]`, `[timers.NAME]`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from selvedge.config.types import Line

_LONGEST = 120_000
"""The kernel allows an argument of `sh -c` 128 KiB (MAX_ARG_STRLEN in execve(2))."""


def entry_name(value: str) -> str:
    """Return the name of a process or a timer, which becomes a part of files and units. Raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", value, re.ASCII):
        raise ValueError("must be a name of at most 30 lower-case letters, digits and '-', beginning with a letter")
    return value


def _command(value: str) -> str:
    if not value.strip():
        raise ValueError("must be a command")
    if len(value.encode()) > _LONGEST:
        raise ValueError(f"has more than {_LONGEST // 1000} kB: put it into a script in the app's repository")
    return value


Command = Annotated[Line, AfterValidator(_command)]
