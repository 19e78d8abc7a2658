"""What is run when a release failed: [hooks] on_failure."""

from __future__ import annotations

from selvedge.engine.plan import HEAD
from selvedge.engine.session import Session
from selvedge.engine.workstation import run_local
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.release.live import Live, Standing
from selvedge.resources.hook import LOCAL
from selvedge.shell import assign, library, quote


def failed(session: Session, error: SelvedgeError) -> None:
    """Run the host's on_failure commands; a failing one is reported, and hides nothing of the error itself."""
    commands = session.target.hooks.on_failure
    environment = _environment(session, error) if commands else {}
    for command in commands:
        try:
            if command.startswith(LOCAL):
                run_local(session.name, "on_failure", [command.removeprefix(LOCAL).strip()], environment)
            else:
                _run_there(session, command, environment)
        except SelvedgeError as problem:
            session.report.error(problem)


def _environment(session: Session, error: SelvedgeError) -> dict[str, str]:
    from selvedge.release.instance import Instance

    target = session.target
    release = Instance.of(target).id if target.commit else ""
    previous = ""
    if not isinstance(error, UnreachableError):
        try:
            previous = _previous(session, release)
        except SelvedgeError as problem:
            session.report.error(problem)
    return {
        "HOST": session.name,
        "COMMIT": target.commit or "",
        "RELEASE": release,
        "PREVIOUS": previous,
        "ERROR": error.message,
    }


def _previous(session: Session, release: str) -> str:
    """The release that was live before this one was tried, "" where there was none."""
    standing = Standing.parse(session.facts([Live(session.target, "")])[0])
    if standing.live != release:
        return standing.live
    # It failed behind its switch, e.g. in after_switch.
    earlier = [record.id for record in standing.records if record.state == "good" and record.id != release]
    return earlier[-1] if earlier else ""


def _run_there(session: Session, command: str, environment: dict[str, str]) -> None:
    variables = assign(user=session.target.name, folder=session.target.paths.shared)
    pairs = " ".join(quote(f"{name}={value}") for name, value in environment.items())
    call = f'cd "$folder" && as "$user" env {pairs} sh -c {quote(command)}'
    script = f"{HEAD}{variables}\n{library('apply')}\nmain() {{\n{call}\n}}\nmain </dev/null 2>&1\n"
    result = session.remote.run(script)
    if result.status != 0:
        raise SelvedgeError(f"{session.name}: the hook on_failure failed (exit status {result.status}): {command}")
