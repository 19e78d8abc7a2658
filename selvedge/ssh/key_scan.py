"""The keys that a server shows, and the file of keys that are known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import paramiko
from fabric import Connection

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError
from selvedge.ssh import host_keys
from selvedge.ssh.connection import Remote
from selvedge.ssh.failures import CONNECT_TIMEOUT, open_socket, unreachable
from selvedge.value import Value

KINDS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
"""The host key algorithms that are asked for, one connection each, as ssh-keyscan(1) does; in the order in which a login
prefers them. sshd has one key of each kind unless it was told otherwise."""


class Shown(Value):
    """A server's keys: `entry` is its name in a known_hosts file, `keys` are those it shows, the preferred one first."""

    entry: str
    keys: tuple[paramiko.PKey, ...]


def kind(key: paramiko.PKey) -> str:
    """What kind of key it is: ED25519, ECDSA or RSA, as ssh-keygen names it."""
    return str(key.get_name()).removeprefix("ssh-").partition("-")[0].upper()


def shown_by(remote: Remote) -> Shown:
    """The keys that the server shows to anybody, without a login. Raises UnreachableError."""
    connection = remote.unopened(remote.host.user)
    host_keys.require_known(connection, remote.host)
    found = [_key(remote.host, connection, algorithms) for algorithms in KINDS]
    keys = tuple(key for key in found if key is not None)
    if not keys:
        raise SelvedgeError(
            f"{remote.host.name}: the server has no host key of a kind that is known here.",
            "On the server, as root: `ssh-keygen -A && systemctl restart ssh`.",
        )
    return Shown(host_keys.entry_of(connection), keys)


def _key(host: Host, connection: Connection, algorithms: Sequence[str]) -> paramiko.PKey | None:
    """The server's key of one kind, proven by its signature over the key exchange; None where it has none of it."""
    try:
        with closing(_transport(connection)) as transport:
            transport.banner_timeout = CONNECT_TIMEOUT
            transport.get_security_options().key_types = list(algorithms)
            transport.start_client(timeout=CONNECT_TIMEOUT)
            return transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        if "host key" in str(error):
            return None
        raise unreachable(host, connection, error) from error
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise unreachable(host, connection, error) from error


def _transport(connection: Connection) -> paramiko.Transport:
    if not connection.gateway:
        return paramiko.Transport(open_socket(connection.host, connection.port))
    # A server in between is logged in to, so its own key must be a known one.
    return paramiko.Transport(connection.open_gateway())


def file_of(host: Host) -> Path:
    """The file that the keys of this host are stored in."""
    return Path(host.known_hosts or host_keys.USER_FILE).expanduser()


def store(host: Host, entry: str, keys: Sequence[paramiko.PKey]) -> Path:
    """Add the keys to the host's known_hosts file, which is made (0600) where it is not there; returns its path.

    Raises SelvedgeError where it cannot be written.
    """
    path = file_of(host)
    lines = host_keys.lines(entry, keys)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(-1, os.SEEK_END)
                lines = lines if file.read(1) == b"\n" else f"\n{lines}"
            file.write(lines.encode())
    except OSError as error:
        raise SelvedgeError(
            f"{host.name}: {path} cannot be written: {error.strerror}.", "Correct its rights."
        ) from error
    return path
