"""[hooks] on_failure: commands that run after a release has failed."""

from __future__ import annotations

from selvedge.config.types import LOCAL_PREFIX
from selvedge.engine.session import Session
from selvedge.engine.workstation import run_local
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.release.hooks import hook_env_vars
from selvedge.release.instance import Instance
from selvedge.release.live import Live, releases_query
from selvedge.release.record import Releases
from selvedge.resources.base import Ask
from selvedge.shell.library import call


def run_on_failure(session: Session, error: SelvedgeError, live: Live | None) -> None:
    """Run the host's on_failure commands. If one fails, print that error and run the others.

    live: what should have become live; None if a release is only built.
    """
    commands = session.target.hooks.on_failure
    env_vars = _env_vars(session, error, live) if commands else {}
    for command in commands:
        try:
            if command.startswith(LOCAL_PREFIX):
                local = command.removeprefix(LOCAL_PREFIX).strip()
                run_local(session.report, session.name, "on_failure", [local], env_vars)
            else:
                _run_on_server(session, command, env_vars)
        except SelvedgeError as problem:
            session.report.error(problem)


def _env_vars(session: Session, error: SelvedgeError, live: Live | None) -> dict[str, str]:
    """Return the environment variables of the commands."""
    commit, release = session.release.commit, ""
    if live:
        release, commit = live.instance, live.commit
    elif commit and _is_named(session):
        release = Instance.of(session.app).id
    previous = ""
    if not isinstance(error, UnreachableError):
        try:
            previous = _previous(session, release)
        except SelvedgeError as problem:
            session.report.error(problem)
    return {
        **hook_env_vars(session.app, release, commit, live.why if live else "deploy"),
        "PREVIOUS": previous,
        "ERROR": error.message,
    }


def _is_named(session: Session) -> bool:
    """Return whether the release has a name yet: the content of app.carry is part of it."""
    return bool(session.release.carried) or not session.target.carry


def _previous(session: Session, release: str) -> str:
    """Return the release that was live before this one, "" if there was none."""
    found = Releases.parse(session.read([Ask(releases_query(session.app))])[0])
    if found.live != release:
        return found.live
    # The release is already live: a later step failed, e.g. the hook after_switch.
    earlier = [record.id for record in found.records if record.state == "good" and record.id != release]
    return earlier[-1] if earlier else ""


def _run_on_server(session: Session, command: str, env_vars: dict[str, str]) -> None:
    app = session.target
    pairs = [f"{name}={value}" for name, value in env_vars.items()]
    result = session.run(call("hook_on_failure", command, *pairs, user=app.name, folder=app.paths.shared))
    if result.status != 0:
        raise SelvedgeError(
            f"{session.name}: the hook on_failure failed (exit status {result.status}): {command}.",
            "Correct on_failure in [hooks] of hosts.toml.",
        )
