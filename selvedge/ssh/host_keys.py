"""Whether a server is the one it was: known_hosts, pinned fingerprints, and what to say when they do not fit."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

import paramiko
from fabric import Connection

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.shell.quoting import quote

USER_FILE = Path("~/.ssh/known_hosts")
SYSTEM_FILE = Path("/etc/ssh/ssh_known_hosts")


class UnknownHostKey(paramiko.SSHException):
    """A server's key stands in no file and is not the pinned one. entry: the server's name in a known_hosts file."""

    def __init__(self, key: paramiko.PKey, pinned: str, entry: str = "") -> None:
        super().__init__("unknown host key")
        self.key = key
        self.pinned = pinned
        self.entry = entry


class _Policy(paramiko.MissingHostKeyPolicy):
    def __init__(self, pinned: str) -> None:
        self._pinned = pinned

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        if not self._pinned or fingerprint(key) != self._pinned:
            raise UnknownHostKey(key, self._pinned, hostname)


def fingerprint(key: paramiko.PKey) -> str:
    """SHA256:… as ssh-keygen -lf prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


def require_known(connection: Connection, host: Host) -> None:
    """Make the connection refuse a server whose key is not known; Fabric's own accepts any, silently.

    A key pinned in hosts.toml (host_key) is the only one accepted; else known_hosts files count, as for ssh. They count
    for the servers in between (ProxyJump), too.
    """
    _require(connection.client, host, host.host_key)
    for between in gateways(connection):
        _require(between.client, host, "")


def _require(client: paramiko.SSHClient, host: Host, pinned: str) -> None:
    client.set_missing_host_key_policy(_Policy(pinned))
    if not pinned:
        for path in files(host):
            client.load_system_host_keys(str(path))


def gateways(connection: Connection) -> list[Connection]:
    """The servers in between (ProxyJump), the nearest to the host first."""
    found = []
    while isinstance(connection.gateway, Connection):
        connection = connection.gateway
        found.append(connection)
    return found


def entry_of(connection: Connection) -> str:
    """The name of the connection's server in a known_hosts file."""
    return entry_at(str(connection.host), int(connection.port))


def entry_at(name: str, port: int) -> str:
    """The name of an SSH server in a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")."""
    return name if port == 22 else f"[{name}]:{port}"


def lines(entry: str, keys: Iterable[paramiko.PKey]) -> str:
    """The lines of a known_hosts file that hold these keys of the entry."""
    return "".join(f"{entry} {key.get_name()} {key.get_base64()}\n" for key in keys)


def files(host: Host) -> list[Path]:
    """The known_hosts files that are there and count for the host, each once."""
    paths = (*own_files(), Path(host.known_hosts).expanduser())
    return [path for path in dict.fromkeys(paths) if path.is_file()]


def own_files() -> list[Path]:
    """The known_hosts files of this machine and its user, where they are there."""
    return [path for path in (SYSTEM_FILE, USER_FILE.expanduser()) if path.is_file()]


def known(paths: Iterable[Path], entry: str) -> dict[str, paramiko.PKey]:
    """The keys that these known_hosts files have for the entry, by their algorithm's name.

    Raises SelvedgeError where one of them cannot be read.
    """
    keys = paramiko.HostKeys()
    for path in paths:
        try:
            keys.load(str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SelvedgeError(f"{path} cannot be read: {error}.", "Mend or remove that file.") from error
    return dict(keys.lookup(entry) or {})


def forget(host: Host, entry: str) -> str:
    """The commands that take an entry out of the files that hold it, one a line."""
    holding = [path for path in files(host) if paramiko.HostKeys(str(path)).lookup(entry)]
    other = {path: f" -f {quote(str(path))}" for path in holding if path != USER_FILE.expanduser()}
    return "\n".join(f"    ssh-keygen -R {quote(entry)}{other.get(path, '')}" for path in holding)


def changed(host: Host, connection: Connection, error: paramiko.BadHostKeyException) -> UnreachableError:
    """The server, or one in between, shows another key than before: refused."""
    way = [connection, *gateways(connection)]
    entry = entry_of(next((each for each in way if each.host == error.hostname), connection))
    which, trust = _which(host, connection, entry)
    return UnreachableError(
        f"{host.name}: THE SERVER'S HOST KEY HAS CHANGED. {which}known_hosts has {fingerprint(error.expected_key)}, the "
        f"server shows {fingerprint(error.key)}. Somebody may be listening in, or the server was installed anew. "
        "Nothing was sent to it.",
        "If it was installed anew: compare the new fingerprint on the provider's console, then forget the old one and trust "
        f"the new one:\n{forget(host, entry)}\n    {trust}",
    )


def unknown(host: Host, connection: Connection, error: UnknownHostKey) -> UnreachableError:
    """A server was never seen before, or does not show the pinned key: refused, with the way to accept it."""
    kind = error.key.get_name().removeprefix("ssh-").upper()
    if error.pinned:
        return UnreachableError(
            f"{host.name}: the server's {kind} key is {fingerprint(error.key)}, but hosts.toml pins {error.pinned}.",
            f"Compare with the provider's console; then mend hosts.{host.name}.host_key. Nothing was sent to it.",
        )
    which, trust = _which(host, connection, error.entry)
    return UnreachableError(
        f"{host.name}: this server is not known yet. {which}Its {kind} key is {fingerprint(error.key)}.",
        f"Compare it with what the provider's console shows, then accept it: {trust}",
    )


def _which(host: Host, connection: Connection, entry: str) -> tuple[str, str]:
    """Which server of the way it is, where it is not the host itself, and the command that trusts it."""
    for between in gateways(connection):
        if entry_of(between) == entry:
            return f"It is {entry}, on the way there. ", f"fab -H {between.original_host} trust"
    return "", f"fab -H {host.name} trust"
