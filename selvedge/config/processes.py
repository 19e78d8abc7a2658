"""`[processes.NAME]`: what runs beside the web process, as part of each release."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from selvedge.config.entry_types import Command, entry_name
from selvedge.config.section import Section
from selvedge.config.types import Switch, Text, Whole

RESERVED = ("web", "app", "nginx", "access", "error")
"""The web process, and the names of logs."""


def process_name(value: str) -> str:
    """Return the name of a process. Raises ValueError."""
    if entry_name(value) in RESERVED:
        raise ValueError(f"must not be a name that Selvedge uses itself: {', '.join(RESERVED)}")
    return value


ProcessName = Annotated[Text, AfterValidator(process_name)]


class Process(Section):
    """A program that runs beside the web process: a queue worker, a scheduler.

    Each release has its own processes, which run as its web process does: same user, environment, folder and restrictions. A
    deploy, rollback or restart replaces them once the new web process has settled. If a new one does not stay up for
    `app.settle` seconds, everything goes back to the previous release. A change of `count` or `hosts` starts or stops processes
    of the live release; any other change is a new release.
    """

    command: Command = Field(
        description="The command, which `sh` runs in the app's folder, with its environment and virtual environment. "
        "`PROCESS_NUMBER` tells several of them apart.",
        examples=["celery -A blog.tasks worker"],
    )
    count: Whole = Field(1, ge=0, le=100, description="How many of it run on each server.", examples=[2])
    stop_signal: Literal["TERM", "INT", "QUIT", "HUP", "USR1", "USR2"] = Field(
        "TERM", description="The signal that asks the program to finish its work and end.", examples=["INT"]
    )
    stop_timeout: Whole = Field(
        300,
        ge=1,
        le=86400,
        description="Seconds that it has to finish its work when it is stopped. Then it is killed. A deploy does not wait for "
        "that, except with `overlap = false`.",
        examples=[600],
    )
    overlap: Switch = Field(
        True,
        description="`true`: the processes of the new release start, then the previous ones stop. `false`: the previous one stops "
        "first, so that two never run at once, as a scheduler needs it. If the new one fails, the previous one starts again.",
        examples=[True],
    )
    hosts: list[Text] = Field(
        default_factory=list,
        min_length=1,
        description="The servers that it runs on: names of `[hosts]`. It is required for `overlap = false` if servers share a "
        "group. Default: all servers of the app.",
        examples=[["web-1"]],
    )

    @model_validator(mode="after")
    def _check_single(self) -> Self:
        if not self.overlap and self.count > 1:
            raise ValueError(f"overlap = false means that two never run at once, and count is {self.count}: set count = 1")
        return self

    def count_on(self, host: str) -> int:
        """Return how many of it run on a host."""
        return self.count if not self.hosts or host in self.hosts else 0
