"""Certificates that certbot requests and renews."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import field
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.resources.nginx.acme import dns_credentials, eab
from selvedge.resources.nginx.certbot import PROGRAMS, UNITS
from selvedge.shell.library import call
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

    place: the folder of the authority's files, or the file with the credentials of the DNS. propagation: seconds, "" for the usual.
    renewal_failed: the last renewal on the server failed, and no certificate was issued since.
    """

    names: frozenset[str]
    start: float
    end: float
    now: float
    server: str
    authenticator: str
    place: str
    hook: str
    renewal_failed: bool = False
    propagation: str = ""

    @classmethod
    def parse(cls, fact: str) -> IssuedCertificate | None:
        """Return the certificate in the output of `certbot_fact`; None if there is none that openssl can read."""
        lines = dict(re.findall(r"^(\w+) ?= ?(.*)$", fact, re.MULTILINE))
        if not {"now", "notBefore", "notAfter"} <= lines.keys():
            return None
        authenticator = lines.get("authenticator", "")
        option = authenticator.replace("-", "_")
        return cls(
            frozenset(re.findall(r"DNS:([^,\s]+)", fact)),
            ssl.cert_time_to_seconds(lines["notBefore"]),
            ssl.cert_time_to_seconds(lines["notAfter"]),
            float(lines["now"]),
            lines.get("server", ""),
            authenticator,
            (lines.get("webroot_path") or lines.get(f"{option}_credentials", "")).rstrip(","),
            lines.get("renew_hook", ""),
            lines.get("renewal") == "failed",
            lines.get(f"{option}_propagation_seconds", ""),
        )


def fullchain(name: str) -> str:
    """Return the file with certbot's certificate of this name and those that sign it."""
    return f"/etc/letsencrypt/live/{name}/fullchain.pem"


def certificate_path(app: Target) -> str:
    """Return the path of the certificate on the server."""
    return app.paths.certificate if app.tls.certificate else fullchain(app.name)


class Dns(Value):
    """How certbot writes to the DNS: its plugin, the file with the credentials ("" without one), seconds to wait (0: as usual)."""

    plugin: str
    credentials: str = ""
    propagation: int = 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of certbot."""
        found = [f"--authenticator=dns-{self.plugin}"]
        found += [f"--dns-{self.plugin}-credentials={self.credentials}"] if self.credentials else []
        found += [f"--dns-{self.plugin}-propagation-seconds={self.propagation}"] if self.propagation else []
        return tuple(found)


class Certificate(Resource):
    """A certificate for `domains` from the authority at `server`, which checks files in `webroot` over HTTP, or records in DNS.

    name: certbot's name for it. program: the path of certbot. unit: the timer that renews it, without its suffix. email: ""
    registers without one. eab: the key id and HMAC key of an account at the authority. dns: None for HTTP.
    """

    name: str
    domains: tuple[str, ...]
    webroot: str
    server: str = PRODUCTION
    email: str = field(default="", repr=False)
    program: str = field(default="/usr/bin/certbot", repr=False)
    unit: str = field(default="certbot", repr=False)
    eab: tuple[str, SecretStr] | None = field(default=None, repr=False)
    dns: Dns | None = None

    @property
    def fullchain(self) -> str:
        """The file with the certificate and those that sign it."""
        return fullchain(self.name)

    @property
    def key(self) -> str:
        """The file with its private key."""
        return f"/etc/letsencrypt/live/{self.name}/privkey.pem"

    @classmethod
    def of(cls, app: Target, **more: str) -> Self:
        """Return the certificate for the names of the app, from the settings in `[tls]`. more: the fields of a subclass."""
        server = STAGING if app.tls.staging else app.tls.acme_server or PRODUCTION
        program, unit = PROGRAMS[app.tls.certbot], UNITS[app.tls.certbot]
        credentials = dns_credentials(app)
        path = credentials.path if isinstance(credentials, File) else ""
        dns = Dns(app.tls.dns_plugin, path, app.tls.dns_propagation) if app.challenge == "dns" else None
        names = tuple(app.certificate_names)
        return cls(app.name, names, app.paths.webroot, server, app.tls.email, program, unit, eab(app), dns, **more)

    def probe(self) -> str:
        return f"certbot_fact {words(self.name, f'{self.unit}.service')}"

    def plan(self, fact: str) -> Change | None:
        reason = self._reason(IssuedCertificate.parse(fact))
        if not reason:
            return None
        account = ("--email", self.email) if self.email else ("--register-unsafely-without-email",)
        how = self.dns.arguments if self.dns else ("--webroot", "--webroot-path", self.webroot)
        names = (word for domain in self.domains for word in ("-d", domain))
        # The names that certbot_issue checks first: over DNS, none has to lead to this server.
        checked = "" if self.dns else " ".join(self.domains)
        shell = call(
            "certbot_issue", "--cert-name", self.name, "--deploy-hook", RELOAD_HOOK, *how, *account, *names,
            program=self.program, server=self.server, webroot=self.webroot, checked=checked, domain=self.domains[0],
        )  # fmt: skip
        settings = f"eab-kid = {self.eab[0]}\neab-hmac-key = {self.eab[1].get_secret_value()}\n".encode() if self.eab else b""
        if settings:
            # Programs of the server see certbot's arguments, so the key is in a file.
            shell = f'(umask 077; head -c {len(settings)} <&3 >"$undo/account.ini")\n{shell}'
        remedy = "Correct the cause: a name in app.domains, or its record in DNS. Then run `fab deploy` again."
        return Change(reason, shell, payload=settings, remedy=remedy)

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
        wanted_how = (f"dns-{self.dns.plugin}", self.dns.credentials) if self.dns else ("webroot", self.webroot)
        slow = self.dns and self.dns.propagation and str(self.dns.propagation) != found.propagation
        if (found.authenticator, found.place, found.hook) != (*wanted_how, RELOAD_HOOK) or slow:
            return f"get a new certificate whose renewal uses {'the DNS' if self.dns else 'the site'} and reloads nginx"
        left = found.end - found.now
        if left < LATE * (found.end - found.start):
            ends = "has expired" if left <= 0 else f"expires in {left / 86400:.1f} days"
            return f"renew the certificate, which {ends}"
        if found.renewal_failed and left < DUE * (found.end - found.start):
            return "renew the certificate, because its last renewal on the server failed"
        return ""
