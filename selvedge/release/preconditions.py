"""The files of this machine that steps need, looked at before any server is contacted.

Imports stand in the functions: `fab --list` loads this module and calls none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selvedge.config.target import Target


def public_keys(app: Target) -> None:
    """There is a public key for the login user. Raises UsageError."""
    from selvedge.resources.access.logins import login_keys

    login_keys(app)


def repository(app: Target) -> None:
    """A repository on this machine is one, and has the branch. Raises ConfigError, and UsageError without the branch."""
    from selvedge.resources.code.pushed import local_commit

    if app.local_path is not None:
        local_commit(app.local_path, app.ref)


def environment(app: Target) -> None:
    """app.env_file is a dotenv file. Raises ConfigError."""
    from selvedge.config.dotenv import app_environment

    app_environment(app)


def certificates(app: Target) -> None:
    """The certificates of one's own, or that of the authority, can be read. Raises ConfigError."""
    from selvedge.resources.nginx.own_certificate import OwnCertificate, pem

    if app.domains and not app.tls.upstream:
        if app.tls.certificate:
            OwnCertificate.of(app)
        elif app.tls.acme_ca:
            pem(app.local_file(app.tls.acme_ca), "tls.acme_ca")
