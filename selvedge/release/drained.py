"""Backends that take no requests while something interrupts them ([rollout] drain)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

from selvedge.config.target import Target
from selvedge.engine.converge import converge
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Planned, Plans, Session
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.release.commits import Commits
from selvedge.release.live import Live
from selvedge.release.record import Releases
from selvedge.resources.base import Ask, Resource
from selvedge.resources.need import Needs
from selvedge.resources.nginx.drained import Drained, state_of
from selvedge.shell.library import call
from selvedge.shell.quoting import words
from selvedge.task import Step

BACK = 6.0
"""Seconds after which the balancers use a backend again: fail_timeout in templates/nginx/backends.conf.j2, and one more."""


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


def none_left(fleet: Fleet, names: Collection[str]) -> str:
    """Return why no backend would be left if these were drained; "" if each balancer has another one that answers.

    It is "", too, if none of these answers. Raises UnreachableError if no balancer can be asked.
    """
    unreachable: UnreachableError | None = None
    asked = 0
    for session in fleet.balancer_sessions():
        site = session.target.balancer_site
        try:
            fact = session.read([Ask(_left_query(site, names))])[0] if site else ""
        except UnreachableError as error:
            unreachable = unreachable or error
            continue
        asked += 1
        if site and (reason := _reason(session.name, site, names, fact)):
            return reason
    if unreachable and not asked:
        raise unreachable
    return ""


def _left_query(site: Target, names: Collection[str]) -> str:
    """Return shell that prints how a balancer sees its backends, and which other sites would have none without these hosts."""
    enabled = site.paths.site_enabled
    asked = [call("backend_left", enabled, name, address, given=site.shell_values) for name, address in site.backends.items()]
    addresses = [address for name, address in site.backends.items() if name in names]
    return "\n".join([*asked, f"backend_alone {words(enabled, *addresses)}"])


def _reason(balancer: str, site: Target, names: Collection[str], fact: str) -> str:
    rows = [line.split() for line in fact.splitlines()]
    found = {row[1]: int(row[2]) for row in rows if row[:1] == ["backend"] and len(row) == 3}
    healthy = [name for name, code in found.items() if any(first <= code <= last for first, last in site.health_ranges)]
    others = [name for name in site.backends if name not in names]
    if any(name in names for name in healthy) and not any(name in healthy for name in others):
        if not others:
            return f"{' and '.join(site.backends)} {'is' if len(site.backends) == 1 else 'are'} all that there are"
        return f"{' and '.join(others)} {'does' if len(others) == 1 else 'do'} not answer the balancer {balancer}"
    if alone := [row[1] for row in rows if row[:1] == ["alone"]]:
        return f"{' and '.join(alone)} on the same port would have no other one at the balancer {balancer}"
    return ""


def pause_after(batch: Sequence[Session]) -> float:
    """Return the seconds until the balancers use these backends again after a switch: those whose app stops for it."""
    return BACK if any(session.target.balancers and session.target.strategy == "restart" for session in batch) else 0.0


def upgrade_in_turn(fleet: Fleet, commits: Commits, plans: Plans) -> Plans:
    """Make the changes of steps that interrupt a backend, on one backend after the other; return the plans of the other steps.

    A backend without a release, one that a user has drained, and the last one that answers are not drained for that. Raises
    SelvedgeError.
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
            _interrupt(fleet, session, commits, items)
            rest[session.name] = session.plan(steps)
            done += 1
    return rest


def _interrupt(fleet: Fleet, session: Session, commits: Commits, items: list[Planned]) -> None:
    """Make the changes while the backend is drained. The last item ends that; if the changes fail, it stays drained."""
    live, fact = session.read([Live(session.app, ""), Drained.of(session.app, drained=True)])
    state = state_of(fact)
    by_run = state[-1:] == ["run"]
    if Releases.parse(live).live and state in ([], ["half", "run"]):
        if reason := none_left(fleet, [session.name]):
            session.report.step(session.name, "drain", f"not drained, because no backend would be left: {reason}")
        else:
            converge(session, session.plan([drain_step(drained=True, by_run=True)]), commits.resolve_now)
            by_run = True
    try:
        converge(session, session.plan([item.step for item in items]), commits.resolve_now)
    except SelvedgeError:
        if by_run:
            until = f"The same command ends that once it succeeds, and so does `fab -H {session.name} undrain`."
            session.report.step(session.name, "drain", f"{session.name} stays drained. {until}")
        raise
