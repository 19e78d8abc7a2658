"""`fab run --command`: run a command in the folder, environment and virtual environment of the live release."""

from __future__ import annotations

from collections.abc import Callable

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import line_prefix, nothing_live, on_each_host, raise_first_error
from selvedge.operations.support.text import clean
from selvedge.run import Run
from selvedge.shell.library import call


def run_command(run: Run, command: str) -> None:
    """Run a line of shell on each host as the app's user; print its output while it runs.

    Raises UsageError without a command, SelvedgeError if it fails or nothing is live, UnreachableError.
    """
    if not command.strip() or "\0" in command:
        raise UsageError("fab run needs a command.", 'For example: `fab run --command "alembic current"`.')

    run_shell(run.of_app(), lambda app: call("command_run", given=app.shell_values, command=command))


def run_shell(run: Run, shell: Callable[[Target], str], remedy: str = "") -> None:
    """Run shell on each host that prints the exit status of a command after the mark; print its output while it runs.

    remedy: what to do if the command fails. Raises as `run_command`.
    """

    def execute(session: Session) -> None:
        prefix = line_prefix(run, session.name)
        output = Output(session.mark, lambda text: run.report.line(prefix, clean(text)))
        result = session.run(shell(session.target), on_line=output.line)
        _raise_failure(session, output.status, result.status, remedy)

    raise_first_error(run, on_each_host(run, execute))


class Output:
    """Prints a command's output. status: its exit status, None while it is unknown.

    The exit status comes after the mark, and an empty line comes before the mark.
    """

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


def _raise_failure(session: Session, command_status: int | None, script_status: int, remedy: str) -> None:
    name = session.name
    if command_status == 0:
        return
    if command_status is not None:
        error = f"{name}: the command ended with exit status {command_status}."
        raise SelvedgeError(error, remedy or f"Correct the command, or read the app's log: `fab -H {name} logs`.")
    if script_status == 3:
        raise nothing_live(name)
    raise session.lost("while the command ran")
