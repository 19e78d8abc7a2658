"""Backends that take no requests while something interrupts them ([rollout] drain)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from selvedge.config.target import Target
from selvedge.engine.converge import converge
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Planned, Plans, Session
from selvedge.release.commits import Commits
from selvedge.release.live import Live
from selvedge.release.record import Releases
from selvedge.resources.base import Resource
from selvedge.resources.need import Needs
from selvedge.resources.nginx.drained import Drained
from selvedge.task import Step

BACK = 6.0
"""Seconds after which the balancers use a backend again: fail_timeout in templates/nginx/backends.conf.j2, and one more."""


def drain_step(*, drained: bool) -> Step:
    """Return a step that drains a backend, or ends that."""

    def body(app: Target) -> Iterator[Resource]:
        yield Needs(app.paths.drain_rules, "nginx")
        yield Needs("/usr/sbin/nft", "harden")
        yield Drained.of(app, drained=drained)

    return Step(body, name="drain" if drained else "undrain")


def pause_after(batch: Sequence[Session]) -> float:
    """Return the seconds until the balancers use these backends again after a switch: those whose app stops for it."""
    return BACK if any(session.target.balancers and session.target.strategy == "restart" for session in batch) else 0.0


def upgrade_in_turn(fleet: Fleet, commits: Commits, plans: Plans) -> Plans:
    """Make the changes of steps that interrupt a backend, on one backend after the other; return the plans of the other steps.

    A backend without a release, or one that someone has drained, is not drained for that. Raises SelvedgeError.
    """
    rest = dict(plans)
    done = 0
    for session in fleet.sessions:
        steps = [item.step for item in plans[session.name] if not item.step.drains]
        items = [item for item in plans[session.name] if item.step.drains]
        if session.target.drains and any(items):
            if done:
                fleet.report.line(f"Waiting {BACK:g} s, until the balancer uses the previous server again.")
                time.sleep(BACK)
            _interrupt(session, commits, items)
            rest[session.name] = session.plan(steps)
            done += 1
    return rest


def _interrupt(session: Session, commits: Commits, items: list[Planned]) -> None:
    """Make the changes while the backend is drained. If they fail, it stays drained."""
    live, state = session.read([Live(session.app, ""), Drained.of(session.app, drained=True)])
    busy = bool(Releases.parse(live).live) and not state.strip()
    if busy:
        converge(session, session.plan([drain_step(drained=True)]), commits.resolve_now)
    converge(session, session.plan([item.step for item in items]), commits.resolve_now)
    if busy:
        converge(session, session.plan([drain_step(drained=False)]), commits.resolve_now)
