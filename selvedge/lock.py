"""One writer a server and app: flock, held by a process that ends with the connection, so that no lock is ever stale."""

from __future__ import annotations

import getpass
import socket
from datetime import UTC, datetime

from selvedge.errors import LockedError, SelvedgeError
from selvedge.plan import HEAD
from selvedge.remote import Remote
from selvedge.shell import assign

_SCRIPT = """
(umask 077 && mkdir -p /run/selvedge) || exit 1
lock=/run/selvedge/$app.lock
exec 8>>"$lock"
if flock -w "$wait" 8; then
  printf '%s' "$holder" >"/run/selvedge/$app.holder"
  echo held
  exec cat >/dev/null
fi
printf 'busy %s\\n' "$(cat "/run/selvedge/$app.holder" 2>/dev/null)"
"""
GRACE = 2
"""Seconds that a lock is waited for in any case: the server notices within them that a killed run is gone."""


def who() -> str:
    """user@machine of this run."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


class Lock:
    """The lock of an app on a server; frees itself when the connection or this process ends."""

    def __init__(self, remote: Remote, app: str, doing: str) -> None:
        self._remote = remote
        self._app = app
        self._doing = doing
        self._channel: object | None = None

    def take(self, wait: int = 0) -> None:
        """Hold the lock, after waiting up to `wait` seconds for another run.

        Raises LockedError with who holds it, from where, since when and doing what.
        """
        if self._channel is not None:
            return
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        holder = f"{who()} since {since}: {self._doing}".replace("\n", " ")
        script = HEAD + assign(app=self._app, wait=max(wait, GRACE), holder=holder) + _SCRIPT
        channel, answer = self._remote.hold(script)
        name = self._remote.host.name
        if answer == "held":
            self._channel = channel
            return
        channel.close()
        if answer.startswith("busy"):
            raise LockedError(
                f"{name}: another run is changing {self._app} there: {answer.removeprefix('busy ') or 'by whom is unknown'}.",
                "Wait until it has ended, or give --wait SECONDS. The lock frees itself when that run ends or dies.",
            )
        raise SelvedgeError(f"{name}: the lock could not be taken: {answer or 'no answer'}.", "Is /run writable there?")
