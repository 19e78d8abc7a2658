"""Private keys of this machine, in files: OpenSSH's format and PEM, as ssh reads them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from selvedge.ssh import public_keys
from selvedge.ssh.public_keys import LARGEST

CLASSES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
MISSING = "No such file or directory"
LOCKED = "needs its passphrase"
PUBLIC = "is a public key, and the agent does not have the private one"
PUTTY = "is a private key in PuTTY's format, which ssh does not read"
TOKEN = "is on a security token, which Selvedge reaches through an SSH agent only"
_PKCS8 = ("-----BEGIN PRIVATE KEY-----", "-----BEGIN ENCRYPTED PRIVATE KEY-----")


def file_problem(path: Path) -> str:
    """Return why a file is not usable as a private key, as far as its first bytes show it; "" if it may be one.

    Like ssh, this rejects a file of yours that other users can read.
    """
    try:
        status = path.stat()
        if not path.is_file():
            return "is not a regular file"
        if status.st_size > LARGEST:
            return f"is too large for a key ({status.st_size} bytes)"
        text = path.read_bytes()[:200]
    except OSError as error:
        return os.strerror(error.errno or 0)
    if text.startswith(b"PuTTY-User-Key-File-"):
        return PUTTY
    if b"PRIVATE KEY" not in text:
        return PUBLIC if text.startswith((b"ssh-", b"ecdsa-", b"sk-")) else "is not a private key"
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        return f"other users can read it (mode {status.st_mode & 0o777:04o})"
    return ""


def load(path: Path, passphrase: str) -> tuple[paramiko.PKey | None, str]:
    """Return the private key of a file, or None and the reason."""
    public = public_keys.of_identity(path)
    if public and public.kind.startswith("sk-"):
        return None, TOKEN
    problem = "is damaged, or of a type that Selvedge's SSH library does not know"
    for kind in CLASSES:
        try:
            text, secret = _readable(path, passphrase)
            return kind.from_private_key(io.StringIO(text), secret or None), ""
        except (paramiko.PasswordRequiredException, TypeError):
            return None, LOCKED
        except OSError as error:
            return None, os.strerror(error.errno or 0)
        except (paramiko.SSHException, ValueError, IndexError, UnsupportedAlgorithm):
            if passphrase:
                problem = "is damaged, or the passphrase is wrong"
    return None, problem


def _readable(path: Path, passphrase: str) -> tuple[str, str]:
    """Return the text of a private key as paramiko reads it, and the passphrase of that text.

    One in PKCS #8 (RFC 5958) is returned in OpenSSH's format.

    Raises OSError, ValueError or UnsupportedAlgorithm, and TypeError if it needs a passphrase.
    """
    text = path.read_text(encoding="ascii", errors="replace")
    if not text.lstrip().startswith(_PKCS8):
        return text, passphrase
    encrypted = text.lstrip().startswith(_PKCS8[1])
    key = load_pem_private_key(text.encode(), passphrase.encode() if encrypted and passphrase else None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(), ""
