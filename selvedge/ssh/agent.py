"""An SSH agent, by the path of its socket; paramiko's own class knows only the one of SSH_AUTH_SOCK."""

from __future__ import annotations

import os
import socket
from typing import Any

from paramiko.agent import AgentKey, AgentSSH

REQUEST_IDENTITIES, IDENTITIES_ANSWER = b"\x0b", 12
MOST_KEYS = 1000
SECONDS = 10.0
"""Seconds for an agent to list its keys."""


class Agent(AgentSSH):
    """The agent at `path`. problem: why it has no keys, "" if it has some or if `path` is empty."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.problem = ""
        if path:
            self._ask()

    def _ask(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SECONDS)
        try:
            connection.connect(self.path)
            self._list(connection)
            # A key may wait for its user's confirmation.
            connection.settimeout(None)
        except TimeoutError:
            self.problem = f"it does not answer within {SECONDS:.0f} s"
        except OSError as error:
            self.problem = os.strerror(error.errno) if error.errno else str(error)
        except Exception as error:  # the program behind the socket may answer anything
            self.problem = f"its answer is not that of an agent ({type(error).__name__}: {error})"
        else:
            self.problem = "" if self.get_keys() else "it has no keys"
            return
        connection.close()

    def _list(self, connection: socket.socket) -> None:
        """Ask for the keys (SSH agent protocol, draft-ietf-sshm-ssh-agent, section 3.5)."""
        protocol: Any = self
        protocol._conn = connection
        kind, answer = protocol._send_message(REQUEST_IDENTITIES)
        if kind != IDENTITIES_ANSWER or (count := answer.get_int()) > MOST_KEYS:
            raise ValueError("no list of keys")
        fields = [(answer.get_binary(), answer.get_binary().decode("utf-8", "replace")) for _ in range(count)]
        protocol._keys = tuple(AgentKey(agent=self, blob=blob, comment=comment) for blob, comment in fields)

    def listed(self) -> tuple[AgentKey, ...]:
        """Return the keys."""
        return tuple(self.get_keys())

    def close(self) -> None:
        """Close the connection to the agent."""
        self._close()  # type: ignore[attr-defined]
