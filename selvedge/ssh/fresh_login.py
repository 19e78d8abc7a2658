"""The proof that nobody is shut out: a fresh login as the host's user, and root by sudo there."""

from __future__ import annotations

import time

from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.ssh.connection import Remote, Result

PAUSE = 1.0
"""Seconds before a refused connection is tried once more: for a moment of its reload sshd does not listen."""


def require_fresh_login(remote: Remote) -> None:
    """Log in to the server once more, as the host's user alone, and become root.

    Raises UnreachableError where no login succeeds, SelvedgeError where sudo refuses.
    """
    fresh = remote.alone()
    try:
        result = _ask(fresh)
    except UnreachableError:
        time.sleep(PAUSE)
        result = _ask(fresh)
    finally:
        fresh.close()
    host = remote.host
    if result.status != 0 or result.output.split() != ["0"]:
        said = result.output.strip()[-200:] or f"exit status {result.status}"
        raise SelvedgeError(
            f"{host.name}: {host.user} can log in, but does not become root by sudo: {said}.",
            f"Try `ssh {host.user}@{host.address or host.name} sudo id`.",
        )


def _ask(remote: Remote) -> Result:
    return remote.run("id -u\n")
