"""`fab run --command`: a command as the live release runs, in its folder, environment and virtual environment."""

from __future__ import annotations

from collections.abc import Callable

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.each_host import conclude, gather
from selvedge.operations.output import clean
from selvedge.run import Run
from selvedge.shell.library import call


def run_command(run: Run, command: str) -> None:
    """Run a line of shell on each host as the app's user, and print what it writes while it runs.

    Raises UsageError where there is no command, SelvedgeError where it failed or nothing is live, UnreachableError.
    """
    if not command.strip() or "\0" in command:
        raise UsageError("Which command?", 'For example: fab run --command "alembic current".')
    width = max(len(session.name) for session in run.fleet.sessions)

    def execute(session: Session) -> None:
        prefix = f"{run.report.paint(session.name.ljust(width), 'blue')}  " if len(run.fleet.sessions) > 1 else ""
        lines = _Lines(session.mark, lambda text: run.report.line(prefix + clean(text)))
        shell = call("command_run", given=session.target.shell_values, command=command)
        result = session.run(shell, on_line=lines.line)
        _judge(session, lines.status, result.status)

    conclude(run, gather(run, execute))


class _Lines:
    """The output on its way to the screen, and behind the mark the exit status, which an empty line precedes."""

    def __init__(self, mark: str, show: Callable[[str], None]) -> None:
        self.status: int | None = None
        self._mark = mark
        self._show = show
        self._empty = False

    def line(self, text: str) -> None:
        if text.startswith(f"{self._mark} "):
            self.status = int(text.split()[1])
            return
        if self._empty:
            self._show("")
        self._empty = not text
        if text:
            self._show(text)


def _judge(session: Session, status: int | None, ended: int) -> None:
    name = session.name
    if status == 0:
        return
    if status is not None:
        raise SelvedgeError(f"{name}: the command ended with exit status {status}.", "What it wrote stands above.")
    if ended == 3:
        raise SelvedgeError(f"{name}: nothing is live there.", f"Run `fab -H {name} deploy` first.")
    raise session.lost("while the command ran")
