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

BANNED = "If you had many failed logins, wait ten minutes: fail2ban may have banned your address."


def lost(name: str, when: str = "") -> UnreachableError:
    """Return the error for a connection that broke. when: during what, e.g. "while reading"."""
    return UnreachableError(
        f"{name}: the connection was lost{f' {when}' if when else ''}.",
        "Run the same command again. A step that was running on the server has finished or was undone by then.",
    )


def ssh_command(host: Host, user: str, *options: str) -> str:
    """Return the command for the same login by OpenSSH's ssh."""
    port = ["-p", str(host.port)] if host.port else []
    key = ["-i", host.key] if host.key else []
    return words(*["ssh", *options, *port, *key, f"{user}@{host.address or host.name}"])


def login_refused(host: Host, users: Sequence[str]) -> UnreachableError:
    """Return the error for a server that rejects the logins of all these users."""
    key = f"the key {host.key}" if host.key else "the keys of the SSH agent and of ~/.ssh"
    return UnreachableError(
        f"{host.name}: the server rejected the login as {' and as '.join(users)} with {key}.",
        f"Test the login: `{ssh_command(host, users[-1])}`. If it fails, add your public key to this user's "
        f"~/.ssh/authorized_keys on the server, or set the right private key in hosts.toml (hosts.{host.name}.key). "
        f"If the key has a passphrase, add `--prompt-for-passphrase` to the command. {BANNED}",
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
            f"{name}: could not resolve the host name {connection.host}: {error.strerror or error}.",
            f"Check for a typo, or set the server's IP address in hosts.toml (hosts.{name}.address).",
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{name}: {where} refused the connection.",
            f"Check that the SSH server is running and that its port is right (hosts.{name}.port in hosts.toml). {BANNED}",
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"{name}: {where} did not answer within {CONNECT_TIMEOUT:.0f} s.",
            "Check that the server is on, that its address is right, and that the provider's firewall allows this port.",
        )
    if isinstance(error, OSError) and error.filename and connection.gateway:
        return UnreachableError(
            f"{name}: could not run the ProxyCommand of ~/.ssh/config: {error.filename}: {os.strerror(error.errno or 0)}.",
            "Install that program, or correct the line in ~/.ssh/config.",
        )
    if isinstance(error, OSError) and error.filename:
        return UnreachableError(
            f"{name}: the file {error.filename} on your machine is not readable: {os.strerror(error.errno or 0)}.",
            f"Correct the path of the key: hosts.{name}.key in hosts.toml, or IdentityFile in ~/.ssh/config.",
        )
    if isinstance(error, OSError) and error.errno is not None:
        remedy = f"Check your network and the server's address (hosts.{name}.address in hosts.toml)."
        return UnreachableError(f"{name}: could not reach {where}: {os.strerror(error.errno)}.", remedy)
    return UnreachableError(
        f"{name}: the SSH connection to {where} failed: {str(error).removesuffix('.') or type(error).__name__}.",
        f"Run `{ssh_command(host, connection.user, '-v')}`, which shows each step of the connection.",
    )
