"""paramiko's transport, with our order of host key algorithms, and with the words of a server that disconnects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paramiko

LONGEST_BANNER = 300
"""Characters of a server's banner that is shown when it refuses a login. Longer ones are legal notices."""


class Transport(paramiko.Transport):
    """The transport of one connection."""

    def __init__(self, sock: Any, algorithms: Sequence[str], **more: Any) -> None:
        super().__init__(sock, **more)
        self._host_key_algorithms = tuple(algorithms)
        self._farewell = ""

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The host key algorithms to offer."""
        return self._host_key_algorithms

    def said(self) -> str:
        """Return the server's own words about a login that it refuses: its disconnect message and its banner, or ""."""
        banner = " ".join((self.get_banner() or b"").decode("utf-8", "replace").split())
        shown = banner if len(banner) <= LONGEST_BANNER else ""
        return "; ".join(each.rstrip(". ") for each in (self._farewell, shown) if each)

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        m.get_int()
        self._farewell = " ".join(m.get_text().split())
