"""Ask a server for its host keys, without a login."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import paramiko
from fabric import Connection

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError
from selvedge.ssh import host_keys
from selvedge.ssh.connection import Remote
from selvedge.ssh.failures import unreachable
from selvedge.ssh.tcp import CONNECT_TIMEOUT, open_socket
from selvedge.value import Value

ALGORITHMS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
"""The host key algorithms of each kind of key, in the order in which a login prefers them. By default sshd has one key of
each kind. Each kind takes one connection, as with ssh-keyscan(1)."""


class ServerKeys(Value):
    """A server's name in a known_hosts file and its host keys, the preferred one first."""

    entry: str
    keys: tuple[paramiko.PKey, ...]


def kind_of(key: paramiko.PKey) -> str:
    """Return the kind of a key: ED25519, ECDSA or RSA, as ssh-keygen names it."""
    return str(key.get_name()).removeprefix("ssh-").partition("-")[0].upper()


def scan(remote: Remote) -> ServerKeys:
    """Return the host keys of the server. Raises UnreachableError, and SelvedgeError if it has none of a known kind."""
    connection = remote.unopened(remote.host.user)
    host_keys.require_known(connection, remote.host)
    found = [_key(remote.host, connection, algorithms) for algorithms in ALGORITHMS]
    keys = tuple(key for key in found if key is not None)
    if not keys:
        raise SelvedgeError(
            f"{remote.host.name}: the server has no ED25519, ECDSA or RSA host key.",
            "Create them: run `ssh-keygen -A && systemctl restart ssh` on the server as root.",
        )
    return ServerKeys(host_keys.entry_of(connection), keys)


def _key(host: Host, connection: Connection, algorithms: Sequence[str]) -> paramiko.PKey | None:
    """Return the server's key for one of the algorithms, None if it has none. The server signs the key exchange with it."""
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
    # This logs in to the jump host, whose own key must therefore be known.
    return paramiko.Transport(connection.open_gateway())
