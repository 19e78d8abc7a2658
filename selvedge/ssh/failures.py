"""The messages for connections that fail."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from fabric import Connection
from paramiko import BadHostKeyException

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.shell.quoting import words
from selvedge.ssh import host_keys
from selvedge.ssh.tcp import CONNECT_TIMEOUT


def lost(name: str, when: str = "") -> UnreachableError:
    """Return the error for a connection that broke. when: during what, e.g. "while reading"."""
    return UnreachableError(
        f"{name}: the connection was lost{f' {when}' if when else ''}.",
        "What was running there ends by itself, whole or taken back. Run the same command again.",
    )


def ssh_command(host: Host, user: str, *options: str) -> str:
    """Return the command for the same login by OpenSSH's ssh."""
    port = ["-p", str(host.port)] if host.port else []
    key = ["-i", host.key] if host.key else []
    return words(*["ssh", *options, *port, *key, f"{user}@{host.address or host.name}"])


def login_refused(host: Host, users: Sequence[str]) -> UnreachableError:
    """Return the error for a server that lets none of these users in."""
    key = host.key or "the agent's keys and those in ~/.ssh"
    return UnreachableError(
        f"{host.name}: the server refused the login as {' and as '.join(users)} with {key}.",
        f"Try `{ssh_command(host, users[-1])}`; if that fails too, put the public half of your "
        "key into that user's ~/.ssh/authorized_keys on the server, or name the right key in hosts.toml "
        f"(hosts.{host.name}.key). A passphrase: fab --prompt-for-passphrase. "
        "After many failed logins fail2ban may hold your address off for ten minutes.",
    )


def unreachable(host: Host, connection: Connection, error: Exception) -> UnreachableError:
    """Return the error for a connection that could not be made, in words that a beginner understands."""
    where = f"{connection.host} port {connection.port}"
    name = host.name
    if isinstance(error, BadHostKeyException):
        return host_keys.changed_key_error(host, connection, error)
    if isinstance(error, host_keys.UnknownHostKey):
        return host_keys.unknown_key_error(host, connection, error)
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
