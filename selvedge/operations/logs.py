"""`fab logs`: the last lines of the logs of the app or of nginx, and new lines as they come."""

from __future__ import annotations

import re
from collections import deque

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import line_prefix, on_each_host, raise_first_error
from selvedge.operations.support.text import clean
from selvedge.report import Report
from selvedge.report.text import Part, Styled
from selvedge.run import Run
from selvedge.shell.library import call

BACKLOG = 20_000
"""Lines at the end of a log that are searched for errors."""
WIDEST = 4_000
"""The most characters of a line that are printed."""
# The first line of a record of gunicorn, uvicorn or Python's logging: a date, a level, or JSON. Other lines, such as those of
# a traceback, continue the record above them.
_RECORD = re.compile(r"\[?\d{4}-\d\d-\d\d|\[?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b|\{\"")
_LEVEL = re.compile(r'\b(DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b|"(?:level|levelname|severity)": ?"(\w+)"')
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\)|\s*\+ Exception Group Traceback")


class ErrorFilter:
    """Selects the lines of an app's log that belong to an error: its record, and the traceback below it."""

    def __init__(self) -> None:
        self._in_error = False

    def __call__(self, line: str) -> bool:
        """Return whether the next line of the log belongs to an error."""
        if _RECORD.match(line):
            # The first level counts: the message may name another one.
            level = _LEVEL.search(line)
            self._in_error = level is not None and (level[1] or level[2]).upper() in ("ERROR", "CRITICAL", "FATAL")
        elif _TRACEBACK.match(line):
            self._in_error = True
        return self._in_error


class LogPrinter:
    """Prints the lines that logs.sh sends from one server.

    Only the last of the lines that a log already had are wanted, so they are kept until the log's mark "=" says that all
    of them came.
    """

    def __init__(self, report: Report, prefix: Part, *, lines: int, errors: bool, named: bool) -> None:
        self.missing: list[str] = []
        self._report = report
        self._prefix = prefix
        self._named = named
        self._is_error = ErrorFilter() if errors else None
        self._lines = lines
        self._waiting: dict[str, deque[str]] = {}
        self._complete: set[str] = set()

    def line(self, text: str) -> None:
        """Take a line of the server: the name of a log or a mark, and the text after it."""
        name, _, rest = text.partition(" ")
        if name == "=":
            self._complete.add(rest)
            for line in self._waiting.pop(rest, ()):
                self._print(rest, line)
        elif name == "!":
            self.missing.append(rest)
        elif name == "+":
            self._complete.discard("app")
            self._print("app", f"--- {rest} is live now ---")
        elif name != "app" or self._is_error is None or self._is_error(rest):
            if name in self._complete:
                self._print(name, rest)
            else:
                self._waiting.setdefault(name, deque(maxlen=self._lines)).append(rest)

    def _print(self, name: str, text: str) -> None:
        line = clean(text)
        cut = line if len(line) <= WIDEST else f"{line[:WIDEST]}…"
        self._report.line(self._prefix, Styled(f"{name:<6}  ", "dim") if self._named else "", cut)


def logs(run: Run, *, lines: int, follow: bool, nginx: bool, errors: bool) -> None:
    """Print the last lines of each host's app log or nginx logs; with `follow`, new lines until Ctrl-C.

    Raises UsageError if `lines` is negative, SelvedgeError if there is no log, UnreachableError.
    """
    if lines < 0:
        raise UsageError("--lines must be at least 0.", "For example: `fab logs --lines 200`.")

    def read(session: Session) -> None:
        prefix = line_prefix(run, session.name)
        printer = LogPrinter(run.report, prefix, lines=lines, errors=errors, named=nginx and not errors)
        shell = _shell(session.target, BACKLOG if errors else lines, follow=follow, nginx=nginx, errors=errors)
        result = session.run(shell, on_line=printer.line)
        if printer.missing:
            problem = "; ".join(printer.missing)
            step = "nginx" if nginx else "restart" if "log file" in problem else "deploy"
            raise SelvedgeError(f"{session.name}: {problem}.", f"Run `fab -H {session.name} {step}` first.")
        if result.status == -1 or follow:
            raise session.lost("while the log was read")

    try:
        found = on_each_host(run, read)
    except KeyboardInterrupt:
        if not follow:
            raise
        run.report.line()
        return
    raise_first_error(run, found)


def _shell(app: Target, lines: int, *, follow: bool, nginx: bool, errors: bool) -> str:
    if nginx:
        files = {"access": f"{app.paths.logs}/nginx-access.log", "error": f"{app.paths.logs}/nginx-error.log"}
        shown = [word for name, path in files.items() if name == "error" or not errors for word in (name, path)]
        return call("logs_nginx", str(lines), *shown, follow=follow)
    return call("logs_app", str(lines), given=app.shell_values, follow=follow)
