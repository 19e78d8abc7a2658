"""The state of an app's timers on a server, and how their last runs ended, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from selvedge.operations.support.text import iso
from selvedge.shell.server.messages.outcome import outcome
from selvedge.value import Value


class TimerState(Value):
    """A timer on a server. Times are seconds since 1970, 0 if there is none.

    on: whether its schedule runs. running: whether a run is going. next: its next run. began, ended: its last run.
    result, code, status: $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS of that run (systemd.exec(5)), "" if it did not end.
    release: the release that ran it.
    """

    name: str
    on: bool
    running: bool
    next: int = 0
    began: int = 0
    ended: int = 0
    result: str = ""
    code: str = ""
    status: str = ""
    release: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether the last run did not end: the server lost its power."""
        return bool(self.began) and not self.ended and not self.running

    @property
    def failed(self) -> bool:
        """Whether the last run that has ended failed."""
        return self.interrupted or self.result not in ("", "success")

    @property
    def seconds(self) -> int | None:
        """How long the last run took; None without one that ended."""
        return max(0, self.ended - self.began) if self.ended else None

    def outcome(self, timeout: int | None = None) -> str:
        """Return how the last run ended, "" if there was none. timeout: the seconds that it may take, if they are known."""
        if self.interrupted:
            return "interrupted: the server was switched off"
        return outcome(self.result, self.status, timeout=timeout)

    def as_dict(self) -> dict[str, Any]:
        """Return the state for JSON."""
        last = {
            "began": iso(self.began),
            "ended": iso(self.ended),
            "seconds": self.seconds,
            "ok": not self.failed if self.ended or self.interrupted else None,
            "result": self.outcome() or None,
            "exit_status": int(self.status) if self.code == "exited" and self.status.isdecimal() else None,
            "release": self.release or None,
        }
        return {"on": self.on, "running": self.running, "next": iso(self.next), "last": last if self.began else None}


def parse_timers(lines: Iterable[str]) -> dict[str, TimerState]:
    """Return the timers in the output of the shell function `timers_fact`, by their names."""
    found = {}
    for line in lines:
        words = line.split()[1:]
        if line.startswith("timer ") and len(words) == 10:
            name, state, running = words[:3]
            upcoming, began, ended = (int(word) if word.isdecimal() else 0 for word in words[3:6])
            result, code, status, release = ("" if word == "-" else word for word in words[6:])
            found[name] = TimerState(
                name, state == "on", running == "running", upcoming, began, ended, result, code, status, release
            )
    return found

