"""The check of a server's host key at the login, and the messages for a key that is unknown or has changed."""

from __future__ import annotations

import paramiko
from fabric import Connection

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.ssh import known_hosts
from selvedge.ssh.public_keys import fingerprint_of


class UnknownHostKey(paramiko.SSHException):
    """A server's key is in no known_hosts file and is not the pinned one. entry: the server's name in a known_hosts file."""

    def __init__(self, key: paramiko.PKey, pinned: str, entry: str = "") -> None:
        super().__init__("unknown host key")
        self.key = key
        self.pinned = pinned
        self.entry = entry


class _PinnedKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Refuse each key that no known_hosts file has, except the pinned one."""

    def __init__(self, pinned: str) -> None:
        self._pinned = pinned

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        if not self._pinned or fingerprint(key) != self._pinned:
            raise UnknownHostKey(key, self._pinned, hostname)


def fingerprint(key: paramiko.PKey) -> str:
    """Return the fingerprint of a host key."""
    return fingerprint_of(key.asbytes())


def require_known(connection: Connection, host: Host) -> None:
    """Make the connection refuse unknown host keys; Fabric accepts any without a word.

    If hosts.toml pins a key (host_key), it is the only accepted one. Otherwise the known_hosts files count, as for ssh.
    They also count for the jump hosts.
    """
    _require_known(connection.client, host, host.host_key)
    for gateway in gateways(connection):
        _require_known(gateway.client, host, "")


def _require_known(client: paramiko.SSHClient, host: Host, pinned: str) -> None:
    client.set_missing_host_key_policy(_PinnedKeyPolicy(pinned))
    if not pinned:
        for path in known_hosts.files_for(host):
            client.load_system_host_keys(str(path))


def gateways(connection: Connection) -> list[Connection]:
    """Return the jump hosts (ProxyJump in ssh_config(5)), the one next to the host first."""
    found = []
    while isinstance(connection.gateway, Connection):
        connection = connection.gateway
        found.append(connection)
    return found


def entry_of(connection: Connection) -> str:
    """Return the name of the connection's server in a known_hosts file."""
    return known_hosts.entry_name(str(connection.host), int(connection.port))


def changed_key_error(host: Host, connection: Connection, error: paramiko.BadHostKeyException) -> UnreachableError:
    """Return the error for a host or jump host whose key is not the one in known_hosts."""
    servers = [connection, *gateways(connection)]
    entry = entry_of(next((each for each in servers if each.host == error.hostname), connection))
    jump_host, trust = _jump_host(host, connection, entry)
    which = f"It is the jump host {jump_host}. " if jump_host else ""
    return UnreachableError(
        f"{host.name}: THE SERVER'S HOST KEY HAS CHANGED. {which}Your known_hosts file has {fingerprint(error.expected_key)}, "
        f"but the server shows {fingerprint(error.key)}. Someone may be intercepting the connection, or the server was "
        "reinstalled. Nothing was sent to it.",
        "If the server was reinstalled, compare the new fingerprint with the one on your provider's console. If they match, "
        f"remove the old key and accept the new one:\n{known_hosts.forget_commands(host, entry)}\n    {trust}",
    )


def unknown_key_error(host: Host, connection: Connection, error: UnknownHostKey) -> UnreachableError:
    """Return the error for a host or jump host whose key is in no known_hosts file, or is not the pinned one."""
    kind = error.key.get_name().removeprefix("ssh-").upper()
    if error.pinned:
        return UnreachableError(
            f"{host.name}: the server's {kind} host key is {fingerprint(error.key)}, but hosts.toml has {error.pinned}. "
            "Nothing was sent to the server.",
            "Compare the key with the one on your provider's console. If they match, correct "
            f"hosts.{host.name}.host_key in hosts.toml.",
        )
    jump_host, trust = _jump_host(host, connection, error.entry)
    problem = f"the jump host {jump_host} is not known yet" if jump_host else "this server is not known yet"
    return UnreachableError(
        f"{host.name}: {problem}. Its {kind} host key is {fingerprint(error.key)}.",
        f"Compare the key with the one on your provider's console. If they match, accept it: `{trust}`.",
    )


def _jump_host(host: Host, connection: Connection, entry: str) -> tuple[str, str]:
    """Return the entry if it is a jump host's ("" if it is the host's own), and the command that trusts the server."""
    for gateway in gateways(connection):
        if entry_of(gateway) == entry:
            return entry, f"fab -H {gateway.original_host} trust"
    return "", f"fab -H {host.name} trust"
