"""The content of app.carry, which is part of a release's name, and the commands on this machine that make it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from selvedge.engine.workstation import run_local
from selvedge.report.text import Styled
from selvedge.resources.code.carried import CarriedFiles, content, pack
from selvedge.resources.code.checkout import Checkout
from selvedge.resources.code.local_repository import checked_out

if TYPE_CHECKING:
    from selvedge.engine.session import Planned, Session


def find(session: Session) -> None:
    """Take the content of app.carry as it is now, unless this run has made it already.

    If commands make it and it does not exist yet, it stays unknown. Raises ConfigError for files that cannot be carried.
    """
    app = session.app
    if not app.carry or session.release.built:
        return
    if app.carry_commands and not all((app.carry_base / each).exists() for each in app.carry):
        return
    session.release = replace(session.release, carried=content(app.carry_base, tuple(app.carry)))


def build(session: Session) -> None:
    """Run the commands that make the content of app.carry, once in a run, and take it.

    Raises StepError if a command fails, ConfigError for files that cannot be carried.
    """
    app = session.app
    if not app.carry_commands or session.release.built or not session.release.commit:
        return
    env_vars = {"COMMIT": session.release.commit, "HOST": session.name}
    for command in app.carry_commands:
        session.report.step(session.name, "carry", f"before_build, on your machine: {command}")
    run_local(session.report, session.name, "run the hook before_build", app.carry_commands, env_vars)
    packed = pack(app.carry_base, tuple(app.carry))
    session.release = replace(session.release, carried=packed.sha256, built=True)


def note_other_commits(sessions: Iterable[Session], plans: Mapping[str, Sequence[Planned]]) -> None:
    """Print if carried files will come from a checkout of another commit than the released one."""
    noted = set()
    for session in sessions:
        app = session.app
        if not app.carry or not app.repository_path or (session.release.carried and not _is_new(plans[session.name])):
            continue
        commit, here = session.release.commit, checked_out(app.repository_path)
        if here and commit and here != commit and commit not in noted:
            noted.add(commit)
            text = f"app.carry takes files from {app.repository_path}, which is at {here[:12]}; the release is of {commit[:12]}."
            session.report.line(Styled("Note: ", "yellow"), text)


def _is_new(items: Iterable[Planned]) -> bool:
    return any(isinstance(resource, Checkout | CarriedFiles) for item in items for resource, _ in item.plan.changes)


def must_build(session: Session, items: Iterable[Planned]) -> bool:
    """Return whether the commands have to run: the plan makes a release that the server does not have."""
    if not session.app.carry_commands or session.release.built:
        return False
    items = list(items)
    return _is_new(items) or (not session.release.carried and any(item.pending for item in items))
