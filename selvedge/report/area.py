"""The live area of a terminal: a line for each server that is busy, and a bar over the steps of the run."""

from __future__ import annotations

import time

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from selvedge.report.activities import Activities, Activity
from selvedge.report.text import printable

BAR = 30
"""The most columns of the bar."""
NARROW = 40
"""With fewer columns beside the host's name, the step's name is left out: it would leave no room for what the step does."""


class Area:
    """Renders the present state of the activities. columns: the width of the hosts' names."""

    def __init__(self, activities: Activities) -> None:
        self.columns = 0
        self._activities = activities
        self._spinner = Spinner("dots")
        self._frames = self._spinner.frames

    def __bool__(self) -> bool:
        return bool(self._activities.planned or self._activities.running())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines, none wider than the terminal, and not more of them than fit."""
        of_host = {host: (step, activity) for (host, step), activity in self._activities.running().items()}
        room = max(options.size.height - 3, 1)
        for host, (step, activity) in list(of_host.items())[:room]:
            yield self._line(host, step, activity, options.max_width)
        if len(of_host) > room:
            yield Text(f"and {len(of_host) - room} more servers", "dim", no_wrap=True, overflow="ellipsis")
        if self._activities.planned:
            yield self._bar(options.max_width)

    def _line(self, host: str, step: str, activity: Activity, room: int) -> Text:
        current = activity.current
        seconds = f"  {current.seconds:.0f} s"
        frame = self._frames[int(time.monotonic() * 1000 / self._spinner.interval) % len(self._frames)]
        name = "" if room - self.columns < NARROW else f"{step.ljust(10)}  "
        line = Text.assemble((host.ljust(self.columns), "blue"), f"  {name}{frame} {printable(current.text)}")
        line.truncate(max(room - len(seconds), 1), overflow="ellipsis")
        line.append(seconds, "dim")
        line.no_wrap, line.overflow = True, "ellipsis"
        return line

    def _bar(self, room: int) -> Table:
        """Return the bar, with the number of steps that are done."""
        done, planned = len(self._activities.done), len(self._activities.planned)
        seconds = time.monotonic() - self._activities.began
        text = Text(f"{done} of {planned} steps  {seconds:.0f} s", no_wrap=True, overflow="ellipsis")
        columns = min(BAR, room - len(text.plain) - 2)
        row = Table.grid(padding=(0, 2, 0, 0))
        if columns < 5:
            row.add_row(text)
        else:
            row.add_row(ProgressBar(planned, done, width=columns), text)
        return row
