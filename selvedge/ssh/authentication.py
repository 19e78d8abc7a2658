"""The login by keys: what is offered to a server, in the order of OpenSSH's ssh, and what becomes of each offer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from paramiko.pkey import PublicBlob

from selvedge.ssh import public_keys
from selvedge.ssh.agent import Agent
from selvedge.ssh.certificates import certified_key
from selvedge.ssh.config import ClientSettings
from selvedge.ssh.known_hosts import HostKey
from selvedge.ssh.private_keys import MISSING, file_problem, load
from selvedge.ssh.public_keys import fingerprint_of
from selvedge.ssh.transport import Transport
from selvedge.value import Value

REFUSED = "refused"


class Typed(Value):
    """What the user has typed for Fabric's flags: a passphrase, a password, the key files of -i."""

    passphrase: str = ""
    password: str = ""
    keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Typed(…)"


class Offer(Value):
    """A key that was offered to a server, or that could not be. what: the key, in words. result: what became of it."""

    what: str
    result: str
    file: Path | None = None


class LoginRefused(paramiko.AuthenticationException):
    """The server, or a jump host, did not accept a user.

    agent: the socket of the agent that was asked, "" for none; agent_problem: why it had no keys. methods: what the server
    would accept, as far as it has said. said: its own words. closed: it has closed the connection.
    """

    def __init__(self, settings: ClientSettings, offers: list[Offer], agent: Agent, transport: Transport) -> None:
        super().__init__("login refused")
        self.settings = settings
        self.offers = tuple(offers)
        self.agent = agent.path
        self.agent_problem = agent.problem
        self.methods: tuple[str, ...] = ()
        self.said = transport.said()
        self.closed = not transport.is_active()


class KeyLogin:
    """The authentication of one connection; paramiko calls it instead of its own."""

    def __init__(self, settings: ClientSettings, typed: Typed) -> None:
        self._settings = settings
        self._typed = typed
        self._offers: list[Offer] = []

    def authenticate(self, transport: Transport) -> None:
        """Log in. Raises LoginRefused."""
        agent = Agent(self._settings.agent)
        try:
            methods = self._with_keys(transport, agent)
            if methods is None or self._with_password(transport):
                return
            if not self._offers and transport.is_active():
                methods = self._without_keys(transport)
                if methods is None:
                    return
            refused = LoginRefused(self._settings, self._offers, agent, transport)
            refused.methods = methods
            raise refused
        finally:
            agent.close()

    def _with_keys(self, transport: Transport, agent: Agent) -> tuple[str, ...] | None:
        """Offer the keys. Return None if the server accepts one, else the methods that it would accept."""
        for key, what, file in self._keys(agent):
            try:
                further = transport.auth_publickey(self._settings.user, key)
            except paramiko.BadAuthenticationType as error:
                self._offers.append(Offer(what, REFUSED, file))
                return tuple(error.allowed_types)
            except (paramiko.SSHException, OSError, EOFError, ValueError) as error:
                rejected = type(error) is paramiko.AuthenticationException and "timeout" not in str(error)
                self._offers.append(Offer(what, REFUSED if rejected else str(error).rstrip("."), file))
                if not transport.is_active():
                    return ()
            else:
                if not further:
                    return None
                self._offers.append(Offer(what, f"accepted, but the server also wants: {', '.join(further)}", file))
                return tuple(further)
        return ()

    def _with_password(self, transport: Transport) -> bool:
        if not self._typed.password or not transport.is_active():
            return False
        try:
            transport.auth_password(self._settings.user, self._typed.password)
        except (paramiko.SSHException, OSError, EOFError) as error:
            rejected = isinstance(error, paramiko.AuthenticationException)
            self._offers.append(Offer("the password", REFUSED if rejected else str(error)))
            return False
        return True

    def _without_keys(self, transport: Transport) -> tuple[str, ...] | None:
        """Return the methods that the server accepts; None if it accepts the user without any."""
        try:
            transport.auth_none(self._settings.user)
        except paramiko.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except (paramiko.SSHException, OSError, EOFError):
            return ()
        return None

    def _keys(self, agent: Agent) -> Iterator[tuple[paramiko.PKey, str, Path | None]]:
        """Yield the keys with their descriptions: those of the agent that are also files, the agent's others, the other files.

        As for ssh, a key with a certificate is offered with it first.
        """
        files = {path: _public_blob(path) for path in self._files()}
        certificates = self._certificates(files)
        ours = {blob for blob in files.values() if blob}
        held = sorted(agent.listed(), key=lambda key: key.asbytes() not in ours)
        where = f"of the agent {agent.path}"
        for key in held:
            if self._settings.identities_only and key.asbytes() not in ours:
                continue
            what = f"the key {getattr(key, 'comment', '') or key.get_name()} ({fingerprint_of(key.asbytes())}) {where}"
            if certificate := certificates.get(key.asbytes()):
                yield from self._certified(key, certificate, what, None)
            yield key, what, None
        agents = {key.asbytes() for key in held}
        for path, blob in files.items():
            if blob is None or blob not in agents:
                yield from self._from_file(path, certificates)

    @staticmethod
    def _certified(
        key: paramiko.PKey, certificate: PublicBlob, what: str, file: Path | None
    ) -> Iterator[tuple[paramiko.PKey, str, Path | None]]:
        """Yield a key that has its certificate for as long as it is offered."""
        unlocked: Any = key
        unlocked.public_blob = certificate
        yield key, f"{what} with its certificate", file
        unlocked.public_blob = None

    def _files(self) -> list[Path]:
        typed = [Path(each).expanduser() for each in self._typed.keys]
        return list(dict.fromkeys([*typed, *self._settings.identity_files]))

    def _from_file(self, path: Path, certificates: dict[bytes, PublicBlob]) -> Iterator[tuple[paramiko.PKey, str, Path | None]]:
        """Yield the private key of a file, or nothing if it is not usable, which becomes an offer with the reason."""
        what = f"the key {path}"
        if problem := file_problem(path):
            # Most of ssh's default files do not exist.
            if self._settings.keys_named or problem != MISSING:
                self._offers.append(Offer(what, problem, path))
            return
        key, problem = load(path, self._typed.passphrase)
        if key is None:
            self._offers.append(Offer(what, problem, path))
            return
        if certificate := certificates.get(key.asbytes()):
            yield from self._certified(key, certificate, what, path)
        yield key, what, path

    def _certificates(self, files: dict[Path, bytes | None]) -> dict[bytes, PublicBlob]:
        """Return the certificates of CertificateFile and those beside the keys (KEY-cert.pub), by the public key."""
        found = {}
        for path in (*(Path(f"{path}-cert.pub") for path in files), *self._settings.certificate_files):
            with contextlib.suppress(OSError, ValueError, paramiko.SSHException):
                if path.is_file() and path.stat().st_size < public_keys.LARGEST:
                    certificate = PublicBlob.from_file(str(path))
                    if key := certified_key(HostKey(certificate.key_type, certificate.key_blob)):
                        found[key.blob] = certificate
        return found


def _public_blob(path: Path) -> bytes | None:
    """Return the public key of a private key file, from the file itself or from the .pub file; None if it has none."""
    key = public_keys.of_identity(path)
    return key.data if key else None
