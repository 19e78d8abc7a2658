"""`fab timers`: the app's timers on each server; with --run, a run of one of them now."""

from __future__ import annotations

import difflib
from typing import Any

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.run_command import Output
from selvedge.operations.support.each_host import line_prefix, on_each_host, raise_first_error
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import clean, duration, iso, when
from selvedge.operations.support.timer_states import TimerState, parse_timers
from selvedge.report.text import Style
from selvedge.resources.base import Ask
from selvedge.resources.restores import NotHalfRestored, half_of, half_restored
from selvedge.run import Run
from selvedge.shell.library import call

TITLES = ("host", "timer", "schedule", "next (UTC)", "last (UTC)", "took", "result")
SECONDARY = ("schedule", "took", "next (UTC)")
STYLES: dict[str, Style] = {"ok": "green", "paused": "yellow", "not deployed": "yellow"}


def timers(run: Run, *, as_json: bool = False) -> None:
    """Print the timers of each host, as a table or as one JSON document.

    Raises UnreachableError or SelvedgeError for the first host that could not be read, after printing the others.
    """
    found = on_each_host(run, read_timers)
    sessions = {session.name: session for session in run.fleet.sessions}
    if as_json:
        print_json(run.report, {name: _as_json(sessions[name], each) for name, each in found.items()})
    else:
        rows: list[list[str]] = []
        for name, each in found.items():
            if not isinstance(each, SelvedgeError):
                rows += _rows(sessions[name], each)
        styles: dict[str, Style] = {row[-1]: STYLES.get(row[-1], "red") for row in rows if row[-1] != "-"}
        running: dict[str, Style] = {text: "green" for text in styles if text.startswith("running")}
        if rows:
            print_table(run.report, TITLES, rows, {**styles, **running}, long="result", secondary=SECONDARY)
        for name, each in found.items():
            if not isinstance(each, SelvedgeError) and name not in {row[0] for row in rows}:
                run.report.line(f"{name}: no timers.")
    raise_first_error(run, found)


def read_timers(session: Session) -> dict[str, TimerState]:
    """Return the timers on a server. Raises SelvedgeError."""
    return parse_timers(session.read([Ask(call("timers_fact", app=session.target.name))])[0].splitlines())


def _names(session: Session, found: dict[str, TimerState]) -> list[str]:
    """Return the timers of hosts.toml, and others on the server, which the next deploy removes."""
    return list(dict.fromkeys([*session.target.timers, *sorted(found)]))


def _rows(session: Session, found: dict[str, TimerState]) -> list[list[str]]:
    rows = []
    for name in _names(session, found):
        setting, state = session.target.timers.get(name), found.get(name)
        schedule = setting.schedule if setting else "-"
        if state is None:
            rows.append([session.name, name, schedule, "-", "-", "-", "not deployed"])
            continue
        took = "-" if state.seconds is None else duration(state.seconds)
        result = state.outcome(setting.timeout if setting else None) or "-"
        if state.running:
            result = f"running in {state.release}"
        elif not state.on:
            result = f"paused; {result}" if state.failed else "paused"
        rows.append([session.name, name, schedule, when(iso(state.next) or ""), when(iso(state.began) or ""), took, result])
    return rows


def _as_json(session: Session, found: dict[str, TimerState] | SelvedgeError) -> dict[str, Any]:
    if isinstance(found, SelvedgeError):
        return {"error": str(found)}
    listed = {}
    for name in _names(session, found):
        setting, state = session.target.timers.get(name), found.get(name)
        known: dict[str, Any] = {"schedule": setting.schedule if setting else None, "deployed": state is not None}
        listed[name] = {**known, **(state.as_dict() if state else {})}
    return {"app": session.target.name, "timers": listed}


def run_timer(run: Run, name: str) -> None:
    """Run a timer now on each host that has it; print its output while it runs.

    Raises UsageError if no host has it, SelvedgeError if it fails, is going already or is not on a server yet, UnreachableError.
    """
    hosts = {session.name for session in run.fleet.sessions if name in session.target.timers}
    if not hosts:
        raise _unknown(run, name)

    def execute(session: Session) -> None:
        if session.name in hosts:
            _run_on(run, session, name)

    try:
        found = on_each_host(run, execute)
    except KeyboardInterrupt:
        run.report.line(f"The run of {name} continues: `fab logs --timer {name} --follow` shows its output.")
        raise
    raise_first_error(run, found)


def _unknown(run: Run, name: str) -> UsageError:
    hosts = {host: run.settings.target(host).timers for host in run.settings.hosts}
    known = list(dict.fromkeys([*run.settings.timers, *(each for timers_of_host in hosts.values() for each in timers_of_host)]))
    if any(name in timers_of_host for timers_of_host in hosts.values()):
        chosen = ", ".join(host for host, timers_of_host in hosts.items() if name in timers_of_host)
        return UsageError(f"The timer {name} does not run on the selected servers.", f"It runs on {chosen}.")
    close = difflib.get_close_matches(name, known, n=1)
    listing = f"Timers: {', '.join(known)}." if known else "Add a table [timers.NAME] to hosts.toml."
    return UsageError(f"No timer is named {name!r}.", f"Did you mean {close[0]}?" if close else listing)


def _run_on(run: Run, session: Session, name: str) -> None:
    host, app = session.name, session.target
    prefix = line_prefix(run, host)
    output = Output(session.mark, lambda text: run.report.line(prefix, clean(text)))
    result = session.run(call("timers_run", name, given=app.shell_values), on_line=output.line)
    if output.status is None:
        raise _not_run(session, name, result.status)
    state = read_timers(session).get(name)
    if output.status or state is None or state.failed:
        outcome = state.outcome(app.timers[name].timeout) if state and state.failed else f"exit status {output.status}"
        remedy = f"Correct the command (timers.{name} in hosts.toml) or the app; `fab -H {host} logs` shows the app's log."
        raise SelvedgeError(f"{host}: the timer {name} failed: {outcome}.", remedy)


def _not_run(session: Session, name: str, status: int) -> SelvedgeError:
    host = session.name
    if status == 3:
        return SelvedgeError(f"{host}: the timer {name} is not on the server yet.", f"Run `fab -H {host} deploy` first.")
    if status == 4:
        state = read_timers(session).get(name)
        since = f" since {when(iso(state.began) or '')} UTC, in the release {state.release}" if state and state.began else ""
        remedy = f"Wait for its end: `fab -H {host} logs --timer {name} --follow` shows its output."
        return SelvedgeError(f"{host}: a run of the timer {name} is going already{since}.", remedy)
    if status == 5:
        fact = session.read([NotHalfRestored.of(session.target)])[0]
        return half_restored(session.target, half_of(fact) or "")
    if status == 6:
        problem = f"{host}: a restore is replacing the app's data, so the timer {name} was not run."
        return SelvedgeError(problem, "Run it when the restore has ended.")
    return session.lost(f"while the timer {name} ran; the run continues")
