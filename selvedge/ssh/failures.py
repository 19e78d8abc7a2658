"""The way to a server: the socket, the servers in between, and what to say where it is closed."""

from __future__ import annotations

import os
import socket

from fabric import Connection
from paramiko import BadHostKeyException

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.shell.quoting import words
from selvedge.ssh import host_keys

CONNECT_TIMEOUT = 15.0
"""Seconds until an attempt to connect is given up."""
DEAD_NETWORK_MS = 15_000
"""Milliseconds of unacknowledged data after which the connection counts as dead (TCP_USER_TIMEOUT)."""


class PromptSocket(socket.socket):
    """A TCP connection that acknowledges what has come at once.

    Until a session begins sshd holds a small packet back until the one before it is acknowledged (Nagle's algorithm, RFC 896), and
    Linux acknowledges up to 40 ms late, in the hope of something to send along (delayed acknowledgements, RFC 1122): a login
    would wait for both. The option has to be set anew each time (tcp(7)).
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As of any socket."""
        data = super().recv(size, flags)
        if hasattr(socket, "TCP_QUICKACK"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


def open_socket(address: str, port: int) -> socket.socket:
    """A TCP connection on which small packets are not held back on either side and a dead network is noticed. Raises OSError."""
    opened = socket.create_connection((address, port), timeout=CONNECT_TIMEOUT)
    sock = PromptSocket(fileno=opened.detach())
    sock.settimeout(CONNECT_TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_NETWORK_MS)
    return sock


def lost(name: str, when: str = "") -> UnreachableError:
    """A connection that has ended by itself; `when` says in the middle of what."""
    return UnreachableError(
        f"{name}: the connection was lost{f' {when}' if when else ''}.",
        "What was running there ends by itself, whole or taken back. Run the same command again.",
    )


def ssh_command(host: Host, user: str, *options: str) -> str:
    """What to type for the same login by the system's ssh."""
    port = ["-p", str(host.port)] if host.port else []
    key = ["-i", host.key] if host.key else []
    return words(*["ssh", *options, *port, *key, f"{user}@{host.address or host.name}"])


def unreachable(host: Host, connection: Connection, error: Exception) -> UnreachableError:
    """The error as a beginner understands it: what was tried, what came back, what to look at."""
    where = f"{connection.host} port {connection.port}"
    name = host.name
    if isinstance(error, BadHostKeyException):
        return host_keys.changed(host, connection, error)
    if isinstance(error, host_keys.UnknownHostKey):
        return host_keys.unknown(host, connection, error)
    if isinstance(error, socket.gaierror):
        return UnreachableError(
            f"{name}: no address is known for the name {connection.host}.",
            f"Check the spelling, or set hosts.{name}.address in hosts.toml.",
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{name}: {where} refuses connections.",
            "Is the SSH server running there, and is this its port (hosts.toml: port)? fail2ban may also refuse an "
            "address after many failed logins.",
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"{name}: {where} did not answer within {CONNECT_TIMEOUT:.0f} s.",
            "Is the server on, is the address right, and does the provider's firewall let this port through?",
        )
    if isinstance(error, OSError) and error.filename and connection.gateway:
        return UnreachableError(
            f"{name}: the ProxyCommand of ~/.ssh/config cannot be run: {error.filename}: {os.strerror(error.errno or 0)}.",
            "Install that program, or correct the line.",
        )
    if isinstance(error, OSError) and error.filename:
        return UnreachableError(
            f"{name}: the file {error.filename} on this machine cannot be read: {os.strerror(error.errno or 0)}.",
            f"Which key is used says hosts.{name}.key in hosts.toml, or IdentityFile in ~/.ssh/config.",
        )
    if isinstance(error, OSError) and error.errno is not None:
        return UnreachableError(f"{name}: cannot reach {where}: {os.strerror(error.errno)}.", "Check the address.")
    return UnreachableError(
        f"{name}: the SSH connection to {where} failed: {str(error) or type(error).__name__}.",
        f"Try `{ssh_command(host, connection.user, '-v')}`.",
    )
