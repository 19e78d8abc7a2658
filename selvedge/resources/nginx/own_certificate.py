"""PEM files on this machine, and a certificate that you bring yourself."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config import private_keys
from selvedge.config.files import hosts_file_name
from selvedge.config.local_files import LocalFileError, read_text
from selvedge.errors import ConfigError
from selvedge.resources.files import File

if TYPE_CHECKING:
    from selvedge.config.target import Target


def pem(path: Path, key: str) -> str:
    """Return the text of a PEM file that the setting `key` names. Raises ConfigError if it cannot be read, or is not PEM."""
    try:
        text = read_text(path)
    except LocalFileError as error:
        raise ConfigError(hosts_file_name(), key, f"{path} {error}", error.remedy or "Give the path of a PEM file.") from error
    if "-----BEGIN " not in text:
        raise ConfigError(hosts_file_name(), key, f"{path} is not a PEM file: it has no BEGIN line", "Give the path of a PEM file.")
    return text if text.endswith("\n") else text + "\n"


def certificates_only(path: Path, key: str) -> str:
    """Return the certificates in a PEM file that the setting `key` names, without any other text of the file.

    Raises ConfigError as `pem`, for a private key in it (whatever its format), for a part that is no certificate, and for a
    damaged certificate. The text that is returned becomes a file that every user of the server can read.
    """
    text = pem(path, key).replace("\r\n", "\n")
    if private_keys.in_text(text):
        problem = f"{path} has a private key in it, and must have certificates only"
        remedy = "Delete the private key from it. The key of your own certificate is the file of tls.certificate_key."
        raise ConfigError(hosts_file_name(), key, problem, remedy)
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\n", text)
    certificates = "".join(blocks)
    remedy = "Give a PEM file with the authority's certificates only."
    if text.count("-----BEGIN CERTIFICATE-----") != text.count("-----BEGIN "):
        raise ConfigError(hosts_file_name(), key, f"{path} has a part that is not a certificate", remedy)
    try:
        if len(blocks) != text.count("-----BEGIN "):
            raise ValueError
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError):
        raise ConfigError(hosts_file_name(), key, f"{path} has a damaged certificate", remedy) from None
    return certificates


class OwnCertificate(File):
    """A certificate chain and its private key in one file, readable by root only."""

    @property
    def fullchain(self) -> str:
        """The file with the certificate and those that sign it."""
        return self.path

    @property
    def key(self) -> str:
        """The file with its private key."""
        return self.path

    @classmethod
    def of(cls, app: Target) -> OwnCertificate:
        """Return the certificate that `[tls] certificate` and `certificate_key` name.

        Raises ConfigError if one cannot be read, or if they do not belong together.
        """
        paths = app.local_file(app.tls.certificate), app.local_file(app.tls.certificate_key)
        chain, key = certificates_only(paths[0], "tls.certificate"), pem(paths[1], "tls.certificate_key")
        try:
            # The empty password rejects a key with a passphrase: nginx could not start with it unattended.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths, password="")
        except ssl.SSLError as error:
            problem = f"{paths[1]} is not the private key of the certificate {paths[0]}, or it has a passphrase"
            remedy = "Give the certificate's own key, without a passphrase. In the chain, the server's certificate must come first."
            raise ConfigError(hosts_file_name(), "tls.certificate_key", problem, remedy) from error
        return cls(app.paths.certificate, chain + key, "0600", secret=True)
