"""Recognize private keys, so that none of them is shown or sent where another file belongs."""

from __future__ import annotations

import base64
import re

# PEM and OpenSSH (RFC 7468), SSH2 (RFC 4716), PuTTY, age; and the base64 of "openssh-key-v1", for a key without its BEGIN line.
_TEXT = re.compile(
    r"-{4,5} ?BEGIN [^\n]*PRIVATE KEY|PuTTY-User-Key-File-|AGE-SECRET-KEY-|b3BlbnNzaC1rZXktdjEA", re.IGNORECASE
)
# JSON Web Key (RFC 7517): a key with the member "d" is private. RFC 7518, 6.2.2 and 6.3.2.
_JWK_KIND, _JWK_PRIVATE = re.compile(r"""["']kty["']\s*:"""), re.compile(r"""["']d["']\s*:\s*["'][A-Za-z0-9_=-]{20,}""")
# DER: a sequence that begins with its version, 0, 1 or 3, and goes on with a number, an algorithm or the key: PKCS #1
# (RFC 8017), PKCS #8 (RFC 5208), SEC 1 (RFC 5915), PKCS #12 (RFC 7292); an encrypted PKCS #8 begins with the OID of PKCS #5.
# Certificates (RFC 5280) begin with a sequence in a sequence, so they do not match. The keystores of Java have a magic number.
_LENGTH = rb"(?:\x82..|\x81.|\x83...|[\x10-\x7f])"
_DER = re.compile(
    rb"\x30" + _LENGTH + rb"(?:\x02\x01[\x00\x01\x03][\x02\x04\x30]|\x30" + _LENGTH
    + rb"\x06.\x2a\x86\x48\x86\xf7\x0d\x01(?:\x05|\x0c\x01))|\xfe\xed\xfe\xed|openssh-key-v1\0",
    re.DOTALL,
)  # fmt: skip
# What is before a key in its own file: other PEM blocks, OpenSSL's attributes, or age's comments. In JSON: a service account.
_START = re.compile(r"-{4,5} ?BEGIN |Bag Attributes|Private-Key|PuTTY-User-Key-File-|AGE-SECRET-KEY-|# created: ")
_JSON = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(\\r)?\\n[A-Za-z0-9+/]{20}")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{40,}")


def is_pem(text: str) -> bool:
    """Return whether a text has a private key as a file of its own has it: PEM, OpenSSH, PuTTY or age."""
    return bool(_TEXT.search(text))


def in_text(text: str) -> bool:
    """Return whether a text has a private key in it: PEM, OpenSSH, PuTTY, age, JWK, or one of these or DER in base64."""
    if is_pem(text) or (_JWK_KIND.search(text) and _JWK_PRIVATE.search(text)):
        return True
    return any(_is_encoded_key(found[0]) for found in _BASE64.finditer(text))


def is_binary(content: bytes) -> bool:
    """Return whether a file begins as a binary private key does: DER, PKCS #12, or a keystore of Java."""
    return bool(_DER.match(content))


def is_file(start: bytes) -> bool:
    """Return whether a file with this start, of some KiB, is a private key. A program or a page may quote one further down."""
    if is_binary(start):
        return True
    text = start.decode("latin-1").removeprefix("\xef\xbb\xbf").lstrip()
    if text.startswith("{"):
        return bool(_JSON.search(text)) or bool(_JWK_KIND.search(text) and _JWK_PRIVATE.search(text))
    word = _BASE64.match(text)
    return bool(_START.match(text) and _TEXT.search(text)) or bool(word and _is_encoded_key(word[0]))


def _is_encoded_key(word: str) -> bool:
    """Return whether base64, or its form for URLs, begins as a private key does."""
    start = word[:80]
    decoded = base64.b64decode(start[: len(start) // 4 * 4], b"-_" if "-" in word or "_" in word else None)
    return bool(_DER.match(decoded) or _TEXT.match(decoded.decode("latin-1")))
