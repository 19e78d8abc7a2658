"""Shells on a server that wait for a script, opened ahead of their script where possible."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import paramiko
from fabric import Connection

from selvedge.config.hosts import Host
from selvedge.ssh import sudo
from selvedge.ssh.failures import unreachable
from selvedge.ssh.login import CHANNEL_TIMEOUT

T = TypeVar("T")


class Shells:
    """The shells of one connection, of root or of the login user; each runs one script.

    If a shell is opened ahead, its script begins two round trips earlier (0.1 s at 50 ms), and sudo has started by then.
    """

    def __init__(self, host: Host, connection: Connection, sudo_password: str = "", *, as_root: bool = True) -> None:
        self.connection = connection
        self._host = host
        self._command, self._preface = sudo.command(connection.user, sudo_password) if as_root else (sudo.SHELL, b"")
        self._next: Future[paramiko.Channel] | None = None
        self._lock = threading.Lock()

    def open_first(self) -> None:
        """Open a shell for the first script now. Raises UnreachableError."""
        first: Future[paramiko.Channel] = Future()
        first.set_result(self._open())
        self._next = first

    def open_next(self) -> None:
        """Begin to open a shell for the next script, unless there is one."""
        with self._lock:
            if self._next is None:
                self._next = in_background(self._open)

    def take(self) -> paramiko.Channel:
        """Return a shell that waits for a script. Raises UnreachableError."""
        with self._lock:
            ahead, self._next = self._next, None
        # A server may allow only one channel at a time, or close idle ones.
        channel = ahead.result() if ahead and not ahead.exception() else None
        return channel if channel and not channel.closed else self._open()

    def _open(self) -> paramiko.Channel:
        try:
            channel: paramiko.Channel = self.connection.transport.open_session(timeout=CHANNEL_TIMEOUT)
            channel.set_combine_stderr(True)
            channel.exec_command(self._command)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise unreachable(self._host, self.connection, error) from error
        # If sudo refuses, it may have ended by now. The channel then has its reason.
        with contextlib.suppress(OSError):
            channel.sendall(self._preface)
        return channel


def in_background(work: Callable[[], T]) -> Future[T]:
    """Do the work in a thread that does not keep this process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
