"""The hosts of one run: all read at once, every plan shown before anything changes anywhere, then batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TypeVar

from selvedge.config.settings import Rollout
from selvedge.engine.lock import Lock
from selvedge.engine.session import Planned, Session
from selvedge.errors import SelvedgeError, StepError
from selvedge.release import commits
from selvedge.report import Report

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
    revisions: commits.Revisions = field(default_factory=commits.Revisions)

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

    def connect(self) -> None:
        """Begin to log in to all hosts."""
        for session in self.sessions:
            session.remote.connect()

    def lock(self, doing: str, wait: int, age: float = 0.0) -> bool:
        """Take the lock of the app on every host, in the hosts' order, waiting up to `wait` seconds for each.

        Returns whether what was read up to `age` seconds ago may have changed since. Raises LockedError.
        """
        changed = False
        for session in self.sessions:
            lock = self.locks.get(session.name) or Lock(session.remote, self.report, session.target.name, doing)
            changed |= lock.take(wait, age)
            self.locks[session.name] = lock
        return changed

    def close(self) -> None:
        """End all connections."""
        for session in self.sessions:
            session.remote.close()


def converge(fleet: Fleet, session: Session, items: Sequence[Planned], behind: Sequence[Planned] = ()) -> list[Planned]:
    """Make the steps in order. Behind a change everything up to the next step that has something to do is read again, so that
    no step trusts an old reading; what comes later is read behind that one.

    Returns the steps `behind` as they were read with the last one; nothing where that one had nothing to change.
    """
    queue = deque(items)
    rounds = 0
    last: list[Planned] = []
    while queue:
        item = queue[0]
        if item.old:
            queue = deque(session.plan([each.step for each in queue]))
            continue
        if not item:
            queue.popleft()
            rounds = 0
            continue
        rounds += 1
        if rounds > ROUNDS:
            raise still_differs(session, item)
        rest = [*list(queue)[1:], *(behind if len(queue) == 1 else ())]
        near = next((number for number, each in enumerate(rest, 1) if each), len(rest))
        steps = [each.step for each in (item, *rest[:near])]
        planned = session.apply(item, [] if item.pending else steps) if item.plan else []
        if item.pending:
            fleet.revisions.resolve_now(session)
            planned = session.plan(steps)
        found = [*planned, *(replace(each, old=True) for each in rest[near:])]
        queue, last = deque(found[: len(queue)]), found[len(queue) :]
    return last


def still_differs(session: Session, item: Planned) -> StepError:
    """A step was made, read again, and is not as it should be."""
    left = "; ".join(change.summary for _, change in item.plan.changes) or item.pending
    return StepError(
        f"{session.name}: {item.name} was made, but the server still differs: {left}.",
        "Something else on that server changes it back, or the change had no effect. "
        f"See /var/log/selvedge/{session.target.name}.log there.",
    )
