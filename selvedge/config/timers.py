"""`[timers.NAME]`: commands that run at set times."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from selvedge.config.calendar import Schedule, on_calendar
from selvedge.config.entry_types import Command, entry_name
from selvedge.config.section import Section
from selvedge.config.types import Switch, Text, Whole

TimerName = Annotated[Text, AfterValidator(entry_name)]


class Timer(Section):
    """A command that runs at set times, in the release that is live when it begins.

    It runs as the web process does: same user, environment, folder and restrictions. A run that is still going when the next one
    is due goes on, and the next one is left out. Timers are settings of the server: `fab rollback` does not change them.
    """

    command: Command = Field(
        description="The command, which `sh` runs in the app's folder, with its environment and virtual environment.",
        examples=["python -m blog.cleanup"],
    )
    schedule: Schedule = Field(
        description="When it runs, by the server's clock: systemd's calendar form, or cron's five fields.",
        examples=["*-*-* 03:00", "0 3 * * *", "Mon..Fri 08:30 Europe/Berlin", "hourly"],
    )
    timeout: Whole = Field(
        3600, ge=1, le=604800, description="Seconds that a run may take. Then it is stopped, and has failed.", examples=[600]
    )
    persistent: Switch = Field(
        True, description="If the server was off when a run was due, run once after the boot.", examples=[False]
    )
    hosts: list[Text] = Field(
        default_factory=list,
        min_length=1,
        description="The servers that it runs on: names of `[hosts]`. It is required if servers share a group. Default: all "
        "servers of the app.",
        examples=[["web-1"]],
    )

    @property
    def on_calendar(self) -> tuple[str, ...]:
        """The values of OnCalendar= in its unit."""
        return on_calendar(self.schedule)

    def runs_on(self, host: str) -> bool:
        """Return whether it runs on a host."""
        return not self.hosts or host in self.hosts
