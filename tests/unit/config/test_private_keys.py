"""Private keys are recognized in every form that a file of one may have, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from selvedge.config import private_keys

RSA, EC, ED = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
SECRET = BestAvailableEncryption(b"hunter2")
PLAIN = NoEncryption()
PEM = {
    "PKCS #8": RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN),
    "PKCS #1": RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "SEC 1": EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "encrypted PKCS #8": RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, SECRET),
    "OpenSSH": ED.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, PLAIN),
    "Ed25519": ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN),
}
BINARY = {
    "PKCS #8": RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PLAIN),
    "PKCS #1": RSA.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "SEC 1": EC.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "PKCS #8 of EC": EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PLAIN),
    "encrypted PKCS #8": RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, SECRET),
    "Ed25519": ED.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PLAIN),
    "PKCS #12": pkcs12.serialize_key_and_certificates(b"me", RSA, None, None, PLAIN),
    "PKCS #12 with a password": pkcs12.serialize_key_and_certificates(b"me", EC, None, None, SECRET),
    "a keystore of Java": bytes.fromhex("feedfeed0000000200000001") + bytes(range(80)),
}
JWK = {"kty": "RSA", "n": "sXch" * 20, "e": "AQAB", "d": "VFCWOqXr8nvZNyaaJLXdnNPXZKRaWCjkU5Q2egQQ"}
CODED = {
    **{f"{name} in base64": base64.b64encode(content).decode() for name, content in BINARY.items()},
    **{f"{name} in lines": base64.encodebytes(content).decode() for name, content in BINARY.items()},
    **{f"{name} twice": base64.b64encode(content).decode() for name, content in PEM.items()},
    "for URLs": base64.urlsafe_b64encode(BINARY["PKCS #8"]).decode(),
    "a JWK": json.dumps(JWK),
    "JWKs": json.dumps({"keys": [JWK]}, indent=2),
    "a service account": json.dumps({"type": "service_account", "private_key": PEM["PKCS #8"].decode()}),
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
    "SSH2": "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: me\n",
    "PGP": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQVYBF\n",
    "age": "# created: 2026-01-01T00:00:00Z\n# public key: age1x\nAGE-SECRET-KEY-1QQQ\n",
    "a key without its BEGIN line": "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz",
    "OpenSSL's attributes": "Bag Attributes\n    friendlyName: me\n" + PEM["PKCS #8"].decode(),
}


def certificate(encoding: Encoding) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    begins, ends = (datetime(year, 1, 1, tzinfo=UTC) for year in (2026, 2027))
    made = x509.CertificateBuilder(name, name, EC.public_key(), 5, begins, ends)
    return made.sign(EC, hashes.SHA256()).public_bytes(encoding)


def request(encoding: Encoding) -> bytes:
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(RSA, hashes.SHA256()).public_bytes(encoding)


PUBLIC = {
    "a public key": RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "a public key of PKCS #1": RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
    "a public key of SSH": ED.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" private key of me",
    "a certificate": certificate(Encoding.PEM),
    "a request": request(Encoding.PEM),
    "a public JWK": json.dumps({key: value for key, value in JWK.items() if key != "d"}).encode(),
    "nothing": b"",
    "a hash": b"sha512-" + base64.b64encode(bytes(range(64))),
    "nginx": b"ssl_certificate_key /etc/ssl/private/mine.pem;\nadd_header X-Key \"MIIEvQIBADAN\";\n",
}
QUOTING = {
    "a library": b'"use strict";const a="-----BEGIN PRIVATE KEY-----",b="PuTTY-User-Key-File-2";' + b"x" * 500,
    "a page": b"<pre>\n" + PEM["PKCS #8"] + b"</pre>",
    "a translation": b'{"placeholder": "-----BEGIN PRIVATE KEY-----"}',
    "a guide": b"# Keys\n\n" + PEM["PKCS #8"],
}


@pytest.mark.parametrize("name", PEM)
@pytest.mark.parametrize("before", ["nothing", "a byte order mark", "space", "a certificate", "a public key"])
def test_private_keys_in_pem(name: str, before: str) -> None:
    content = {**PUBLIC, "a byte order mark": b"\xef\xbb\xbf", "space": b"\r\n  "}[before] + PEM[name]
    assert private_keys.is_file(content) and private_keys.in_text(content.decode()) and private_keys.is_pem(content.decode())


@pytest.mark.parametrize("name", BINARY)
def test_private_keys_in_binary(name: str) -> None:
    assert private_keys.is_binary(BINARY[name]) and private_keys.is_file(BINARY[name])


@pytest.mark.parametrize("name", CODED)
def test_private_keys_in_other_texts(name: str) -> None:
    assert private_keys.is_file(CODED[name].encode())
    assert private_keys.in_text(CODED[name]) and private_keys.in_text(f"# mine\nadd_header X-Key '{CODED[name]}';\n")


PUBLIC |= {"a certificate in DER": certificate(Encoding.DER), "a request in DER": request(Encoding.DER)}


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_is_no_private_key(name: str) -> None:
    content = PUBLIC[name]
    assert not private_keys.is_file(content)
    assert not private_keys.in_text(content.decode("latin-1"))


@pytest.mark.parametrize("name", QUOTING)
def test_a_file_that_quotes_a_key_is_none(name: str) -> None:
    assert not private_keys.is_file(QUOTING[name])
