"""What is run when a release failed: [hooks] on_failure."""

from __future__ import annotations

from selvedge.errors import SelvedgeError
from selvedge.local import run_local
from selvedge.plan import HEAD
from selvedge.resources.hook import LOCAL
from selvedge.session import Session
from selvedge.shell import assign, library, quote


def failed(session: Session, error: SelvedgeError) -> None:
    """Run the host's on_failure commands; a failing one is reported, and hides nothing of the error itself."""
    target = session.target
    environment = {
        "HOST": session.name,
        "COMMIT": target.commit or "",
        "RELEASE": (target.commit or "")[:12],
        "PREVIOUS": "",
        "ERROR": error.message,
    }
    for command in target.hooks.on_failure:
        try:
            if command.startswith(LOCAL):
                run_local(session.name, "on_failure", [command.removeprefix(LOCAL).strip()], environment)
            else:
                _run_there(session, command, environment)
        except SelvedgeError as problem:
            session.report.error(problem)


def _run_there(session: Session, command: str, environment: dict[str, str]) -> None:
    variables = assign(user=session.target.name, folder=session.target.paths.shared)
    pairs = " ".join(quote(f"{name}={value}") for name, value in environment.items())
    call = f'cd "$folder" && as "$user" env {pairs} sh -c {quote(command)}'
    script = f"{HEAD}{variables}\n{library('apply')}\nmain() {{\n{call}\n}}\nmain </dev/null 2>&1\n"
    result = session.remote.run(script)
    if result.status != 0:
        raise SelvedgeError(f"{session.name}: the hook on_failure failed (exit status {result.status}): {command}")
