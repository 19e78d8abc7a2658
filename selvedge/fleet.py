"""The hosts of one run: all read at once, every plan shown before anything changes anywhere, then batches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from selvedge import source
from selvedge.errors import SelvedgeError, StepError
from selvedge.lock import Lock
from selvedge.report import Report
from selvedge.session import Planned, Session
from selvedge.settings import Rollout
from selvedge.step import Step

T = TypeVar("T")
ROUNDS = 4
"""How often a step is made and read again before the run says that it still differs."""


@dataclass
class Fleet:
    """The sessions of a run, and what they share: the resolved commit and the locks."""

    sessions: list[Session]
    report: Report
    rollout: Rollout
    locks: dict[str, Lock] = field(default_factory=dict)
    revisions: source.Revisions = field(default_factory=source.Revisions)

    def each(self, work: Callable[[Session], T], sessions: Sequence[Session] | None = None) -> list[T]:
        """Do the work for all sessions at once; results in their order.

        Where some fail, the others are let finish; then the first error is raised, after the other ones were printed.
        """
        chosen = list(self.sessions if sessions is None else sessions)
        if len(chosen) == 1:
            return [work(chosen[0])]
        with ThreadPoolExecutor(max_workers=min(32, len(chosen) or 1)) as pool:
            futures = [pool.submit(work, session) for session in chosen]
            self._wait(futures)
        errors = [future.exception() for future in futures if future.exception()]
        for error in errors[1:]:
            if isinstance(error, SelvedgeError):
                self.report.error(error)
        if errors and errors[0]:
            raise errors[0]
        return [future.result() for future in futures]

    def _wait(self, futures: Sequence[Future[T]]) -> None:
        pending = set(futures)
        try:
            while pending:
                _, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            self.close()
            raise

    def lock(self, doing: str, seconds: int) -> None:
        """Take the lock of the app on every host, in the hosts' order. Raises LockedError."""
        for session in self.sessions:
            lock = self.locks.get(session.name) or Lock(session.remote, session.target.name, doing)
            lock.take(seconds)
            self.locks[session.name] = lock

    def close(self) -> None:
        """End all connections."""
        for session in self.sessions:
            session.remote.close()


def run_step(fleet: Fleet, step: Step, options: Mapping[str, Any]) -> None:
    """Run a step or chain on the fleet: read, show, and unless it is a dry run, change and prove.

    Raises SelvedgeError: StepError where a change failed, LockedError, UnreachableError.
    """
    report = fleet.report
    source.choose(fleet.sessions, options)
    parts = {session.name: step.parts(session.target) for session in fleet.sessions}
    if any(part.needs_commit for steps in parts.values() for part in steps):
        fleet.revisions.resolve(fleet.sessions)
    planned = dict(
        zip(parts, fleet.each(lambda session: session.plan(parts[session.name])), strict=True)
    )
    if options.get("script"):
        for session in fleet.sessions:
            _print_scripts(session, planned[session.name])
        return
    dry = bool(options.get("dry_run"))
    for session in fleet.sessions:
        _show(report, session, planned[session.name], whole=dry)
    if dry:
        report.line("Dry run: nothing was changed.")
        return
    if not any(item for items in planned.values() for item in items):
        report.line(f"{step.name}: nothing to change on {', '.join(parts)}.")
        return
    fleet.lock(f"fab {step.name}", int(options.get("wait") or 0))
    _make(fleet, planned)


def _make(fleet: Fleet, planned: Mapping[str, list[Planned]]) -> None:
    began = time.monotonic()
    build = {name: [item for item in items if not _switches(items, item)] for name, items in planned.items()}
    fleet.each(lambda session: converge(fleet, session, build[session.name]))
    for batch in _batches(fleet):
        fleet.each(lambda session: _finish(fleet, session, planned[session.name], build[session.name]), batch)
    fleet.report.line(f"Done in {time.monotonic() - began:.1f} s.")


def _switches(items: Sequence[Planned], item: Planned) -> bool:
    phases = [other.step.phase for other in items]
    return "switch" in phases and items.index(item) >= phases.index("switch")


def _finish(fleet: Fleet, session: Session, items: Sequence[Planned], built: Sequence[Planned]) -> None:
    rest = [item.step for item in items if item not in built]
    if rest:
        converge(fleet, session, session.plan(rest))
    for item in session.plan([item.step for item in items]):
        if item:
            raise still_differs(session, item)


def converge(fleet: Fleet, session: Session, items: Sequence[Planned]) -> None:
    """Make the steps in order. Behind a change everything is read again, so that no step trusts an old reading."""
    queue = deque(items)
    rounds = 0
    while queue:
        item = queue[0]
        if not item:
            queue.popleft()
            rounds = 0
            continue
        rounds += 1
        if rounds > ROUNDS:
            raise still_differs(session, item)
        if item.plan:
            session.apply(item)
        if item.pending:
            fleet.revisions.resolve_now(session)
        queue = deque(session.plan([item.step for item in queue]))


def still_differs(session: Session, item: Planned) -> StepError:
    """A step was made, read again, and is not as it should be."""
    left = "; ".join(change.summary for _, change in item.plan.changes) or item.pending
    return StepError(
        f"{session.name}: {item.name} was made, but the server still differs: {left}.",
        "Something else on that server changes it back, or the change had no effect. "
        f"See /var/log/selvedge/{session.target.name}.log there.",
    )


def _batches(fleet: Fleet) -> list[list[Session]]:
    """The sessions in the batches of [rollout]; the first host of the first batch goes alone, as a canary."""
    sessions = fleet.sessions
    if len(sessions) < 2:
        return [list(sessions)]
    size = fleet.rollout.batch_size(len(sessions))
    rest = sessions[1:]
    return [sessions[:1], *(rest[start : start + size] for start in range(0, len(rest), size))]


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
            print(f"# {session.name}: {item.name}: {item.pending}")
        if item.plan:
            print(f"# {session.name}: {item.name}\n{session.script(item)}")
