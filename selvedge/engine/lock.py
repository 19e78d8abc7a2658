"""The lock of an app on a server: flock, held by a process that ends with the connection, so that it is never stale."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from selvedge.engine.script import call_script, script
from selvedge.engine.workstation import who
from selvedge.errors import LockedError, SelvedgeError
from selvedge.report import Report
from selvedge.shell.library import call
from selvedge.ssh.connection import Remote

_MARK = "@lock "
REST_SECONDS = 300
"""Seconds to wait for a step of a run that was cut off."""
GRACE = 2
"""Seconds to wait for a lock in any case: the server notices within this time that a run was killed."""


class Lock:
    """The lock of an app on a server; the server releases it when the connection or this process ends."""

    def __init__(self, remote: Remote, report: Report, app: str, doing: str) -> None:
        self._remote = remote
        self._report = report
        self._app = app
        self._doing = doing
        self._channel: object | None = None

    def take(self, wait: int, age: float) -> bool:
        """Take the lock, after waiting up to `wait` seconds for another run, and for a step that a cut-off run still makes.

        Return whether what was read `age` seconds ago may have changed since. Raises LockedError with who holds it, from
        where, since when and doing what; SelvedgeError if it cannot be taken.
        """
        if self._channel is not None:
            return False
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        holder = f"{who()} since {since}: {self._doing}".replace("\n", " ")
        take = call("lock_take", app=self._app, wait=max(wait, GRACE), holder=holder, age=math.ceil(age) + 1)
        with self._report.activity(self._remote.host.name, "lock", "waiting for another run to end"):
            channel, answer = self._remote.hold(script(take), _MARK)
        if answer.startswith("held"):
            self._channel = channel
            if answer == "held unfinished":
                self._wait_for_rest()
            return answer != "held"
        channel.close()
        name = self._remote.host.name
        if answer.startswith("busy"):
            raise LockedError(
                f"{name}: another run is changing {self._app} there: {answer.removeprefix('busy ') or 'by whom is unknown'}.",
                "Wait until it has ended, or give --wait SECONDS. The lock frees itself when that run ends or dies.",
            )
        raise SelvedgeError(f"{name}: the lock could not be taken: {answer or 'no answer'}.", "Is /run writable there?")

    def _wait_for_rest(self) -> None:
        self._report.step(self._remote.host.name, "lock", "waiting for the rest of a run that was cut off")
        result = self._remote.run(call_script(call("lock_wait_for_step", app=self._app, seconds=REST_SECONDS)))
        if result.status != 0:
            raise SelvedgeError(
                f"{self._remote.host.name}: a step of a run that was cut off is still busy after {REST_SECONDS} s.",
                f"What it does stands in /var/log/selvedge/{self._app}.log on the server.",
            )
