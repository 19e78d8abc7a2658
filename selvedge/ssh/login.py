"""Logins: as the host's user, or as its bootstrap user before `harden`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
from fabric import Config, Connection

from selvedge.config.hosts import Host
from selvedge.ssh import host_keys
from selvedge.ssh.failures import login_refused, unreachable
from selvedge.ssh.named_files import check_named_files
from selvedge.ssh.tcp import CONNECT_TIMEOUT, open_socket

AUTH_TIMEOUT = 30
"""Seconds for the server to answer a login attempt."""
CHANNEL_TIMEOUT = 30.0
"""Seconds for the server to open a channel."""
KEEPALIVE = 5
"""Seconds between two messages on an idle connection, so that firewalls keep it and a dead one is noticed."""


def log_in(host: Host, config: Config) -> Connection:
    """Return a connection as the host's user, or as its bootstrap user if that one cannot log in yet.

    Raises UnreachableError; UsageError if a file that the host's table names is not what it must be.
    """
    check_named_files(host)
    users = list(dict.fromkeys(filter(None, [host.user, host.bootstrap_user])))
    for user in users:
        connection = unopened(host, config, user)
        if _opened(connection, host):
            return connection
    raise login_refused(host, users)


def unopened(host: Host, config: Config, user: str) -> Connection:
    """Return a connection that is not open yet. Fabric applies ssh_config to it."""
    key = str(Path(host.key).expanduser()) if host.key else ""
    timeouts = {"banner_timeout": CONNECT_TIMEOUT, "auth_timeout": AUTH_TIMEOUT, "channel_timeout": CHANNEL_TIMEOUT}
    # The configuration has the values of Fabric's flags: --prompt-for-passphrase, --prompt-for-login-password, -i.
    kwargs: dict[str, Any] = {**config.connect_kwargs, **timeouts}
    if key:
        kwargs |= {"key_filename": key, "allow_agent": False, "look_for_keys": False}
    return Connection(host.address or host.name, user=user, port=host.port, config=config, connect_kwargs=kwargs)


def _opened(connection: Connection, host: Host) -> bool:
    """Open the connection. Return whether the server accepted the user. Raises UnreachableError if it never got to decide."""
    try:
        host_keys.require_known(connection, host)
        _give_socket(connection, host)
        connection.open()
    except (OSError, paramiko.SSHException) as error:
        transport = connection.client.get_transport()
        # If the server refuses an RSA or ECDSA key, paramiko tries to load the file as Ed25519 and raises that error.
        tried = type(error) is paramiko.SSHException and transport is not None and transport.is_active()
        connection.close()
        if tried or isinstance(error, paramiko.AuthenticationException):
            return False
        raise unreachable(host, connection, error) from error
    for each in (connection, *host_keys.gateways(connection)):
        each.transport.set_keepalive(KEEPALIVE)
    return True


def _give_socket(connection: Connection, host: Host) -> None:
    """Open the TCP connection to the host, or to the outermost jump host, and give it to Fabric."""
    first = [connection, *host_keys.gateways(connection)][-1]
    if first.gateway:
        return  # A ProxyCommand opens its own connection.
    try:
        first.connect_kwargs["sock"] = open_socket(first.host, first.port)
    except OSError as error:
        raise unreachable(host, first, error) from error
