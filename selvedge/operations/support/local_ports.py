"""Ports of this machine."""

from __future__ import annotations

import errno
import os
import socket

from selvedge.errors import UsageError

HERE = "127.0.0.1"
"""Only programs of this machine can connect to it."""
HIGHEST_PORT = 65535


def listen(port: int, flag: str) -> socket.socket:
    """Return a listening socket, on any free port for 0. flag: the option for another port. Raises UsageError."""
    if not 0 <= port <= HIGHEST_PORT:
        raise UsageError(f"{flag} {port} is not a port.", f"Use one from 1 to {HIGHEST_PORT}.")
    try:
        return socket.create_server((HERE, port))
    except OSError as error:
        another = port + 10000 if port < 50000 else port - 10000
        why = "another program uses it" if error.errno == errno.EADDRINUSE else os.strerror(error.errno or 0)
        remedy = f"Choose another one, for example `{flag} {another}`."
        raise UsageError(f"Port {port} of this machine is not free: {why}.", remedy) from None
