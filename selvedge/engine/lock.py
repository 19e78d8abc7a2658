"""One writer a server and app: flock, held by a process that ends with the connection, so that no lock is ever stale."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from selvedge.engine.plan import HEAD
from selvedge.engine.workstation import who
from selvedge.errors import LockedError, SelvedgeError
from selvedge.report import Report
from selvedge.shell import assign
from selvedge.ssh.connection import Remote

if TYPE_CHECKING:
    import paramiko

_MARK = "@lock "
_SCRIPT = """
[ -d /run/selvedge ] || (umask 077 && mkdir -p /run/selvedge) || exit 1
lock=/run/selvedge/$app.lock
step=/run/selvedge/$app.step
exec 8>>"$lock"
answer=held
if ! flock -n 8; then
  if ! flock -w "$wait" 8; then
    printf '@lock busy %s\\n' "$(cat "/run/selvedge/$app.holder" 2>/dev/null)"
    exit 0
  fi
  answer='held changed'
fi
printf '%s' "$holder" >"/run/selvedge/$app.holder"
if ! flock -n "$step" true; then
  answer='held unfinished'
elif [ -n "$(find "$step" -newermt "-$age seconds")" ]; then
  answer='held changed'
fi
echo "@lock $answer"
exec cat >/dev/null
"""
_REST = """
flock -w "$seconds" "/run/selvedge/$app.step" true
"""
REST_SECONDS = 300
"""How long the rest of a run that was cut off is waited for."""
GRACE = 2
"""Seconds that a lock is waited for in any case: the server notices within them that a killed run is gone."""


def _answer(channel: paramiko.Channel, line: str) -> str:
    """What the script says of the lock, behind whatever the login's own files print first (~/.bashrc); where it says
    nothing, the last line that came."""
    said = line
    while not line.startswith(_MARK):
        data = b""
        while not data.endswith(b"\n") and (piece := channel.recv(1)):
            data += piece
        if not data:
            break
        line = data.decode("utf-8", "replace")
        said = line.strip() or said
    return said.removeprefix(_MARK)


class Lock:
    """The lock of an app on a server; frees itself when the connection or this process ends."""

    def __init__(self, remote: Remote, report: Report, app: str, doing: str) -> None:
        self._remote = remote
        self._report = report
        self._app = app
        self._doing = doing
        self._channel: object | None = None

    def take(self, wait: int, age: float) -> bool:
        """Hold the lock, after waiting up to `wait` seconds for another run, and for the end of what a run that was cut
        off is still doing. Returns whether what was read up to `age` seconds ago may have changed since.

        Raises LockedError with who holds it, from where, since when and doing what; SelvedgeError where it cannot be taken.
        """
        if self._channel is not None:
            return False
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        holder = f"{who()} since {since}: {self._doing}".replace("\n", " ")
        variables = assign(app=self._app, wait=max(wait, GRACE), holder=holder, age=math.ceil(age) + 1)
        channel, line = self._remote.hold(HEAD + variables + _SCRIPT)
        answer = _answer(channel, line)
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
        result = self._remote.run(HEAD + assign(app=self._app, seconds=REST_SECONDS) + _REST)
        if result.status != 0:
            raise SelvedgeError(
                f"{self._remote.host.name}: a step of a run that was cut off is still busy after {REST_SECONDS} s.",
                f"What it does stands in /var/log/selvedge/{self._app}.log on the server.",
            )
