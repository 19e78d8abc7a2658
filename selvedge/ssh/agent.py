"""An SSH agent, by the path of its socket; paramiko's own class knows only the one of SSH_AUTH_SOCK."""

from __future__ import annotations

import os
import socket

import paramiko
from paramiko.agent import AgentKey, AgentSSH

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
            self._connect(connection)  # type: ignore[attr-defined]
            # A key may wait for its user's confirmation.
            connection.settimeout(None)
        except OSError as error:
            self.problem = os.strerror(error.errno) if error.errno else "it does not answer"
        except (paramiko.SSHException, EOFError, ValueError, IndexError) as error:
            self.problem = str(error) or "it does not answer"
        else:
            self.problem = "" if self.get_keys() else "it has no keys"
            return
        connection.close()

    def listed(self) -> tuple[AgentKey, ...]:
        """Return the keys."""
        return tuple(self.get_keys())

    def close(self) -> None:
        """Close the connection to the agent."""
        self._close()  # type: ignore[attr-defined]
