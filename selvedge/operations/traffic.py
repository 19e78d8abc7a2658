"""`fab traffic`: GoAccess's report of nginx's logs, of one server or of several together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selvedge.config.target import Target
from selvedge.engine.script import script
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.pages.file import page_path, write_page
from selvedge.operations.support.tables import print_json
from selvedge.operations.support.text import counted
from selvedge.resources.base import Resource
from selvedge.resources.packages import Packages
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.task import Step
from selvedge.value import Value

PROGRAM = Path(__file__).parents[1] / "shell" / "server" / "traffic.py"
MOST_DAYS = 366
MISSING, NO_LOG = 3, 4
"""Exit statuses of the shell functions: GoAccess is not installed; there is no log."""
FORMAT = ("--log-format=COMBINED",)
TIMED = ('--log-format=%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %T', "--date-format=%d/%b/%Y", "--time-format=%H:%M:%S")
"""GoAccess's words for the lines of the server program, without and with the seconds of each request."""
# Visitors whose addresses differ only in their ends then have the same name, which GoAccess's chart of them cannot draw.
ANONYMOUS = ("--anonymize-ip", '--html-prefs={"hosts":{"chart":false}}')
# The channel has one stream: the errors follow the output, which may be compressed.
APART = """
said=$(mktemp -p /run)
trap 'rm -f -- "$said"' EXIT
( set -eu; main ) 2>"$said"
status=$?
printf '\\n%s said\\n' "$mark"
cat -- "$said"
exit "$status"
"""
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; font-src data:"
"""GoAccess's page has its scripts in itself, and needs nothing else."""


class Answer(Value):
    """What a server has printed: its output, the number of requests that it found, -1 if it did not say, and its last words."""

    output: bytes
    requests: int
    said: str
    status: int


class Log(Value):
    """The access log of a server. timed: its lines have the seconds of each request."""

    session: Session
    path: str
    timed: bool


def traffic(run: Run, *, days: int, html: str, as_json: bool, install: bool, whole_addresses: bool) -> None:
    """Write one report over the logs of all hosts to a file, or print it as JSON. The first host makes it.

    install: install GoAccess there first. Raises UsageError before a server is contacted; SelvedgeError, UnreachableError.
    """
    path = _checked(run, days=days, html=html, as_json=as_json, install=install)
    logs = chosen_logs(run)
    if install:
        run.chain([_install_step(logs[0].session.name)], {})
    timed = all(log.timed for log in logs)
    packed = _packed(run, logs[1:], days, timed=timed)
    words = [*(TIMED if timed else FORMAT), *(() if whole_addresses else ANONYMOUS)]
    words.append(f"--html-report-title={run.settings.app.name}: {counted(days, 'day')}")
    answer = _ask_for_report(run, logs[0], days, words, packed, kind="json" if as_json else "html", timed=timed)
    if as_json:
        print_json(run.report, _document(logs[0].session, answer))
        return
    write_page(path, _page(logs[0].session, answer))
    requests = counted(answer.requests + sum(each.requests for each in packed), "request")
    names = ", ".join(log.session.name for log in logs)
    run.report.line(f"{names}: {requests} of the last {counted(days, 'day')} in {path}")


def _checked(run: Run, *, days: int, html: str, as_json: bool, install: bool) -> Path:
    """Return the file to write. Raises UsageError."""
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"--days must be from 1 to {MOST_DAYS}, not {days}.", "nginx's logs are kept for two weeks.")
    if as_json and (html or install):
        flag = "--html" if html else "--install"
        raise UsageError(f"--json and {flag} cannot be given together.", f"Run the command with {flag} first, or leave it out.")
    return page_path("--html", html or f"{run.settings.app.name}-traffic.html")


def chosen_logs(run: Run) -> list[Log]:
    """Return the logs to report on: those of the balancers if the run has any, because a backend's log repeats their requests."""
    sites = [(session, session.target.balancer_site) for session in run.fleet.sessions]
    balancers = [(session, site) for session, site in sites if site]
    found = balancers or [(session, session.target) for session in run.of_app().fleet.sessions]
    for session, site in found:
        if site.balancers and not balancers:
            run.report.note(f"{session.name} gets its requests from a balancer: the report counts only those that reached it.")
    return [Log(session, f"{site.paths.logs}/nginx-access.log", site.log_format == "json") for session, site in found]


def _install_step(host: str) -> Step:
    def resources(app: Target) -> Iterator[Resource]:
        if app.host.name == host:
            yield Packages("goaccess")

    return Step(resources, name="traffic")


def _packed(run: Run, logs: Sequence[Log], days: int, *, timed: bool) -> list[Answer]:
    """Return the compressed requests of further hosts, read at once."""
    if not logs:
        return []
    by_session = {log.session.name: log for log in logs}

    def read(session: Session) -> Answer:
        path = by_session[session.name].path
        answer = _ask(session, call("traffic_packed", str(days), "timed" if timed else "", path, program=_program()))
        # The pipe's status is that of gzip.
        if answer.status != 0 or answer.requests < 0:
            raise _failed(session, path, answer)
        return answer

    return run.fleet.each(read, [log.session for log in logs])


def _ask_for_report(
    run: Run, log: Log, days: int, words: Sequence[str], packed: Sequence[Answer], *, kind: str, timed: bool
) -> Answer:
    arguments = [kind, "yes" if packed else "", str(days), "timed" if timed else "", log.path, *words]
    with run.report.activity(log.session.name, "traffic", "GoAccess reads the log"):
        shell = call("traffic_report", *arguments, program=_program())
        answer = _ask(log.session, shell, b"".join(each.output for each in packed))
    if answer.status == 0 and answer.requests + sum(each.requests for each in packed) > 0:
        return answer
    if answer.requests == 0 and not any(each.requests for each in packed):
        raise SelvedgeError(
            f"{log.session.name}: nginx's log has no requests of the last {counted(days, 'day')}.",
            f"A longer time: `fab traffic --days {days * 2}`. nginx's own lines: `fab -H {log.session.name} logs --nginx`.",
        )
    raise _failed(log.session, log.path, answer)


def _program() -> str:
    return PROGRAM.read_text(encoding="utf-8")


def _ask(session: Session, shell: str, payload: bytes = b"") -> Answer:
    """Run shell as root with a payload as its standard input. Raises UnreachableError."""
    channel = session.remote.open_channel(script(f"main() {{\n{shell}\n}}", APART, mark=session.mark), as_root=True)
    channel.sendall(payload)
    channel.shutdown_write()
    pieces = []
    while data := channel.recv(1 << 18):
        pieces.append(data)
    status = channel.recv_exit_status()
    output, end, said = b"".join(pieces).rpartition(f"\n{session.mark} said\n".encode())
    if status == -1 or not end:
        raise session.lost("while the log was read")
    lines = said.decode("utf-8", "replace").strip().splitlines()
    found = [line for line in lines if line.startswith("requests ")]
    others = [line for line in lines if line not in found]
    return Answer(output, int(found[-1].split()[1]) if found else -1, others[-1] if others else "", status)


def _failed(session: Session, path: str, answer: Answer) -> SelvedgeError:
    """Return the error for a report or a log that a server could not give."""
    name = session.name
    if answer.status == MISSING:
        return SelvedgeError(
            f"{name}: GoAccess is not installed, which makes the report from nginx's log.",
            f"Install Debian's package goaccess there, and make the report: `fab -H {name} traffic --install`.",
        )
    if answer.said.startswith("missing "):
        return SelvedgeError(f"{name}: nginx's log {path} does not exist yet.", f"Run `fab -H {name} nginx` first.")
    said = answer.said or f"exit status {answer.status}"
    return SelvedgeError(f"{name}: GoAccess could not make the report: {said}.", f"Its log: `fab -H {name} logs --nginx`.")


def _document(session: Session, answer: Answer) -> Any:
    try:
        return json.loads(answer.output)
    except ValueError:
        raise SelvedgeError(f"{session.name}: GoAccess's report is not JSON.", "Run it without --json.") from None


def _page(session: Session, answer: Answer) -> str:
    """Return GoAccess's page with a policy that lets its scripts contact no one. Raises SelvedgeError for another output."""
    head = b"<head>"
    if not answer.output.lstrip().lower().startswith(b"<!doctype html") or head not in answer.output:
        raise SelvedgeError(f"{session.name}: GoAccess printed no page: {answer.said or 'no output'}.", "Try --json.")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'.encode()
    return answer.output.replace(head, head + policy, 1).decode("utf-8", "surrogateescape")
