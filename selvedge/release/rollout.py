"""A step over the hosts of a run: read, show, build on all, switch in batches, prove; and take back what went wrong."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from selvedge.config.dotenv import variables
from selvedge.config.settings import Target
from selvedge.engine.fleet import Fleet, converge, still_differs
from selvedge.engine.session import Planned, Session
from selvedge.errors import SelvedgeError
from selvedge.release import commits
from selvedge.release.database import network_databases
from selvedge.release.live import Live, Standing
from selvedge.release.on_failure import failed
from selvedge.report import Report
from selvedge.resources.base import Resource
from selvedge.task import Step

# `--script` prints whole libraries, of which a script calls a part, and whose variables come from their callers.
SCRIPT_HEAD = "# shellcheck shell=dash disable=SC2016,SC2030,SC2031,SC2154,SC2329"


class Reading(dict[str, list[Planned]]):
    """What a step would change, by the host's name. began: when it was read, by time.monotonic()."""

    began = 0.0


def read(fleet: Fleet, steps: Sequence[Step], options: Mapping[str, Any]) -> list[Reading]:
    """Read and plan steps on all hosts at once, in one exec on each; changes nothing. Raises SelvedgeError."""
    began = time.monotonic()
    commits.choose(fleet.sessions, options)
    _share_databases(fleet.sessions)
    parts = {session.name: [step.parts(session.target) for step in steps] for session in fleet.sessions}
    flat = {name: list(chain.from_iterable(each)) for name, each in parts.items()}
    if any(part.needs_commit for each in flat.values() for part in each):
        threading.Thread(target=_warm_up, args=(fleet.sessions[0], flat[fleet.sessions[0].name]), daemon=True).start()
        fleet.revisions.resolve(fleet.sessions)

    def by_step(session: Session) -> list[list[Planned]]:
        planned = iter(session.plan(flat[session.name]))
        return [list(islice(planned, len(each))) for each in parts[session.name]]

    readings = [Reading(zip(parts, hosts, strict=True)) for hosts in zip(*fleet.each(by_step), strict=True)]
    for reading in readings:
        reading.began = began
    return readings


def _warm_up(session: Session, steps: Sequence[Step]) -> None:
    """Have the modules and templates of the steps loaded while the server looks for the commit; the commit is no matter."""
    target = session.target.model_copy(update={"commit": "0" * 40})
    for step in steps:
        # What is wrong is said where they are read.
        with contextlib.suppress(Exception):
            deque(step.resources(target), maxlen=0)


def run_step(fleet: Fleet, step: Step, options: Mapping[str, Any], planned: Reading) -> bool:
    """Run a step or chain that was read: show, and unless it is a dry run, change and prove. True: it changed something.

    Raises SelvedgeError: StepError where a change failed, LockedError, UnreachableError.
    """
    report = fleet.report
    if options.get("script"):
        report.raw(SCRIPT_HEAD)
        for session in fleet.sessions:
            _print_scripts(session, planned[session.name])
        return False
    dry = bool(options.get("dry_run"))
    for session in fleet.sessions:
        _show(report, session, planned[session.name], whole=dry)
    if dry:
        report.line("Dry run: nothing was changed.")
        return False
    if _is_nothing(fleet, step, planned):
        return False
    # Another run, or the rest of one that was cut off, may have changed what was read.
    if fleet.lock(f"fab {step.name}", int(options.get("wait") or 0), time.monotonic() - planned.began):
        (planned,) = read(fleet, [step], options)
        if _is_nothing(fleet, step, planned):
            return False
    _make(fleet, planned, revert=not options.get("no_revert"))
    return True


def _is_nothing(fleet: Fleet, step: Step, planned: Reading) -> bool:
    """Say so, where there is nothing to change."""
    if any(item for items in planned.values() for item in items):
        return False
    fleet.report.line(f"{step.name}: nothing to change on {', '.join(planned)}.")
    return True


def _share_databases(sessions: Sequence[Session]) -> None:
    """Of the hosts whose environments name the same database, only the first one migrates it."""
    seen: set[frozenset[str]] = set()
    for session in sessions:
        target = session.target
        if not target.migrate or not target.env_file:
            continue
        databases = network_databases(variables(target))
        if databases and databases in seen:
            session.target = target.model_copy(update={"migrates": False})
        seen.add(databases)


def _make(fleet: Fleet, planned: Reading, *, revert: bool) -> None:
    began = time.monotonic()
    switch = {name: [item for item in items if _switches(items, item)] for name, items in planned.items()}
    build = {name: [item for item in items if not _switches(items, item)] for name, items in planned.items()}
    # One server is read for its switch by the command that ends its build; several wait for each other in between.
    alone = len(fleet.sessions) == 1
    built = fleet.each(lambda session: _build(fleet, session, build[session.name], switch[session.name] if alone else ()))
    ready = dict(zip(planned, built, strict=True))
    changing = [session for session in fleet.sessions if switch[session.name]]
    before = _before(fleet, changing) if len(changing) > 1 else {}
    done: list[Session] = []
    try:
        for number, batch in enumerate(_batches(fleet, changing)):
            if number and fleet.rollout.pause:
                fleet.report.line(f"Waiting {fleet.rollout.pause:g} s before the next servers.")
                time.sleep(fleet.rollout.pause)
            done += batch
            fleet.each(lambda session: _switch(fleet, session, switch[session.name], ready[session.name]), batch)
    except SelvedgeError:
        if before:
            _take_back(fleet, done, before, revert=revert and fleet.rollout.revert)
        raise
    fleet.each(lambda session: _prove(session, planned[session.name]))
    for session in fleet.sessions:
        for resource in (resource for item in planned[session.name] for resource in item.resources):
            if isinstance(resource, Live):
                fleet.report.step(session.name, "live", f"{resource.instance}  {session.target.url}")
    fleet.report.line(f"Done in {time.monotonic() - began:.1f} s.")


def _switches(items: Sequence[Planned], item: Planned) -> bool:
    phases = [other.step.phase for other in items]
    return "switch" in phases and items.index(item) >= phases.index("switch")


def _batches(fleet: Fleet, sessions: Sequence[Session]) -> list[Sequence[Session]]:
    """The sessions in the batches of [rollout]; the first host goes alone, as a canary."""
    if len(sessions) < 2:
        return [sessions] if sessions else []
    size = fleet.rollout.batch_size(len(sessions))
    return [sessions[:1], *(sessions[start : start + size] for start in range(1, len(sessions), size))]


def _build(fleet: Fleet, session: Session, items: Sequence[Planned], behind: Sequence[Planned]) -> list[Planned]:
    try:
        return converge(fleet, session, items, behind)
    except SelvedgeError as error:
        failed(session, error)
        raise


def _switch(fleet: Fleet, session: Session, items: Sequence[Planned], ready: Sequence[Planned]) -> None:
    try:
        converge(fleet, session, ready or session.plan([item.step for item in items]))
    except SelvedgeError as error:
        failed(session, error)
        raise


def _prove(session: Session, items: Sequence[Planned]) -> None:
    for item in session.plan([item.step for item in items]):
        if item:
            raise still_differs(session, item)


def _before(fleet: Fleet, sessions: Sequence[Session]) -> dict[str, str]:
    """The instance that is live on each host before the switch, by the host's name."""
    facts = fleet.each(lambda session: session.facts([Live(session.target, "")])[0], sessions)
    return {session.name: Standing.parse(fact).live for session, fact in zip(sessions, facts, strict=True)}


def _back_to(release: str) -> Step:
    def revert(app: Target) -> Iterator[Resource]:
        yield Live(app, release, forced=True, why="revert")

    return Step(revert)


def _take_back(fleet: Fleet, done: Sequence[Session], before: Mapping[str, str], *, revert: bool) -> None:
    """After a red gate: hosts that have switched already go back; then a table says what is live where."""
    after: dict[str, str] = {}
    for session in done:
        try:
            after[session.name] = _before(fleet, [session])[session.name]
            old = before[session.name]
            if revert and old and after[session.name] != old:
                fleet.report.step(session.name, "revert", f"back to {old}, since another server refused the release")
                converge(fleet, session, session.plan([_back_to(old)]))
                after[session.name] = old
        except SelvedgeError as error:
            after[session.name] = "unknown"
            fleet.report.error(error)
    fleet.report.line()
    for session in fleet.sessions:
        live = after.get(session.name, before.get(session.name, "")) or "nothing"
        state = "as before" if live == (before.get(session.name) or "nothing") else "switched"
        fleet.report.step(session.name, "live", f"{live}  ({state})")


def _show(report: Report, session: Session, items: Sequence[Planned], *, whole: bool) -> None:
    behind = False
    for item in items:
        changes = [change for _, change in item.plan.changes if not (behind and change.waits)]
        if not changes and not item.pending:
            report.step(session.name, item.name, report.paint("nothing to change", "dim"))
            continue
        behind = True
        counted = f"{len(changes)} change{'' if len(changes) == 1 else 's'}" if changes else ""
        report.step(session.name, item.name, ", ".join(filter(None, [counted, item.pending])))
        for change in changes:
            report.line(f"    {report.paint('•', 'yellow')} {change.summary}")
            if change.diff and (whole or not change.summary.startswith("create ")):
                report.diff(change.diff)


def _print_scripts(session: Session, items: Sequence[Planned]) -> None:
    for item in items:
        if item.pending:
            session.report.raw(f"# {session.name}: {item.name}: {item.pending}")
        if item.plan:
            session.report.raw(f"# {session.name}: {item.name}\n{session.script(item)}")
        elif not item.pending:
            session.report.raw(f"# {session.name}: {item.name}: nothing to change")
