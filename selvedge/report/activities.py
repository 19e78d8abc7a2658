"""What each server is doing now, and how many steps of the run are done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

QUIET_SECONDS = 3.0
"""Seconds after which a running change is printed for the first time where there is no live area."""
REPEAT_SECONDS = 30.0
"""Seconds after which it is printed again."""


@dataclass
class Activity:
    """A change that is being made, or something that a server is busy with.

    live_only: it is shown in the live area of a terminal, and never printed as a line. waiting: what it waits for.
    """

    text: str
    live_only: bool = False
    waiting: Activity | None = None
    began: float = field(default_factory=time.monotonic)
    printed: float = 0.0

    @property
    def current(self) -> Activity:
        return self.waiting or self

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def is_due(self) -> bool:
        """Return whether a line about it should be printed now; if so, count it as printed."""
        now = time.monotonic()
        due = now - self.printed >= REPEAT_SECONDS if self.printed else now - self.began >= QUIET_SECONDS
        if due:
            self.printed = now
        return due


class Activities:
    """The activities and steps of a run. Several threads may use it.

    planned, done: steps as (host, step). began: when the steps were planned.
    """

    def __init__(self) -> None:
        self.planned: set[tuple[str, str]] = set()
        self.done: set[tuple[str, str]] = set()
        self.began = 0.0
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str], Activity] = {}

    def plan(self, host: str, steps: Iterable[str]) -> None:
        """Add steps of a host that this run is going to make."""
        with self._lock:
            self.began = self.began or time.monotonic()
            self.planned |= {(host, step) for step in steps}

    def finish(self, host: str, step: str) -> None:
        """Count a step as done, if it is one that this run has planned."""
        with self._lock:
            self.done |= self.planned & {(host, step)}

    def begin(self, host: str, step: str, activity: Activity) -> None:
        """Add an activity of a step."""
        with self._lock:
            self._running[host, step] = activity

    def wait(self, host: str, step: str, text: str) -> None:
        """Note what the step waits for, in its activity or before it has one; an empty text ends the waiting.

        If the text is the same as before, its seconds count on.
        """
        with self._lock:
            activity = self._running.setdefault((host, step), Activity(""))
            if activity.waiting and activity.waiting.text == text:
                return
            activity.waiting = Activity(text) if text else None
            if activity.waiting is None and not activity.text:
                del self._running[host, step]

    def end(self, host: str, step: str) -> float:
        """Remove an activity; return its seconds, 0 if there was none."""
        with self._lock:
            activity = self._running.pop((host, step), None)
        return activity.seconds if activity else 0.0

    def running(self) -> dict[tuple[str, str], Activity]:
        """Return the activities by host and step, in the order in which they began."""
        with self._lock:
            return dict(self._running)

    def clear(self) -> None:
        """Forget everything: the run is over."""
        with self._lock:
            self._running.clear()
            self.planned, self.done, self.began = set(), set(), 0.0
