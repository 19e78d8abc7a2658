"""Backends that take no requests while something interrupts them ([rollout] drain)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from selvedge.config.target import Target
from selvedge.engine.converge import converge
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Planned, Plans, Session
from selvedge.errors import SelvedgeError
from selvedge.release.backends import BACK, answering, none_left, wait_until_back
from selvedge.release.commits import Commits
from selvedge.release.live import Live
from selvedge.release.record import Releases
from selvedge.resources.base import Resource
from selvedge.resources.need import Needs
from selvedge.resources.nginx.drained import Drained, state_of
from selvedge.task import Step


def drain_step(*, drained: bool, by_run: bool = False) -> Step:
    """Return a step that drains a backend, or ends that. by_run: as of Drained."""

    def body(app: Target) -> Iterator[Resource]:
        # A server that is no longer a backend may still be drained.
        if app.balancers:
            yield Needs(app.paths.drain_rules, "nginx")
            yield Needs("/usr/sbin/nft", "harden")
        yield Drained.of(app, drained=drained, by_run=by_run)

    return Step(body, name="drain" if drained else "undrain", drains=by_run)


def with_undrain(app: Target, steps: Sequence[Step]) -> list[Step]:
    """Return the steps of a host. If one interrupts a backend, the last step ends the drain of this run, or of one that failed."""
    return [*steps, UNDRAIN] if app.drains and any(step.drains for step in steps) else list(steps)


def _undrain(app: Target) -> Iterator[Resource]:
    # Without `fab nginx`, there was no drain.
    yield Drained.of(app, drained=False, by_run=True)


UNDRAIN = Step(_undrain, name="undrain", drains=True)


def upgrade_in_turn(fleet: Fleet, commits: Commits, plans: Plans) -> tuple[Plans, Sequence[Session]]:
    """Make the changes of steps that interrupt a backend, on one backend after the other.

    Return the plans of the other steps, and the last backend of these. One without a release, one that a user has drained, and the
    last one that answers are not drained for that. Raises SelvedgeError.
    """
    rest = dict(plans)
    items = {name: [item for item in each if item.step.drains] for name, each in plans.items()}
    turns = [session for session in fleet.sessions if session.target.drains and any(items[session.name])]
    seen = answering(fleet, [[session] for session in turns])
    for number, session in enumerate(turns):
        if number:
            fleet.report.line(f"Waiting {BACK:g} s, until the balancer uses the previous server again.")
            time.sleep(BACK)
        _interrupt(fleet, session, commits, items[session.name])
        wait_until_back(fleet, [session], seen)
        rest[session.name] = session.plan([item.step for item in plans[session.name] if not item.step.drains])
    return rest, turns[-1:]


def _interrupt(fleet: Fleet, session: Session, commits: Commits, items: list[Planned]) -> None:
    """Make the changes while the backend is drained. The last item ends that; if the changes fail, it stays drained."""
    live, fact = session.read([Live(session.app, ""), Drained.of(session.app, drained=True)])
    state = state_of(fact)
    stays = "stays" if state[-1:] == ["run"] else ""
    try:
        if Releases.parse(live).live and state in ([], ["half", "run"]):
            if reason := none_left(fleet, [session.name]):
                session.report.step(session.name, "drain", f"not drained, because no backend would be left: {reason}")
            else:
                # The connection may be lost while the server waits for its open requests.
                stays = "may stay"
                converge(session, session.plan([drain_step(drained=True, by_run=True)]), commits.resolve_now)
                stays = "stays"
        converge(session, session.plan([item.step for item in items]), commits.resolve_now)
    except SelvedgeError:
        if stays:
            until = f"The same command ends that once it succeeds, and so does `fab -H {session.name} undrain`."
            session.report.step(session.name, "drain", f"{session.name} {stays} drained. {until}")
        raise
