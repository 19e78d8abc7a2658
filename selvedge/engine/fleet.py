"""The servers of a run: the same work on all of them at once, and their locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from selvedge.config.notify import Notify
from selvedge.config.server import Rollout
from selvedge.engine.lock import Lock
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.report import Report
from selvedge.resources.base import Ask

T = TypeVar("T")


@dataclass
class Fleet:
    """The sessions of a run, and their locks by the host's name.

    balancers: the names of the hosts that balance ([balancer]). reach: makes a session with a host outside of the run.
    reached: those sessions, by the host's name.
    """

    sessions: list[Session]
    report: Report
    rollout: Rollout
    notify: Notify = field(default_factory=Notify)
    locks: dict[str, Lock] = field(default_factory=dict)
    balancers: Sequence[str] = ()
    reach: Callable[[str], Session] | None = None
    reached: dict[str, Session] = field(default_factory=dict)

    def each(
        self, work: Callable[[Session], T], sessions: Sequence[Session] | None = None, *, endless: bool = False
    ) -> list[T]:
        """Call `work` for all sessions at once; return the results in the order of the sessions.

        At most `rollout.connections` at the same time, unless none would ever come to its end (`endless`).
        If one fails, the others still run to their end. Then the first error is raised, and the other errors are printed.
        """
        chosen = list(self.sessions if sessions is None else sessions)
        if len(chosen) == 1:
            return [work(chosen[0])]
        most = len(chosen) if endless else min(self.rollout.connections, len(chosen))
        with ExitStack() as waiting, ThreadPoolExecutor(max_workers=most or 1) as pool:

            def work_and_wait(session: Session) -> T:
                result = work(session)
                waits = self.report.activity(session.name, "", "waiting for the other servers", live_only=True)
                waiting.enter_context(waits)
                return result

            futures = [pool.submit(work_and_wait, session) for session in chosen]
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

    def session_of(self, name: str) -> Session | None:
        """Return the session with a host, also with one outside of the run. Raises UsageError for a file of its table."""
        from selvedge.ssh.named_files import check_named_files

        known = {**self.reached, **{session.name: session for session in self.sessions}}
        if name not in known and self.reach:
            known[name] = self.reached[name] = self.reach(name)
            check_named_files(known[name].target.host)
        return known.get(name)

    def connect(self) -> None:
        """Begin to log in to the hosts, in the background: to as many as may be connected at once."""
        for session in self.sessions[: self.rollout.connections]:
            session.remote.connect()

    def leave_out_unreachable(self) -> None:
        """Leave out the hosts that cannot be reached, and print their errors. Raises the first error if no host is left."""

        def attempt(session: Session) -> UnreachableError | None:
            try:
                session.read([Ask("true")])
            except UnreachableError as error:
                return error
            return None

        errors = dict(zip((session.name for session in self.sessions), self.each(attempt), strict=True))
        found = {name: error for name, error in errors.items() if error}
        if len(found) == len(self.sessions):
            raise next(iter(found.values()))
        for name, error in found.items():
            self.report.warning(f"{error.message} {name} is left out (--skip-unreachable).")
        self.sessions = [session for session in self.sessions if session.name not in found]

    def lock(self, doing: str, wait: int, age: float = 0.0) -> bool:
        """Take the lock of the app on every host, one after another, waiting up to `wait` seconds for each.

        Return whether a host may have changed since it was read up to `age` seconds ago. Raises LockedError.
        """
        changed = False
        for session in self.sessions:
            lock = self.locks.get(session.name) or Lock(session.remote, self.report, session.target.name, doing)
            changed |= lock.take(wait, age)
            self.locks[session.name] = lock
        return changed

    def close(self) -> None:
        """Close all connections."""
        for session in (*self.sessions, *self.reached.values()):
            session.remote.close()
