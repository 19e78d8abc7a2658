"""The check of a server's host key at the login, and the messages for a key that is unknown, revoked or has changed."""

from __future__ import annotations

from collections.abc import Collection

import paramiko

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.ssh import certificates, known_hosts
from selvedge.ssh.certificates import SUFFIX
from selvedge.ssh.config import ClientSettings
from selvedge.ssh.known_hosts import HostKey, Known
from selvedge.ssh.public_keys import fingerprint_of

ALGORITHMS = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
    "rsa-sha2-512": "ssh-rsa",
    "rsa-sha2-256": "ssh-rsa",
}
"""Signature algorithm → kind of host key, in the order in which ssh prefers them (ssh_config(5), HostKeyAlgorithms)."""


class HostKeyRefused(paramiko.SSHException):
    """A server's host key is refused. error: the error for the user."""

    def __init__(self, error: UnreachableError) -> None:
        super().__init__(error.message)
        self.error = error


def fingerprint(key: HostKey) -> str:
    """Return the fingerprint of a host key."""
    return fingerprint_of(key.blob)


def kind_of(key: HostKey) -> str:
    """Return the kind of a key as ssh-keygen names it: ED25519, ECDSA or RSA."""
    return key.kind.removeprefix("sk-").removeprefix("ssh-").partition("-")[0].upper()


def of_paramiko(key: paramiko.PKey) -> HostKey:
    """Return a key of paramiko, without its certificate."""
    return HostKey(key.get_name(), key.asbytes())


class HostKeyCheck(paramiko.MissingHostKeyPolicy):
    """The check of one server's host key. paramiko asks it about each key, because it gets no known ones from us.

    settings: of the server or of a jump host. If hosts.toml pins a key (host_key), it is the only accepted one. Otherwise the
    known_hosts files count, as for ssh. proved: keys that the server itself has named over a checked connection of this run.
    """

    def __init__(self, host: Host, settings: ClientSettings, pinned: str, jump: bool, proved: Collection[HostKey] = ()) -> None:
        self._host = host
        self._settings = settings
        self._pinned = pinned
        self._jump = settings.name if jump else ""
        self._proved = proved
        # The keys that the server has shown instead of the pinned one.
        self._shown: list[HostKey] = []
        self._known = known_hosts.find(settings.known_hosts, settings.entry)
        # As for ssh, a key that is known for port 22 proves the server at another port, too.
        elsewhere = not (settings.alias or self._known.keys or self._known.authorities)
        self._other_port = known_hosts.find(settings.known_hosts, settings.address.lower()) if elsewhere else Known()

    def algorithms(self) -> list[str]:
        """Return the signature algorithms to offer, those of known keys first, so that the server shows a known key."""
        if self._pinned:
            others = {key.kind for key in self._shown}
            return [name for name, kind in ALGORITHMS.items() if kind not in others]
        lines = (*self._known.keys, *self._other_port.keys)
        known = {line.key.kind for line in lines} | {key.kind for key in self._proved}
        certified = bool(self._known.authorities or self._other_port.authorities)
        first = [f"{name}{SUFFIX}" for name in ALGORITHMS] if certified else []
        return first + sorted(ALGORITHMS, key=lambda name: ALGORITHMS[name] not in known)

    def may_show_another(self, error: paramiko.SSHException) -> bool:
        """Return whether a further connection may show the pinned key: a fingerprint does not tell the kind of its key."""
        return isinstance(error, HostKeyRefused) and bool(self._shown and self.algorithms())

    @property
    def refusal(self) -> HostKeyRefused | None:
        """The refusal of a server that has shown other keys than the pinned one."""
        return HostKeyRefused(self._not_pinned()) if self._shown else None

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Raise HostKeyRefused unless the key is the server's."""
        shown = of_paramiko(key)
        blob = key.public_blob
        self.check(shown, HostKey(blob.key_type, blob.key_blob) if blob and SUFFIX in blob.key_type else None)

    def check(self, key: HostKey, certificate: HostKey | None = None) -> None:
        """Raise HostKeyRefused unless the key is the server's. certificate: the one that came with it."""
        if self._pinned:
            if fingerprint(key) != self._pinned and key not in self._proved:
                self._shown.append(key)
                raise HostKeyRefused(self._not_pinned())
            return
        signer = certificates.signer(certificate) if certificate else None
        for line in (*self._known.revoked, *self._other_port.revoked):
            if line.key in (key, certificate, signer):
                raise HostKeyRefused(self._revoked(key, line.place))
        if key in self._proved or self._known.has(key) or self._other_port.has(key):
            return
        why = ""
        if certificate:
            authorities = [line.key for line in (*self._known.authorities, *self._other_port.authorities)]
            why = certificates.refusal(certificate, self._settings.alias or self._settings.address, authorities)
            if not why:
                return
        if any(line.key.kind in ALGORITHMS.values() for line in self._known.keys):
            raise HostKeyRefused(self._changed(key))
        raise HostKeyRefused(self._unknown(key, why))

    @property
    def _trust(self) -> str:
        return f"fab -H {self._jump or self._host.name} trust"

    def _not_pinned(self) -> UnreachableError:
        shown = " and ".join(f"{fingerprint(key)} ({kind_of(key)})" for key in self._shown)
        plural = len(self._shown) > 1
        return UnreachableError(
            f"{self._host.name}: the server's host key{'s are' if plural else ' is'} {shown}, but hosts.toml has {self._pinned}. "
            "Nothing was sent to the server.",
            f"Compare {'them' if plural else 'it'} with the host keys on your provider's console. If they match, correct "
            f"hosts.{self._host.name}.host_key in hosts.toml.",
        )

    def _revoked(self, key: HostKey, place: str) -> UnreachableError:
        return UnreachableError(
            f"{self._host.name}: the server shows the {kind_of(key)} host key {fingerprint(key)}, which {place} marks as revoked. "
            "Nothing was sent to it.",
            "Someone else may have this key. Make new host keys on the server over your provider's console, then run "
            f"`{self._trust}`.",
        )

    def _changed(self, key: HostKey) -> UnreachableError:
        settings, entry = self._settings, self._settings.entry
        which = f"It is the jump host {entry}. " if self._jump else ""
        lines = self._known.of_kind(key.kind) or list(self._known.keys)
        known = " and ".join(f"{fingerprint(line.key)} ({kind_of(line.key)}, {line.place})" for line in lines)
        forget = known_hosts.forget_commands(settings.known_hosts, entry)
        return UnreachableError(
            f"{self._host.name}: THE SERVER'S HOST KEY HAS CHANGED. {which}Your known_hosts file has {known}, but the server shows "
            f"{fingerprint(key)} ({kind_of(key)}). Someone may be intercepting the connection, or the server was reinstalled. "
            "Nothing was sent to it.",
            "If the server was reinstalled, or a colleague has run `fab harden`, which replaces weak keys, compare the new "
            "fingerprint with the one on your provider's console. If they match, "
            f"remove the old key and accept the new one:\n{forget}\n    {self._trust}",
        )

    def _unknown(self, key: HostKey, certificate: str) -> UnreachableError:
        problem = f"the jump host {self._settings.entry} is not known yet" if self._jump else "this server is not known yet"
        also = f" It has a certificate for it, but {certificate}." if certificate else ""
        others = sorted({line.key.kind for line in self._known.keys})
        also += f" Your known_hosts file has only a key of the type {' and '.join(others)}." if others else ""
        for option in sorted(set(self._settings.ignored) & {"KnownHostsCommand", "VerifyHostKeyDNS"}):
            also += f" Selvedge does not use {option} of ssh's configuration."
        return UnreachableError(
            f"{self._host.name}: {problem}. Its {kind_of(key)} host key is {fingerprint(key)}.{also}",
            f"Compare the key with the one on your provider's console. If they match, accept it: `{self._trust}`.",
        )
