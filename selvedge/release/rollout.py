"""Make the changes of a run: build on all hosts, then switch in batches. If the release fails on a host, the others go back."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence

from selvedge.config.target import Target
from selvedge.engine.converge import converge, prove
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Planned, Plans, Session
from selvedge.errors import SelvedgeError
from selvedge.release.backends import Seen, answering, pause_after, wait_until_back
from selvedge.release.commits import Commits
from selvedge.release.drained import upgrade_in_turn
from selvedge.release.hooks import after_switch
from selvedge.release.live import Live
from selvedge.release.on_failure import run_on_failure
from selvedge.release.record import Record, Releases
from selvedge.report.text import Styled
from selvedge.resources.base import Ask, Resource
from selvedge.resources.nginx.maintenance import MaintenanceNoted, Since
from selvedge.shell.library import call
from selvedge.task import Step

Found = Mapping[str, tuple[Releases, Sequence[str]]]
"""The releases and the timers of each host by the host's name."""


def roll_out(fleet: Fleet, commits: Commits, plans: Plans, *, revert: bool) -> None:
    """Make the changes of the planned steps. Raises SelvedgeError; if `revert` is true, hosts that have switched go back first.

    A balancer runs no release, so nothing goes back if its own changes fail.
    """
    began = time.monotonic()
    rest, previous = upgrade_in_turn(fleet, commits, plans)
    build = {name: items[: _first_of_switch(items)] for name, items in rest.items()}
    switch = {name: items[_first_of_switch(items) :] for name, items in rest.items()}
    # On a single host, the exec that ends the build also reads the server for the switch. Several hosts first wait for each other.
    alone = len(fleet.sessions) == 1
    built = fleet.each(
        lambda session: _converge(commits, session, build[session.name], switch[session.name] if alone else ())
    )
    ready = dict(zip(plans, built, strict=True))
    switching = [session for session in fleet.sessions if switch[session.name]]
    found = _read(fleet, switching) if len(switching) > 1 else {}
    before = {name: releases for name, (releases, _) in found.items()}
    done: list[Session] = []
    batches = _batches(fleet, switching, _getting(switching, found))
    seen = answering(fleet, batches)
    try:
        for batch in batches:
            if previous:
                _wait_before(fleet, batch, done, previous, seen)
            previous = batch
            done += batch
            fleet.each(lambda session: _switch(commits, session, switch[session.name], ready[session.name]), batch)
    except SelvedgeError:
        if before:
            of_release = not any(session.target.backends for session in previous)
            _go_back(fleet, commits, done, before, revert=of_release and revert and fleet.rollout.revert)
        raise
    _report_live(fleet, plans)
    report_maintenance(fleet, plans)
    for session, items in zip(fleet.sessions, fleet.each(lambda session: prove(session, plans[session.name])), strict=True):
        _report_draining(session, items)
    fleet.report.line(f"Done in {time.monotonic() - began:.1f} s.")


def _wait_before(
    fleet: Fleet, batch: Sequence[Session], done: Sequence[Session], previous: Sequence[Session], seen: Seen
) -> None:
    """Wait before a batch until the balancers use all backends before it, and for `rollout.pause`. Raises SelvedgeError.

    done: the servers of all earlier batches. previous: those of the last one, which may have no backend.
    """
    if any(session.target.balancers for session in batch):
        wait_until_back(fleet, done, seen)
    if pause := max(fleet.rollout.pause, pause_after(previous)):
        fleet.report.line(f"Waiting {pause:g} s before the next servers.")
        time.sleep(pause)


def _first_of_switch(items: Sequence[Planned]) -> int:
    """Return the index of the first step of phase "switch". All later steps belong to the switch, too."""
    return next((index for index, item in enumerate(items) if item.step.phase == "switch"), len(items))


def _batches(fleet: Fleet, sessions: Sequence[Session], getting: Collection[str] = ()) -> list[Sequence[Session]]:
    """Return the sessions in the batches of [rollout]. The first host is a batch of its own, the canary.

    The hosts `getting` come after the other servers. Balancers come last, one by one: then the servers that they pass requests to
    answer.
    """
    balancers = [[session] for session in sessions if session.target.backends]
    servers = [session for session in sessions if not session.target.backends]
    size = fleet.rollout.batch_size(len(servers)) if len(servers) > 1 else 1
    last = [session for session in servers if session.name in getting]
    first = [session for session in servers if session not in last]
    parts = [first[start : start + size] for start in range(1, len(first), size)]
    parts += [last[start : start + size] for start in range(0, len(last), size)]
    return [batch for batch in [first[:1], *parts, *balancers] if batch]


def _getting(sessions: Sequence[Session], found: Found) -> set[str]:
    """Return the hosts that get a process with overlap = false, or a timer, which another host of the run gives up.

    They switch after it, so that two never run at once. If all hosts get one of another, there is no such order.
    """
    got: dict[str, set[str]] = {}
    lost: dict[str, set[str]] = {}
    for name, target, (releases, timers) in ((each.name, each.target, found[each.name]) for each in sessions if each.name in found):
        single = [process for process, settings in target.processes.items() if not settings.overlap]
        counts = {each.name: each.count for each in releases.processes}
        now = {each for each in single if counts.get(each)} | {f"timer {each}" for each in timers}
        wanted = {each for each in single if target.process_counts[each]} | {f"timer {each}" for each in target.timers}
        got[name], lost[name] = wanted - now, now - wanted
    getting = {name for name in got if any(got[name] & each for other, each in lost.items() if other != name)}
    return getting if len(getting) < len(got) else set()


def _converge(
    commits: Commits, session: Session, items: Sequence[Planned], following: Sequence[Planned] = ()
) -> list[Planned]:
    """Make the changes on one host, as `converge` does. If that fails, run the hook on_failure."""
    try:
        return converge(session, items, commits.resolve_now, following)
    except SelvedgeError as error:
        run_on_failure(session, error, _live_of(items))
        raise


def _switch(commits: Commits, session: Session, items: Sequence[Planned], ready: Sequence[Planned]) -> None:
    """Make the changes of the switch on one host. ready: its steps if they were planned after the build, else empty."""
    try:
        items = ready or session.plan([item.step for item in items])
    except SelvedgeError as error:
        run_on_failure(session, error, _live_of(items))
        raise
    _converge(commits, session, items)


def _live_of(items: Sequence[Planned]) -> Live | None:
    """Return what the steps make live, None if they make nothing live."""
    return next((resource for item in items for resource in item.resources if isinstance(resource, Live)), None)


def _report_live(fleet: Fleet, plans: Plans) -> None:
    for session in fleet.sessions:
        for resource in (resource for item in plans[session.name] for resource in item.resources):
            if isinstance(resource, Live):
                fleet.report.step(session.name, "live", f"{resource.instance}  {session.target.announced_url}")


def report_maintenance(fleet: Fleet, plans: Plans) -> None:
    """Print which sites are in maintenance, and stay so after this run."""
    for session in fleet.sessions:
        noted = (pair for item in plans[session.name] for pair in zip(item.resources, item.facts, strict=False))
        for since in {Since.parse(fact) for resource, fact in noted if isinstance(resource, MaintenanceNoted)} - {None}:
            ends = f"`fab -H {session.name} maintenance --off` ends it"
            fleet.report.step(session.name, "maintenance", Styled("on", "yellow"), f" {since}: visitors get its page. {ends}")


def _report_draining(session: Session, items: Sequence[Planned]) -> None:
    """Print which releases still answer open requests. items: the steps with the facts of the last reading."""
    for resource, fact in (pair for item in items for pair in zip(item.resources, item.facts, strict=True)):
        if isinstance(resource, Live):
            for release in Releases.parse(fact).draining:
                text = f"the previous release {release} answers its open requests for up to {session.target.drain} s"
                session.report.step(session.name, "draining", text)


def _read(fleet: Fleet, sessions: Sequence[Session]) -> Found:
    """Return the releases and the timers of each host by the host's name."""
    facts = fleet.each(
        lambda session: session.read([Live(session.app, ""), Ask(call("timers_listed", app=session.target.name))]), sessions
    )
    return {each.name: (Releases.parse(fact), timers.split()) for each, (fact, timers) in zip(sessions, facts, strict=True)}


def _back_to(release: Record) -> Step:
    """Return a step that makes this release live again."""

    def revert(app: Target) -> Iterator[Resource]:
        yield Live(app, release.id, release.commit, forced=True, why="revert")
        yield from after_switch(app, release.id, release.commit, "revert")

    return Step(revert)


def _go_back(fleet: Fleet, commits: Commits, done: Sequence[Session], before: Mapping[str, Releases], *, revert: bool) -> None:
    """Make the other hosts go back after the release has failed on one; then print the live release of each host.

    done: the hosts that may have switched. The last one goes back first (_getting). before: the releases of each host at the start.
    """
    after: dict[str, str] = {}
    back: list[Session] = []
    for session in reversed(done):
        try:
            after[session.name] = _read(fleet, [session])[session.name][0].live
            old = before[session.name].live_record
            if revert and old.id and after[session.name] != old.id:
                time.sleep(pause_after(back))
                back = [session]
                fleet.report.step(session.name, "revert", f"going back to {old.id}, because the release failed on another server")
                after[session.name] = "unknown"
                converge(session, session.plan([_back_to(old)]), commits.resolve_now)
                after[session.name] = old.id
        except SelvedgeError as error:
            after.setdefault(session.name, "unknown")
            fleet.report.error(error)
    fleet.report.line()
    for session in fleet.sessions:
        old_id = before[session.name].live if session.name in before else ""
        live = after.get(session.name, old_id) or "nothing"
        state = "unchanged" if live == (old_id or "nothing") else "switched"
        fleet.report.step(session.name, "live", f"{live}  ({state})")
