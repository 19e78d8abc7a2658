"""Secrets for a certificate authority: the key of an account there, and the credentials of a DNS provider."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import SecretStr

from selvedge.config.files import hosts_file_name
from selvedge.config.local_files import LocalFileError, read_text
from selvedge.config.secret_names import DNS_CREDENTIALS, EAB_HMAC_KEY
from selvedge.errors import ConfigError
from selvedge.resources.files import Absent, File

if TYPE_CHECKING:
    from selvedge.config.target import Target

WITHOUT_CREDENTIALS = ("route53", "google")
"""Plugins that may find credentials on the server: a role of the machine, or files of root (their documentation)."""


def eab(app: Target) -> tuple[str, SecretStr] | None:
    """Return the key id and the HMAC key of an account at the authority (RFC 8555, 7.3.4); None without `tls.eab_kid`.

    Raises ConfigError if the key is missing, or is not base64url.
    """
    if not app.tls.eab_kid or not app.challenge:
        return None
    remedy = f"Add it to .env beside hosts.toml, which git must not have: `{EAB_HMAC_KEY}=…`."
    found = app.passwords.get(EAB_HMAC_KEY)
    key = found.get_secret_value().strip().rstrip("=") if found else ""
    if not key:
        raise ConfigError("environment", EAB_HMAC_KEY, f"the HMAC key of {app.tls.eab_kid} is missing (tls.eab_kid)", remedy)
    if not re.fullmatch(r"[A-Za-z0-9_-]{10,1000}", key):
        problem = "is not an HMAC key, which has only letters, digits, '-' and '_' (base64url)"
        raise ConfigError("environment", EAB_HMAC_KEY, problem, "Copy the key from the account's page at the authority.")
    return app.tls.eab_kid, SecretStr(key)


def dns_credentials(app: Target) -> File | Absent:
    """Return the file with the credentials of `tls.dns_plugin`; its absence without them.

    Raises ConfigError if they are missing, or if their file cannot be read.
    """
    path = app.paths.dns_credentials
    variable = app.passwords.get(DNS_CREDENTIALS)
    if app.challenge != "dns":
        return Absent(path)
    if app.tls.dns_plugin == "route53" and variable:
        problem = "has no effect with the plugin route53, which reads no such file"
        remedy = "Delete the variable. Put the credentials on the server as /root/.aws/credentials, or give the machine a role."
        raise ConfigError("environment", DNS_CREDENTIALS, problem, remedy)
    if app.tls.dns_credentials:
        local = app.local_file(app.tls.dns_credentials)
        try:
            text = read_text(local)
        except LocalFileError as error:
            remedy = error.remedy or f"Give the path of a file as certbot's plugin {app.tls.dns_plugin} reads it."
            raise ConfigError(hosts_file_name(), "tls.dns_credentials", f"{local} {error}", remedy) from error
    elif variable:
        text = variable.get_secret_value()
    elif app.tls.dns_plugin in WITHOUT_CREDENTIALS:
        return Absent(path)
    else:
        problem = f"is missing: certbot's plugin {app.tls.dns_plugin} needs the credentials of your DNS provider"
        remedy = f"Name a file with them, or put its content into {DNS_CREDENTIALS}, in .env beside hosts.toml or in a CI job."
        raise ConfigError(hosts_file_name(), "tls.dns_credentials", problem, remedy)
    return File(path, text if text.endswith("\n") else f"{text}\n", "0600", secret=True)
