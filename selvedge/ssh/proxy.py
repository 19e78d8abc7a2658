"""A ProxyCommand of ssh_config: a program whose input and output are the connection to the server."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from typing import IO

from selvedge.ssh.tcp import CONNECT_TIMEOUT


class ProxySocket(socket.socket):
    """The connection through a running ProxyCommand. It ends with the program, or ends the program."""

    process: subprocess.Popen[bytes] | None = None
    errors: IO[bytes] | None = None

    def said(self) -> str:
        """Return the last lines that the program wrote to its standard error."""
        if self.errors is None:
            return ""
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors.read()[-4000:].decode("utf-8", "replace").splitlines()]
        return "; ".join(filter(None, lines[-3:])).rstrip(".")

    def close(self) -> None:
        """Close the connection, and end the program."""
        super().close()
        if self.process and self.process.poll() is None:
            self.process.terminate()
        self.process = None


def open_proxy(command: str) -> ProxySocket:
    """Run a ProxyCommand as ssh does: by the user's shell, which `exec` replaces. Raises OSError if that cannot start."""
    here, there = socket.socketpair()
    sock = ProxySocket(fileno=here.detach())
    sock.settimeout(CONNECT_TIMEOUT)
    sock.errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the socket)
    with there:
        shell = os.environ.get("SHELL") or "/bin/sh"
        end = there.fileno()
        sock.process = subprocess.Popen([shell, "-c", f"exec {command}"], stdin=end, stdout=end, stderr=sock.errors)
    return sock
