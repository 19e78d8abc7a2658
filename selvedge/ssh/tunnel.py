"""Connections of this machine that continue on a server, each over a channel (selvedge/shell/server/tunnel.py)."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import paramiko

from selvedge.errors import UnreachableError
from selvedge.ssh import streams
from selvedge.ssh.connection import Remote

PIECE = 1 << 16
"""The most bytes of a frame that is sent."""
_SIZE = struct.Struct(">I")
_RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing sends a reset instead of a proper end (socket(7))."""


class Links:
    """The SSH connections to one server that channels need. sshd allows ten channels on each by default (MaxSessions).

    ended: whether `close` ends them, so that none was lost.
    """

    def __init__(self, remote: Remote) -> None:
        self._remotes: tuple[Remote, ...] = (remote,)
        self._lock = threading.Lock()
        self.ended = False

    def open(self, script: str, mark: str, *, as_root: bool) -> Link:
        """Start a script, and wait for its answer: the rest of the first line that begins with `mark`.

        It gets a new SSH connection if those that exist are full or lost. Raises UnreachableError.
        """
        channel = self._start(script, as_root=as_root)
        return Link(channel, streams.read_answer(channel, mark))

    def _start(self, script: str, *, as_root: bool) -> paramiko.Channel:
        while True:
            known = self._remotes
            for remote in known:
                with contextlib.suppress(UnreachableError):
                    if remote.is_connected:
                        return remote.open_channel(script, as_root=as_root)
            with self._lock:
                # Another thread may have made one by now.
                if self._remotes is known:
                    fresh = known[0].another()
                    channel = fresh.open_channel(script, as_root=as_root)
                    self._remotes = (*(each for each in known if each.is_connected), fresh)
                    return channel

    def close(self) -> None:
        """End all connections."""
        self.ended = True
        for remote in self._remotes:
            remote.close()


class Link:
    """A channel to a script on a server that has answered. answer: its line."""

    def __init__(self, channel: paramiko.Channel, answer: str) -> None:
        self.answer = answer
        self._channel = channel

    @property
    def is_lost(self) -> bool:
        """Whether the SSH connection was lost."""
        return not self._channel.get_transport().is_active()

    def close(self) -> None:
        """End the script: its input ends."""
        self._channel.close()

    def carry(self, local: socket.socket) -> bool:
        """Pass data both ways until both sides have ended, then close both.

        Return False if the other side broke off: then the local program sees a reset and not the end of the data.
        """
        sender = threading.Thread(target=_send, args=(local, self._channel), daemon=True)
        sender.start()
        whole = True
        try:
            while data := _frame(self._channel):
                local.sendall(data)
            local.shutdown(socket.SHUT_WR)
            # The program on the server ends after it has passed on all that is sent to it.
            self._channel.recv(1)
        except EOFError:
            whole = False
            local.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass  # The local program has closed its connection.
        self._channel.close()
        with contextlib.suppress(OSError):
            local.shutdown(socket.SHUT_RD)  # It wakes the sender.
        sender.join()
        local.close()
        return whole


def _send(local: socket.socket, channel: paramiko.Channel) -> None:
    """Send what the local program writes; close the channel if it breaks off."""
    try:
        while data := local.recv(PIECE):
            channel.sendall(_SIZE.pack(len(data)) + data)
        channel.sendall(_SIZE.pack(0))
    except OSError:
        channel.close()


def _frame(channel: paramiko.Channel) -> bytes:
    """Return the data of the next frame, b"" for the one that ends this direction. Raises EOFError if there is none."""
    (size,) = _SIZE.unpack(_exactly(channel, _SIZE.size))
    return _exactly(channel, size)


def _exactly(channel: paramiko.Channel, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
