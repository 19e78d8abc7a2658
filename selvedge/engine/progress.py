"""The output of a running step: lines of progress go to the report, other lines are shown if the change fails."""

from __future__ import annotations

import re
from collections import deque

from selvedge.engine.plan import Plan
from selvedge.errors import StepError
from selvedge.report import Report
from selvedge.report.text import last_lines, printable

TAIL = 40
"""Lines of output that are shown after a change has failed."""
WIDEST = 1000
"""Characters of each line that are shown."""


def name_host(text: str, host: str) -> str:
    """Return the text with `-H host` in each `fab TASK` that has no flag yet: hosts.toml may have several servers."""
    return re.sub("`fab (?!-)", lambda _: f"`fab -H {host} ", text)


class Progress:
    """Reads the output of a script line by line. Lines that begin with the mark are progress, all others are output.

    error: the sentence of `step_fail`. remedy: that of `step_remedy`, in place of the change's. ended: whether the script has
    ended. rest: the lines after its end.
    """

    def __init__(self, report: Report, host: str, step: str, plan: Plan, mark: str) -> None:
        self.error, self.remedy = "", ""
        self.rest: list[str] = []
        self._report, self._host, self._step, self._plan, self._mark = report, host, step, plan, mark
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._current = -1
        self._end: int | None = None

    @property
    def ended(self) -> bool:
        return self._end is not None

    def line(self, text: str) -> None:
        """Read the next line of the script's output."""
        if self._end is not None:
            self.rest.append(text)
            return
        head, _, rest = text.partition(" ")
        if head != self._mark:
            # A progress bar is a line with carriage returns. Its last state is enough.
            row = text.rstrip("\r").rsplit("\r", 1)[-1][:WIDEST]
            self._tail.extend([row] if printable(row).strip() else [])
            return
        kind, _, value = rest.partition(" ")
        if kind == "begin":
            self._begin(value)
        elif kind == "done" and value != "before":
            self._report.done(self._host, self._step, self._summary())
        elif kind == "say":
            self._report.step(self._host, self._step, f"  {name_host(value[:WIDEST], self._host)}")
        elif kind == "wait":
            self._report.wait(self._host, self._step, value[:WIDEST])
        elif kind == "gate":
            layer, _, answer = value[:WIDEST].partition(" ")
            self._report.gate(self._host, layer, answer)
        elif kind == "error":
            self.error = value[:WIDEST]
        elif kind == "remedy":
            self.remedy = value[:WIDEST]
        elif kind == "end":
            self._end = int(value)

    def _begin(self, change: str) -> None:
        self._current = -1 if change == "before" else int(change)
        self._tail.clear()
        if self._current >= 0:
            self._report.begin(self._host, self._step, self._summary(), self._plan.changes[self._current][1].diff)

    def _summary(self) -> str:
        return self._plan.changes[self._current][1].summary if self._current >= 0 else "check the server before the first change"

    def fail_lost(self) -> str:
        """Report that the current change failed because the connection was lost; return its name for the message."""
        self._report.failed(self._host, self._step, self._summary())
        return f"in {self._step}, at: {self._summary()}"

    def conclude(self, status: int, log: str) -> None:
        """If the script has failed, print the end of its output and raise StepError with the cause.

        status: the exit status of the script. log: the file on the server with all of its output.
        """
        if self._end == 0:
            return
        self._report.failed(self._host, self._step, self._summary())
        cause = name_host(self.error, self._host) or last_lines("\n".join(self._tail), 1) or f"exit status {status}"
        if self._tail:
            self._report.line(f"    The last lines of its output on {self._host}:")
            for row in self._tail:
                self._report.line(f"    {row}")
        remedy = self.remedy or (self._plan.changes[self._current][1].remedy if self._current >= 0 else "")
        where = f"See all of its output on the server: `sudo less {log}`."
        end = "" if cause.endswith((".", "?", "!")) else "."
        message = f"{self._host}: {self._step} failed at: {self._summary()}. {cause}{end}"
        raise StepError(message, f"{name_host(remedy, self._host)} {where}".strip())
