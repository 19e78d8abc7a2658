"""`fab logs`: the last lines of the logs of the app, of a timer or of nginx, also those of a time or with a text, and new ones."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from selvedge.config.entry_types import entry_name
from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import line_prefix, on_each_host, raise_first_error
from selvedge.operations.support.log_printer import Host, LogPrinter
from selvedge.operations.support.log_times import log_time
from selvedge.operations.support.process_name import check_process_name
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.shell.quoting import ShellValue
from selvedge.shell.server.logs import Wishes
from selvedge.value import Value

USUAL = 100
"""How many lines are shown if no flag says so."""
PROGRAM = Path(__file__).parents[1] / "shell" / "server" / "logs.py"


class Flags(Value):
    """The flags of `fab logs`. lines: -1 without the flag."""

    lines: int = -1
    since: str = ""
    until: str = ""
    grep: str = ""
    follow: bool = False
    nginx: bool = False
    timer: str = ""
    errors: bool = False
    raw: bool = False
    process: str = ""

    def wishes(self) -> Wishes:
        """Return which lines are wanted. Raises UsageError."""
        chosen = [flag for flag in ("process", "timer", "nginx") if getattr(self, flag)]
        if len(chosen) > 1:
            raise UsageError(f"--{chosen[0]} and --{chosen[1]} contradict each other.", "Leave out one of them.")
        if self.process:
            check_process_name(self.process)
        if self.timer:
            try:
                entry_name(self.timer)
            except ValueError as error:
                raise UsageError(f"--timer {error}, not {self.timer!r}.", "Run `fab timers` to see the names.") from None
        if "\n" in self.grep:
            raise UsageError("--grep has a line break, and no line of a log has one.", "Search for a part of one line.")
        now = datetime.now().astimezone()
        since, until = log_time("since", self.since, now), log_time("until", self.until, now)
        if until is not None and self.follow:
            raise UsageError("--until and --follow contradict each other.", "Leave out one of them.")
        if since is not None and until is not None:
            begin, end = (each if each > 0 else now.timestamp() + each for each in (since, until))
            if begin >= end:
                problem = f"--since {self.since} is not before --until {self.until}."
                raise UsageError(problem, "Exchange the two times, or correct one of them.")
        lines = self.lines if self.lines >= 0 else None if self.since else USUAL
        # All of nginx's error log is errors.
        return Wishes(since, until, self.errors and not self.nginx, self.grep, lines)

    def nothing_found(self) -> str:
        """Return what to say if no line was found, "" if the log may be empty."""
        if not (self.since or self.until or self.grep or self.errors):
            return ""
        if self.since or self.until or self.nginx:
            return "No lines found."
        return "No lines found in the log of the live release. `--since 1w` also searches the other releases."


def logs(run: Run, flags: Flags) -> None:
    """Print the chosen lines of each host's app log or nginx logs, merged by time; with `follow`, new lines until Ctrl-C.

    Raises UsageError if a flag is wrong, SelvedgeError if there is no log, UnreachableError.
    """
    wishes = flags.wishes()
    count = 1 if flags.errors or not flags.nginx else 2
    hosts = {session.name: Host(line_prefix(run, session.name), count, wishes) for session in run.fleet.sessions}
    printer = LogPrinter(run.report, list(hosts.values()), named=count > 1, raw=flags.raw)

    def read(session: Session) -> None:
        host = hosts[session.name]
        try:
            result = session.run(_shell(session.target, flags, wishes), on_line=lambda line: printer.line(host, line))
        except SelvedgeError as error:
            if flags.follow and len(hosts) > 1:
                # The others go on, and the user would see it only after Ctrl-C, which ends without an error.
                run.report.warning(error.message)
            raise
        finally:
            printer.end(host)
        if host.missing:
            problem = "; ".join(host.missing)
            raise SelvedgeError(f"{session.name}: {problem}.", _remedy(session.name, flags, problem))
        if result.status == -1 or flags.follow:
            raise session.lost("while the log was read")

    try:
        found = on_each_host(run, read, endless=flags.follow)
    except KeyboardInterrupt:
        if not flags.follow:
            raise
        run.report.line()
        return
    raise_first_error(run, found)
    if not flags.follow and not any(host.names for host in hosts.values()) and (hint := flags.nothing_found()):
        run.report.note(hint)


def _remedy(host: str, flags: Flags, problem: str) -> str:
    if "python3" in problem:
        return f"Run `fab -H {host} install` first."
    if flags.timer:
        return f"The timer has not run yet, or has another name: `fab -H {host} timers` lists the timers."
    if "has no process" in problem:
        return "`[processes]` in hosts.toml lists those of the next release."
    step = "nginx" if flags.nginx else "restart" if "log file" in problem else "deploy"
    return f"Run `fab -H {host} {step}` first."


def _shell(app: Target, flags: Flags, wishes: Wishes) -> str:
    program, words = PROGRAM.read_text(encoding="utf-8"), json.dumps(wishes._asdict())
    values: dict[str, ShellValue] = {"follow": flags.follow, "wishes": words, "program": program}
    if flags.nginx:
        files = {"access": f"{app.paths.logs}/nginx-access.log", "error": f"{app.paths.logs}/nginx-error.log"}
        shown = [word for name, path in files.items() if name == "error" or not flags.errors for word in (name, path)]
        return call("logs_files", *shown, given=values)
    if flags.timer:
        return call("logs_files", "timer", app.paths.timer_log(flags.timer), given=values)
    period = ["all"] if flags.since or flags.until else []
    if flags.process:
        return call("logs_process", flags.process, *period, given={**app.shell_values, **values})
    return call("logs_app", *period, given={**app.shell_values, **values})
