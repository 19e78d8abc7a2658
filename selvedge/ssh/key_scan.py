"""Ask a server for its host keys, without a login."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import paramiko
from fabric import Connection

from selvedge.errors import SelvedgeError
from selvedge.ssh.config import ClientSettings
from selvedge.ssh.connection import Remote
from selvedge.ssh.failures import unreachable
from selvedge.ssh.host_keys import of_paramiko
from selvedge.ssh.known_hosts import HostKey
from selvedge.ssh.login import Logins
from selvedge.ssh.tcp import CONNECT_TIMEOUT
from selvedge.ssh.transport import Transport
from selvedge.value import Value

ALGORITHMS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
"""The host key algorithms of each kind of key, in the order in which a login prefers them. By default sshd has one key of
each kind. Each kind takes one connection, as with ssh-keyscan(1)."""


class ServerKeys(Value):
    """A server's host keys, the preferred one first, and the settings of the connection that showed them."""

    settings: ClientSettings
    keys: tuple[HostKey, ...]


def scan(remote: Remote) -> ServerKeys:
    """Return the host keys of the server. Raises UnreachableError, and SelvedgeError if it has none of a known kind."""
    logins = remote.logins
    connection = logins.unopened(remote.host.user)
    found = [_key(logins, connection, algorithms) for algorithms in ALGORITHMS]
    keys = tuple(key for key in found if key is not None)
    if not keys:
        raise SelvedgeError(
            f"{remote.host.name}: the server has no ED25519, ECDSA or RSA host key.",
            "Create them: run `ssh-keygen -A && systemctl restart ssh` on the server as root.",
        )
    return ServerKeys(connection.settings, keys)


def _key(logins: Logins, connection: Connection, algorithms: Sequence[str]) -> HostKey | None:
    """Return the server's key for one of the algorithms, None if it has none. The server signs the key exchange with it."""
    try:
        with closing(Transport(logins.open_path(connection), algorithms)) as transport:
            transport.banner_timeout = CONNECT_TIMEOUT
            transport.start_client(timeout=CONNECT_TIMEOUT)
            return of_paramiko(transport.get_remote_server_key())
    except paramiko.ssh_exception.IncompatiblePeer as error:
        if "host key" in str(error):
            return None
        raise unreachable(logins.host, connection, error) from error
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise unreachable(logins.host, connection, error) from error
