"""Certificates (OpenSSH's PROTOCOL.certkeys): whether an authority of known_hosts vouches for a server's key."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from selvedge.ssh.known_hosts import HostKey

SUFFIX = "-cert-v01@openssh.com"


def refusal(certificate: HostKey, name: str, authorities: Collection[HostKey], now: Callable[[], float] = time.time) -> str:
    """Return why the certificate does not prove the server's key, "" if it does.

    name: the server's name without port, which must be one of the certificate's principals.
    """
    try:
        found = load_ssh_public_identity(certificate.text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"it is damaged: {error}"
    if not isinstance(found, SSHCertificate) or found.type is not SSHCertificateType.HOST:
        return "it is not the certificate of a host"
    if authority_of(found) not in authorities:
        return "known_hosts does not have the authority that signed it"
    try:
        found.verify_cert_signature()
    except InvalidSignature:
        return "its signature is wrong"
    if not found.valid_after <= now() < found.valid_before:
        return "it is not valid now"
    if found.critical_options:
        return f"it has the unknown critical option {next(iter(found.critical_options)).decode(errors='replace')}"
    principals = [each.decode(errors="replace").lower() for each in found.valid_principals]
    # A certificate without principals is valid for any name.
    if principals and not any(fnmatchcase(name.lower(), each) for each in principals):
        return f"it is for {', '.join(principals)}"
    return ""


def authority_of(certificate: SSHCertificate) -> HostKey:
    """Return the key that signed a certificate."""
    return _key(certificate.signature_key())


def signer(certificate: HostKey) -> HostKey | None:
    """Return the key that signed a certificate, None if it is damaged."""
    found = _loaded(certificate)
    return authority_of(found) if found else None


def certified_key(certificate: HostKey) -> HostKey | None:
    """Return the key that a certificate is for, None if it is damaged."""
    found = _loaded(certificate)
    return _key(found.public_key()) if found else None


def _loaded(certificate: HostKey) -> SSHCertificate | None:
    try:
        found = load_ssh_public_identity(certificate.text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, SSHCertificate) else None


def _key(key: Any) -> HostKey:
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return HostKey(line.split()[0].decode(), base64.b64decode(line.split()[1]))
