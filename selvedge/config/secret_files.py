"""Names of files and folders that usually hold secrets: neither an image nor a release may contain them."""

from __future__ import annotations

SECRET_FILES = (
    *(".env", ".env.*", "*.env"),
    *("*.key", "*.pem", "*.p12", "*.pfx", "*.p8", "*.ppk", "*.jks", "*.keystore", "*.kdbx"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
    *(".netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials"),
    *(".ssh", ".aws", ".azure", ".docker", ".kube", ".gnupg"),
    "*.tfstate*",
)
"""Patterns of a shell for the last part of a path."""
