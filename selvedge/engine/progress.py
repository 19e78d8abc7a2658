"""The lines of a running step: progress for the report, and the output of a change, shown if it fails."""

from __future__ import annotations

from collections import deque

from selvedge.engine.plan import Plan
from selvedge.errors import StepError
from selvedge.report import Report
from selvedge.report.text import last_lines

TAIL = 40
"""Lines of a failed change's output that are shown."""
WIDEST = 1000
"""Characters of each that are shown."""


class Progress:
    """Takes the lines of a script one by one: lines that begin with the mark are progress, the others output.

    error: the sentence of `step_fail`. ended: whether the script came to its end. rest: the lines after the end.
    """

    def __init__(self, report: Report, host: str, step: str, plan: Plan, mark: str) -> None:
        self.error = ""
        self.rest: list[str] = []
        self._report, self._host, self._step, self._plan, self._mark = report, host, step, plan, mark
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._current = -1
        self._end: int | None = None

    @property
    def ended(self) -> bool:
        return self._end is not None

    def line(self, text: str) -> None:
        """Take the next line of the script's output."""
        if self._end is not None:
            self.rest.append(text)
            return
        head, _, rest = text.partition(" ")
        if head != self._mark:
            # A progress bar draws over itself with carriage returns; its last state is enough.
            row = text.rstrip("\r").rsplit("\r", 1)[-1][:WIDEST]
            self._tail.extend([row] if row.strip() else [])
            return
        kind, _, value = rest.partition(" ")
        if kind == "begin":
            self._begin(value)
        elif kind == "done" and value != "before":
            self._report.done(self._host, self._step, self._summary())
        elif kind == "say":
            self._report.step(self._host, self._step, f"  {value[:WIDEST]}")
        elif kind == "wait":
            self._report.wait(self._host, self._step, value[:WIDEST])
        elif kind == "error":
            self.error = value[:WIDEST]
        elif kind == "end":
            self._end = int(value)

    def _begin(self, change: str) -> None:
        self._current = -1 if change == "before" else int(change)
        self._tail.clear()
        if self._current >= 0:
            self._report.begin(self._host, self._step, self._summary())

    def _summary(self) -> str:
        return self._plan.changes[self._current][1].summary if self._current >= 0 else "check before changing"

    def fail_lost(self) -> str:
        """Report the current change as failed by a lost connection; return when that was, for the message."""
        self._report.failed(self._host, self._step, self._summary())
        return f"in {self._step}, at: {self._summary()}"

    def conclude(self, status: int, log: str) -> None:
        """Raise StepError with the cause and the end of the output unless the script has succeeded.

        status: the exit status of the script. log: the file on the server that has all of its output.
        """
        if self._end == 0:
            return
        self._report.failed(self._host, self._step, self._summary())
        cause = self.error or last_lines("\n".join(self._tail), 1) or f"exit status {status}"
        if any(row.strip() for row in self._tail):
            self._report.line(f"    the last lines of its output on {self._host}:")
            for row in self._tail:
                self._report.line(f"    {row}")
        remedy = self._plan.changes[self._current][1].remedy if self._current >= 0 else ""
        where = f"All of its output: {log} on the server."
        message = f"{self._host}: {self._step} failed at: {self._summary()}. {cause}"
        raise StepError(message, f"{remedy} {where}".strip())
