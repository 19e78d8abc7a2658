"""New host keys that a step has made: the login after the step accepts them, and this machine's known_hosts gets them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Sequence
from pathlib import Path

from selvedge.errors import SelvedgeError
from selvedge.ssh import known_hosts
from selvedge.ssh.config import ClientSettings
from selvedge.ssh.connection import Remote
from selvedge.ssh.host_keys import ALGORITHMS, fingerprint, kind_of, of_paramiko
from selvedge.ssh.known_hosts import HostKey, Known

PRINT_KEYS = """sshd -T -C user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22 2>/dev/null |
sed -n 's/^hostkey //p' | while read -r file; do cat "$file.pub"; done"""
"""Shell that prints the public host keys that sshd uses. Of its Match lines, none may be without a value (sshd(8), -C)."""


def parse_keys(output: str) -> list[HostKey]:
    """Return the keys in the output of PRINT_KEYS."""
    found = []
    for line in output.splitlines():
        kind, blob, *_ = [*line.split(), "", ""]
        try:
            found += [HostKey(kind, base64.b64decode(blob, validate=True))] if kind in ALGORITHMS.values() else []
        except binascii.Error:
            continue
    return found


def store(remote: Remote, keys: Sequence[HostKey]) -> tuple[str, str]:
    """Store the keys of a server in the files that know it. Return what was stored, and what the user must do; "" for none.

    Only an old key of the same kind is replaced. ssh does the same (UpdateHostKeys in ssh_config(5)). A server that no file
    knows, because hosts.toml pins its key, stays unknown.
    """
    host = remote.host
    settings = remote.logins.settings(host.user)
    known = known_hosts.find(settings.known_hosts, settings.entry)
    missing = [key for key in keys if not known.has(key)]
    todo = ""
    if host.host_key and keys and host.host_key not in map(fingerprint, keys):
        kind = of_paramiko(remote.connection.transport.get_remote_server_key()).kind
        best = min(keys, key=lambda key: (key.kind != kind, list(ALGORITHMS.values()).index(key.kind)))
        todo = f'set `host_key = "{fingerprint(best)}"` in [hosts.{host.name}] of hosts.toml: this key replaces the pinned one'
    if not known.keys or not missing:
        return "", todo
    files: list[Path] = []
    try:
        for key in missing:
            files += _store(settings, known, key, settings.file_to_write(host), _entries(remote, settings))
    except SelvedgeError as error:
        return "", f"{error.message} {error.remedy} Then run `fab -H {host.name} trust`, which stores the new host keys."
    places = " and ".join(dict.fromkeys(map(str, files)))
    kinds = " and ".join(map(kind_of, missing))
    return f"stored the server's new {kinds} host key{'s' * (len(missing) > 1)} in {places}", todo


def _entries(remote: Remote, settings: ClientSettings) -> set[str]:
    """Return the names that this server has in known_hosts: of the connection, of hosts.toml, and its IP address."""
    names = {remote.host.address, remote.host.name, settings.name}
    peer = getattr(remote.connection.transport.sock, "getpeername", None)
    if peer and not remote.connection.gateway and not settings.proxy_command:
        names.add(str(peer()[0]))
    return {settings.entry} | {known_hosts.entry_name(name, settings.port) for name in names if name}


def _store(settings: ClientSettings, known: Known, key: HostKey, target: Path, entries: Collection[str]) -> list[Path]:
    """Put the key in the place of the server's old key of its kind, or add it to the file `target`. Return the changed files."""
    old = {line.key: key for line in known.of_kind(key.kind)}
    files = dict.fromkeys((*settings.user_known_hosts, target))
    changed = [path for path in files if old and known_hosts.replace(path, entries, old)]
    if not known_hosts.find(files, settings.entry).has(key):
        known_hosts.add(target, settings.entry, [key])
        changed.append(target)
    return changed
