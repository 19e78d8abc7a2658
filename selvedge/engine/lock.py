"""The lock of an app on a server. The process that holds it ends with the connection, so no lock is ever stale."""

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
"""Seconds to wait for the last step of an interrupted run."""
GRACE = 2
"""The least seconds to wait for a lock: a server needs up to this time to notice that a run was killed."""


class Lock:
    """The lock of an app on a server; the server releases it when the connection or this process ends."""

    def __init__(self, remote: Remote, report: Report, app: str, doing: str) -> None:
        self._remote = remote
        self._report = report
        self._app = app
        self._doing = doing
        self._channel: object | None = None

    def take(self, wait: int, age: float) -> bool:
        """Take the lock. Wait up to `wait` seconds for another run, and for the last step of an interrupted run.

        Return whether the server may have changed since it was read `age` seconds ago. Raises LockedError, which names the
        user, machine, start and command of the other run; SelvedgeError if the server cannot make a lock.
        """
        if self._channel is not None:
            return False
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        holder = f"{who()} since {since}: {self._doing}".replace("\n", " ")
        take = call("lock_take", app=self._app, wait=max(wait, GRACE), holder=holder, age=math.ceil(age) + 1)
        with self._report.activity(self._remote.host.name, "lock", "waiting for the lock"):
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
                f"{name}: another run is changing {self._app}: {answer.removeprefix('busy ') or 'by an unknown user'}.",
                "Wait until that run has ended, or add `--wait SECONDS` to the command. You never have to remove the lock: it ends "
                "with the run.",
            )
        raise SelvedgeError(
            f"{name}: could not take the lock /run/selvedge/{self._app}.lock: {answer or 'no answer'}.",
            "Check on the server that /run is not full: `df -h /run`.",
        )

    def _wait_for_rest(self) -> None:
        name = self._remote.host.name
        with self._report.activity(name, "lock", "waiting for the last step of an interrupted run"):
            result = self._remote.run(call_script(call("lock_wait_for_step", app=self._app, seconds=REST_SECONDS)))
        if result.status != 0:
            raise SelvedgeError(
                f"{name}: the last step of an interrupted run is still running after {REST_SECONDS} s.",
                f"See its output on the server: `sudo less /var/log/selvedge/{self._app}.log`.",
            )
