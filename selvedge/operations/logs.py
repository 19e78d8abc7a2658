"""`fab logs`: the logs of the app and of nginx, their last lines and the further ones."""

from __future__ import annotations

import re
from collections import deque

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.each_host import conclude, gather
from selvedge.operations.output import clean
from selvedge.report import Report
from selvedge.run import Run
from selvedge.shell.library import call

BACKLOG = 20_000
"""Lines at the end of a log in which errors are looked for."""
WIDEST = 4_000
"""Characters of a line that are shown."""
# The beginning of a record of gunicorn, uvicorn or Python's logging: a date, a level, or JSON. Other lines, as those of a
# traceback, belong to the record above them.
_RECORD = re.compile(r"\[?\d{4}-\d\d-\d\d|\[?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b|\{\"")
_LEVEL = re.compile(r'\b(DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b|"(?:level|levelname|severity)": ?"(\w+)"')
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\)|\s*\+ Exception Group Traceback")


class Errors:
    """Which lines of an app's log tell of an error: those of its record, and the traceback below it."""

    def __init__(self) -> None:
        self._inside = False

    def __call__(self, line: str) -> bool:
        """Whether the next line of the log is one of them."""
        if _RECORD.match(line):
            # The first level counts: a message may name another.
            level = _LEVEL.search(line)
            self._inside = level is not None and (level[1] or level[2]).upper() in ("ERROR", "CRITICAL", "FATAL")
        elif _TRACEBACK.match(line):
            self._inside = True
        return self._inside


class Screen:
    """What one server sends, line by line, on its way to the screen.

    The lines that were there when it began are held back until all have come, since only the last of them are wanted.
    """

    def __init__(self, report: Report, prefix: str, *, lines: int, errors: bool, named: bool) -> None:
        self.missing: list[str] = []
        self._report = report
        self._prefix = prefix
        self._named = named
        self._errors = Errors() if errors else None
        self._lines = lines
        self._held: dict[str, deque[str]] = {}
        self._done: set[str] = set()

    def line(self, text: str) -> None:
        """A line as the server sent it: the name of its log, or a mark, and the rest."""
        name, _, rest = text.partition(" ")
        if name == "=":
            self._done.add(rest)
            for held in self._held.pop(rest, ()):
                self._show(rest, held)
        elif name == "!":
            self.missing.append(rest)
        elif name == "+":
            self._done.discard("app")
            self._show("app", f"--- {rest} is live now ---")
        elif name != "app" or self._errors is None or self._errors(rest):
            if name in self._done:
                self._show(name, rest)
            else:
                self._held.setdefault(name, deque(maxlen=self._lines)).append(rest)

    def _show(self, name: str, text: str) -> None:
        line = clean(text)
        cut = line if len(line) <= WIDEST else f"{line[:WIDEST]}…"
        self._report.line(self._prefix + (self._report.paint(f"{name:<6}  ", "dim") if self._named else "") + cut)


def logs(run: Run, *, lines: int, follow: bool, nginx: bool, errors: bool) -> None:
    """Print the last lines of each host's app log (or nginx logs); with `follow`, further ones until Ctrl-C.

    Raises UsageError where `lines` is negative, SelvedgeError where there is no log, UnreachableError.
    """
    if lines < 0:
        raise UsageError("--lines must be a number, at least 0.")
    width = max(len(session.name) for session in run.fleet.sessions)

    def read(session: Session) -> None:
        prefix = f"{run.report.paint(session.name.ljust(width), 'blue')}  " if len(run.fleet.sessions) > 1 else ""
        screen = Screen(run.report, prefix, lines=lines, errors=errors, named=nginx and not errors)
        script = _script(session.target, BACKLOG if errors else lines, follow=follow, nginx=nginx, errors=errors)
        result = session.run(script, on_line=screen.line)
        if screen.missing:
            app = f"`fab -H {session.name} deploy` releases the app, `fab -H {session.name} nginx` makes its site."
            raise SelvedgeError(f"{session.name}: {'; '.join(screen.missing)}.", app)
        if result.status == -1 or follow:
            raise session.lost("while it was read")

    try:
        found = gather(run, read)
    except KeyboardInterrupt:
        if not follow:
            raise
        run.report.line()
        return
    conclude(run, found)


def _script(app: Target, lines: int, *, follow: bool, nginx: bool, errors: bool) -> str:
    """Return shell that shows the logs; what its programs complain of is not part of a log."""
    if nginx:
        files = {"access": f"{app.paths.logs}/nginx-access.log", "error": f"{app.paths.logs}/nginx-error.log"}
        shown = [word for name, path in files.items() if name == "error" or not errors for word in (name, path)]
        return call("logs_nginx", str(lines), *shown, follow=follow)
    return call("logs_app", str(lines), given=app.shell_values, follow=follow)
