"""Public keys of this machine: from .pub files, private key files and the SSH agent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from pathlib import Path
from typing import Any

from selvedge.config import private_keys
from selvedge.config.local_files import LocalFileError, read_text
from selvedge.errors import UsageError
from selvedge.ssh.config import ClientSettings
from selvedge.value import Value

ACCEPTED_KINDS = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
"""The kinds that sshd of OpenSSH 8.8 and later accepts (ssh-rsa keys sign with SHA-2 there)."""
LARGEST = 1 << 20
"""Bytes of the largest file that is read as a key."""
_MAGIC = b"openssh-key-v1\0"


def fingerprint_of(blob: bytes) -> str:
    """Return the fingerprint of a public key, SHA256:… as `ssh-keygen -lf` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class PublicKey(Value):
    """A public key. kind: e.g. "ssh-ed25519". blob: the key in base64. comment: one line, as in its file."""

    kind: str
    blob: str
    comment: str = ""

    @property
    def line(self) -> str:
        """The line for authorized_keys."""
        return f"{self.kind} {self.blob} {self.comment}".rstrip()

    @property
    def data(self) -> bytes:
        """The key as in the SSH protocol (RFC 4253, section 6.6)."""
        return base64.b64decode(self.blob)

    @property
    def fingerprint(self) -> str:
        """SHA256:… as `ssh-keygen -lf` prints it."""
        return fingerprint_of(self.data)

    @property
    def bits(self) -> int:
        """The bits of an RSA key's modulus (RFC 4253, section 6.6), 256 of an ed25519 key, 0 of another kind."""
        if self.kind != "ssh-rsa":
            # RFC 8709, section 4: the kind and 32 bytes, each after its length.
            return 256 * (self.kind == "ssh-ed25519" and len(self.data) == 51)
        _, at = _string(self.data, 0)
        _, at = _string(self.data, at)
        return int.from_bytes(_string(self.data, at)[0], "big").bit_length()

    @property
    def title(self) -> str:
        """The key as messages name it: comment and fingerprint."""
        return f"the key {self.comment or self.kind} ({self.fingerprint})"

    def __hash__(self) -> int:
        return hash(self.blob)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.blob == other.blob


def parse_public_key(line: str) -> PublicKey:
    """Return the key in a line of a .pub file. Raises ValueError if it is not such a line."""
    kind, blob, comment = [*line.split(None, 2), "", "", ""][:3]
    if kind not in ACCEPTED_KINDS:
        # Another text may be a secret.
        shown = kind[:40] if kind.startswith(("ssh-", "ecdsa-", "sk-")) else "the first word of a line"
        raise ValueError(f"{shown} is not a type of public key that sshd accepts")
    try:
        data = base64.b64decode(blob, validate=True)
    except binascii.Error:
        raise ValueError("the key after its type is not base64") from None
    if _string(data, 0)[0] != kind.encode():
        raise ValueError(f"the key is cut off or is not of the type {kind}")
    return PublicKey(kind, blob, "".join(char for char in comment if char.isprintable()))


def keys_of_file(path: Path, setting: str) -> list[PublicKey]:
    """Return the keys of a public key file, one a line. Raises UsageError, which names the setting."""
    try:
        text = read_text(path)
    except LocalFileError as error:
        raise UsageError(f"{setting}: {path} {error}.", error.remedy or "Set it to your public key file.") from None
    if private_keys.in_text(text):
        raise UsageError(f"{setting}: {path} is a private key.", f"Set it to the public key: {path}.pub.")
    lines = [line.strip() for line in text.splitlines()]
    try:
        return [parse_public_key(line) for line in lines if line and not line.startswith("#")]
    except ValueError as error:
        remedy = "Set it to a file such as ~/.ssh/id_ed25519.pub."
        raise UsageError(f"{setting}: {path} is not a public key file: {error}.", remedy) from None


def public_half(path: Path, setting: str) -> PublicKey:
    """Return the public half of a private key, from its .pub file or from the unencrypted part of the private file.

    Raises UsageError, which names the setting.
    """
    if path.suffix == ".pub":
        raise UsageError(f"{setting}: {path} is a public key.", f"Set it to the private key: {path.with_suffix('')}.")
    beside = path.with_name(path.name + ".pub")
    if beside.is_file() and (keys := keys_of_file(beside, setting)):
        return keys[0]
    try:
        return _unencrypted_part(read_text(path))
    except LocalFileError as error:
        raise UsageError(f"{setting}: {path} {error}.", error.remedy or "Set it to your private key file.") from None
    except (ValueError, struct.error, IndexError):
        raise UsageError(
            f"{setting}: {beside} is missing, and {path} does not contain the public key.",
            f"Create the file: `ssh-keygen -y -f {path} > {beside}`.",
        ) from None


def _unencrypted_part(text: str) -> PublicKey:
    """Return the public key in a private key file: of OpenSSH's format (OpenSSH's PROTOCOL.key, section 1), or unencrypted PEM.

    Raises ValueError, struct.error or IndexError for another format.
    """
    if "-----BEGIN OPENSSH" not in text:
        return _of_pem(text)
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    data = base64.b64decode(body, validate=True)
    if not data.startswith(_MAGIC):
        raise ValueError("not OpenSSH's format")
    at = len(_MAGIC)
    for _ in ("cipher", "kdf", "kdf options"):
        _, at = _string(data, at)
    key, _ = _string(data, at + 4)
    return parse_public_key(f"{_string(key, 0)[0].decode()} {base64.b64encode(key).decode()}")


def _of_pem(text: str) -> PublicKey:
    """Return the public half of an unencrypted private key in PEM, such as those that clouds make. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        key: Any = load_pem_private_key(text.encode(), None).public_key()
        return parse_public_key(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from None


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    """Return a string of the SSH protocol (RFC 4251, section 5) and where it ends; empty if the data is too short."""
    if len(data) < at + 4:
        return b"", at
    (length,) = struct.unpack_from(">I", data, at)
    return data[at + 4 : at + 4 + length], at + 4 + length


def of_identity(path: Path) -> PublicKey | None:
    """Return the public key of an IdentityFile: a .pub file, one beside it, or the unencrypted part of the private file."""
    beside = path.with_name(path.name + ".pub")
    for file in (beside, path):
        try:
            if file.is_file() and file.stat().st_size <= LARGEST:
                text = file.read_text(encoding="ascii", errors="replace")
                return _unencrypted_part(text) if "PRIVATE KEY" in text else parse_public_key(text.strip())
        except (OSError, ValueError, struct.error, IndexError):
            continue
    return None


def agent_keys(socket: str) -> list[PublicKey]:
    """Return the keys of the SSH agent with this socket; none if there is no agent."""
    from selvedge.ssh.agent import Agent

    agent = Agent(socket)
    keys = [
        PublicKey(key.get_name(), base64.b64encode(key.asbytes()).decode(), getattr(key, "comment", "") or "")
        for key in agent.listed()
        if key.get_name() in ACCEPTED_KINDS
    ]
    agent.close()
    return keys


def agent_problem(socket: str) -> str:
    """Return a sentence about an SSH agent that is configured and has no keys, "" if none is configured."""
    from selvedge.ssh.agent import Agent

    agent = Agent(socket)
    agent.close()
    return f"The SSH agent {socket}: {agent.problem}." if agent.problem else ""


def own_keys(settings: ClientSettings) -> list[PublicKey]:
    """Return the public keys of the keys that this machine logs in with.

    They are those of the IdentityFile lines in ssh's configuration, else those of the agent, else those of ~/.ssh.
    """
    files = [key for path in settings.identity_files if (key := of_identity(path))]
    if settings.keys_named and (files or settings.identities_only):
        return files
    return agent_keys(settings.agent) or files
