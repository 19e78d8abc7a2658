"""Names of environment variables: the beginning of all, and those that have a secret of their own instead of a setting."""

from __future__ import annotations

PREFIX = "SELVEDGE_"
"""The beginning of all variables that Selvedge reads."""
PASSWORD_PREFIX = "SELVEDGE_BASIC_AUTH_"
"""The beginning of the variables with the passwords of `nginx.basic_auth`."""
EAB_HMAC_KEY = "SELVEDGE_EAB_HMAC_KEY"
"""The key of `tls.eab_kid`."""
DNS_CREDENTIALS = "SELVEDGE_DNS_CREDENTIALS"
"""The content of the file that `tls.dns_credentials` would name."""
BACKUP_PASSWORD = "SELVEDGE_BACKUP__PASSWORD"
"""The password of the repository with the backups."""
S3_ACCESS_KEY = "SELVEDGE_BACKUP__S3_ACCESS_KEY"
"""The id of the access key for `backup.to = "s3:…"`."""
S3_SECRET_KEY = "SELVEDGE_BACKUP__S3_SECRET_KEY"
"""The secret of the access key for `backup.to = "s3:…"`."""
REGISTRY_USER = "SELVEDGE_DOCKER__USER"
"""The user of the registry of `docker.registry`."""
REGISTRY_PASSWORD = "SELVEDGE_DOCKER__PASSWORD"
"""The password or token of that user."""
SERVICES_PASSWORD = "SELVEDGE_SERVICES__PASSWORD"
"""The password with which the servers of `services.clients` log in to the database."""
NOTIFY_URLS = "SELVEDGE_NOTIFY__URLS"
"""The addresses that messages go to, with spaces between them."""
_NAMES = (
    *(EAB_HMAC_KEY, DNS_CREDENTIALS, BACKUP_PASSWORD, S3_ACCESS_KEY, S3_SECRET_KEY),
    *(REGISTRY_USER, REGISTRY_PASSWORD, SERVICES_PASSWORD, NOTIFY_URLS),
)


def is_secret(name: str) -> bool:
    """Return whether a variable has such a secret."""
    return name.startswith(PASSWORD_PREFIX) or name in _NAMES
