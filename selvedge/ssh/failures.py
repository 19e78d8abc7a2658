"""The messages for connections that fail."""

from __future__ import annotations

import os
import socket

from fabric import Connection

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError, UsageError
from selvedge.shell.quoting import words
from selvedge.ssh.host_keys import HostKeyRefused
from selvedge.ssh.proxy import ProxySocket

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


def endless_jumps(host: Host, jump_host: str) -> UsageError:
    """Return the error for jump hosts that never end at one that is reached directly."""
    return UsageError(
        f"{host.name}: the ProxyJump lines of ssh's configuration form a loop: {jump_host} is reached through itself.",
        f"Add `ProxyJump none` to the `Host {jump_host}` section of ~/.ssh/config, above the line that matches all hosts.",
    )


def socket_passing(host: Host) -> UsageError:
    """Return the error for ProxyUseFdpass, which Selvedge does not have."""
    return UsageError(
        f"{host.name}: ssh's configuration has ProxyUseFdpass for this host, which Selvedge does not support.",
        "Use a ProxyCommand that passes the data on, such as `nc %h %p`, and delete ProxyUseFdpass.",
    )


def unreachable(host: Host, connection: Connection, error: Exception, *, jump_host: bool = False) -> UnreachableError:
    """Return the error for a connection that could not be made, in words that a beginner understands.

    connection: to the host, or to the jump host that failed.
    """
    if isinstance(error, HostKeyRefused):
        return error.error
    where = f"{'the jump host ' if jump_host else ''}{connection.host} port {connection.port}"
    name = host.name
    proxy = connection.connect_kwargs.get("sock")
    if isinstance(proxy, ProxySocket) and (said := proxy.said()):
        return UnreachableError(
            f"{name}: the ProxyCommand of ssh's configuration failed: {said}.",
            f"Run `{ssh_command(host, connection.user, '-v')}`, which shows the command. If ssh fails too, correct ~/.ssh/config.",
        )
    if isinstance(error, socket.gaierror):
        problem = f"{name}: could not resolve the host name {connection.host}: {error.strerror or error}."
        return UnreachableError(problem, _name_remedy(name, connection, jump_host))
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{name}: {where} refused the connection.",
            f"Check that the SSH server is running and that its port is right (hosts.{name}.port in hosts.toml). {BANNED}",
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"{name}: {where} did not answer in time.",
            "Check that the server is on, that its address is right, and that the provider's firewall allows this port.",
        )
    if isinstance(error, OSError) and error.errno is not None:
        file = f" ({error.filename})" if error.filename else ""
        remedy = f"Check your network and the server's address (hosts.{name}.address in hosts.toml)."
        return UnreachableError(f"{name}: could not reach {where}: {os.strerror(error.errno)}{file}.", remedy)
    return UnreachableError(
        f"{name}: the SSH connection to {where} failed: {str(error).removesuffix('.') or type(error).__name__}.",
        f"Run `{ssh_command(host, connection.user, '-v')}`, which shows each step of the connection.",
    )


def _name_remedy(name: str, connection: Connection, jump_host: bool) -> str:
    """Return the remedy for a host name without an address: where the name is from."""
    asked = getattr(connection, "settings", None)
    if asked and (jump_host or asked.address != asked.name):
        return f"The name is from ssh's configuration: correct HostName in the `Host {asked.name}` section of ~/.ssh/config."
    return f"Check for a typo, or set the server's IP address in hosts.toml (hosts.{name}.address)."
