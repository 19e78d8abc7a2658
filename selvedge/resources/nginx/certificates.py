"""Certificates that certbot requests and renews."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import field
from typing import TYPE_CHECKING, Self

from selvedge.resources.base import Change, Resource
from selvedge.resources.nginx.certbot import PROGRAMS, UNITS
from selvedge.shell.quoting import words
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target

PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""Let's Encrypt's directories (https://letsencrypt.org/getting-started/, https://letsencrypt.org/docs/staging-environment/)."""
RELOAD_HOOK = "nginx -t -q && systemctl reload nginx"
"""The command that certbot runs after each renewal: nginx keeps the old certificate in memory until it is reloaded."""
DUE = 1 / 3
"""The share of its life that a certificate has left when certbot renews it."""
LATE = 0.2
"""The share of its life that a certificate has left when its renewal counts as failing; certbot renews at a third."""


def day(moment: str) -> str:
    """Return a time as openssl prints it ("Apr  1 00:00:00 2026 GMT") as its day in UTC ("2026-04-01")."""
    return time.strftime("%Y-%m-%d", time.gmtime(ssl.cert_time_to_seconds(moment)))


class IssuedCertificate(Value):
    """A certificate on a server. Times are in seconds since 1970; server and the fields after it are settings of its renewal.

    renewal_failed: the last renewal on the server failed, and no certificate was issued since.
    """

    names: frozenset[str]
    start: float
    end: float
    now: float
    server: str
    authenticator: str
    webroot: str
    hook: str
    renewal_failed: bool = False

    @classmethod
    def parse(cls, fact: str) -> IssuedCertificate | None:
        """Return the certificate in the output of `certbot_fact`; None if there is none that openssl can read."""
        lines = dict(re.findall(r"^(\w+) ?= ?(.*)$", fact, re.MULTILINE))
        if not {"now", "notBefore", "notAfter"} <= lines.keys():
            return None
        return cls(
            frozenset(re.findall(r"DNS:([^,\s]+)", fact)),
            ssl.cert_time_to_seconds(lines["notBefore"]),
            ssl.cert_time_to_seconds(lines["notAfter"]),
            float(lines["now"]),
            lines.get("server", ""),
            lines.get("authenticator", ""),
            lines.get("webroot_path", "").rstrip(","),
            lines.get("renew_hook", ""),
            lines.get("renewal") == "failed",
        )


class Certificate(Resource):
    """A certificate for `domains` from the authority at `server`, which checks files in `webroot` over HTTP.

    name: certbot's name for it. program: the path of certbot. unit: the timer that renews it, without its suffix. email: ""
    registers without one.
    """

    name: str
    domains: tuple[str, ...]
    webroot: str
    server: str = PRODUCTION
    email: str = field(default="", repr=False)
    program: str = field(default="/usr/bin/certbot", repr=False)
    unit: str = field(default="certbot", repr=False)

    @property
    def fullchain(self) -> str:
        """The file with the certificate and those that sign it."""
        return f"/etc/letsencrypt/live/{self.name}/fullchain.pem"

    @property
    def key(self) -> str:
        """The file with its private key."""
        return f"/etc/letsencrypt/live/{self.name}/privkey.pem"

    @classmethod
    def of(cls, app: Target, **more: str) -> Self:
        """Return the certificate for the names of the app, from the settings in `[tls]`. more: the fields of a subclass."""
        server = STAGING if app.tls.staging else app.tls.acme_server or PRODUCTION
        program, unit = PROGRAMS[app.tls.certbot], UNITS[app.tls.certbot]
        return cls(app.name, tuple(app.names), app.paths.webroot, server, app.tls.email, program, unit, **more)

    def probe(self) -> str:
        return f"certbot_fact {words(self.name, f'{self.unit}.service')}"

    def plan(self, fact: str) -> Change | None:
        reason = self._reason(IssuedCertificate.parse(fact))
        if not reason:
            return None
        return Change(
            reason,
            f"certbot_issue {words(self.name, self.program, self.server, self.email, self.webroot, RELOAD_HOOK)} "
            f"{words(*self.domains)}",
            remedy="Correct the cause: a name in app.domains, or its record in DNS. Then run `fab deploy` again.",
        )

    def _reason(self, found: IssuedCertificate | None) -> str:
        if found is None:
            return f"get a certificate for {', '.join(self.domains)}"
        wanted = set(self.domains)
        if found.names != wanted:
            added, dropped = sorted(wanted - found.names), sorted(found.names - wanted)
            changes = [f"with {', '.join(added)}"] if added else []
            changes += [f"without {', '.join(dropped)}"] if dropped else []
            return f"get a new certificate {' and '.join(changes)}"
        if found.server != self.server:
            return f"get a new certificate from {self.server}"
        if (found.authenticator, found.webroot, found.hook) != ("webroot", self.webroot, RELOAD_HOOK):
            return "get a new certificate whose renewal uses the site and reloads nginx"
        left = found.end - found.now
        if left < LATE * (found.end - found.start):
            ends = "has expired" if left <= 0 else f"expires in {left / 86400:.1f} days"
            return f"renew the certificate, which {ends}"
        if found.renewal_failed and left < DUE * (found.end - found.start):
            return "renew the certificate, because its last renewal on the server failed"
        return ""
