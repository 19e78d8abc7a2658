"""The check after a change of logins: the host's user can still log in and become root."""

from __future__ import annotations

import time

from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.ssh.connection import Remote, Result

PAUSE = 1.0
"""Seconds before the second attempt: while sshd reloads, it does not listen for a moment."""


def require_fresh_login(remote: Remote) -> None:
    """Log in to the server again, as the host's user only, and become root.

    Raises UnreachableError if the login fails twice, SelvedgeError if sudo refuses.
    """
    fresh = remote.alone()
    try:
        result = _user_id(fresh)
    except UnreachableError:
        time.sleep(PAUSE)
        result = _user_id(fresh)
    finally:
        fresh.close()
    host = remote.host
    if result.status != 0 or result.output.split() != ["0"]:
        said = result.output.strip()[-200:] or f"exit status {result.status}"
        raise SelvedgeError(
            f"{host.name}: {host.user} can log in, but cannot become root with sudo: {said}.",
            f"Run `ssh {host.user}@{host.address or host.name} sudo id`, which shows sudo's whole message.",
        )


def _user_id(remote: Remote) -> Result:
    return remote.run("id -u\n")
