"""HTTPS: the certificate that certbot gets and renews, and what nginx does with it."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config.files import hosts_file_name
from selvedge.errors import ConfigError
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File, Link
from selvedge.resources.nginx import Nginx
from selvedge.resources.python import ROOT
from selvedge.shell.quoting import quote, words
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target

PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""Let's Encrypt's directories (https://letsencrypt.org/getting-started/, https://letsencrypt.org/docs/staging-environment/)."""
PROGRAMS = {"apt": "/usr/bin/certbot", "snap": "/snap/bin/certbot", "pip": f"{ROOT}/certbot/bin/certbot"}
"""certbot, by where it is installed from."""
RELOAD_HOOK = "nginx -t -q && systemctl reload nginx"
"""What certbot runs after each renewal: without it nginx would go on serving the old certificate until it expires."""
LATE = 0.2
"""The share of its life that a certificate has left when its renewal counts as failing; certbot renews at a third."""


def pem(path: Path, key: str) -> str:
    """The text of a PEM file on this machine that the setting `key` names. Raises ConfigError where there is none."""
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no PEM file"
        raise ConfigError(hosts_file_name(), key, f"{path} cannot be read: {reason}", "Name a PEM file.") from error
    if "-----BEGIN " not in text:
        raise ConfigError(hosts_file_name(), key, f"{path} is no PEM file: it has no BEGIN line", "Name a PEM file.")
    return text if text.endswith("\n") else text + "\n"


def day(moment: str) -> str:
    """A moment in openssl's words ("Apr  1 00:00:00 2026 GMT") as its day, in UTC: "2026-04-01"."""
    return time.strftime("%Y-%m-%d", time.gmtime(ssl.cert_time_to_seconds(moment)))


class Found(Value):
    """A certificate as it stands on a server. Times are in seconds since 1970; hook, server, … are its renewal's."""

    names: frozenset[str]
    start: float
    end: float
    now: float
    server: str
    authenticator: str
    webroot: str
    hook: str

    @classmethod
    def parse(cls, fact: str) -> Found | None:
        """What `certbot_fact` printed; None where there is no certificate, or none that openssl can read."""
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
        )


class Certificate(Resource):
    """A certificate by certbot for `domains`, proven over HTTP through `webroot`, from the authority at `server`.

    name: certbot's name of it. program: the path of certbot. email: "" registers without one. Before the authority is
    asked, each name is tried from the server itself; renewals are certbot's own timer's work.
    """

    name: str
    domains: tuple[str, ...]
    webroot: str
    server: str = PRODUCTION
    email: str = field(default="", repr=False)
    program: str = field(default="/usr/bin/certbot", repr=False)

    @property
    def fullchain(self) -> str:
        """The file with the certificate and those that sign it."""
        return f"/etc/letsencrypt/live/{self.name}/fullchain.pem"

    @property
    def key(self) -> str:
        """The file with its private key."""
        return f"/etc/letsencrypt/live/{self.name}/privkey.pem"

    @classmethod
    def of(cls, app: Target) -> Certificate:
        """The one for `app.domains`, by the settings in `[tls]`."""
        server = STAGING if app.tls.staging else app.tls.acme_server or PRODUCTION
        program = PROGRAMS[app.tls.certbot]
        return cls(app.name, tuple(app.domains), app.paths.webroot, server, app.tls.email, program)

    def probe(self) -> str:
        return f"certbot_fact {quote(self.name)}"

    def plan(self, fact: str) -> Change | None:
        reason = self._reason(Found.parse(fact))
        if not reason:
            return None
        return Change(
            reason,
            f"certbot_issue {words(self.name, self.program, self.server, self.email, self.webroot, RELOAD_HOOK)} "
            f"{words(*self.domains)}",
            remedy="The site goes on answering as before. When the cause is mended, run `fab certbot` again.",
        )

    def _reason(self, found: Found | None) -> str:
        if found is None:
            return f"get a certificate for {', '.join(self.domains)}"
        wanted = set(self.domains)
        if found.names != wanted:
            added, dropped = sorted(wanted - found.names), sorted(found.names - wanted)
            changes = [f"with {', '.join(added)}"] if added else []
            changes += [f"without {', '.join(dropped)}"] if dropped else []
            return f"get the certificate anew {' and '.join(changes)}"
        if found.server != self.server:
            return f"get the certificate anew from {self.server}"
        if (found.authenticator, found.webroot, found.hook) != ("webroot", self.webroot, RELOAD_HOOK):
            return "get the certificate anew, so that its renewal goes through the site and reloads nginx"
        left = found.end - found.now
        if left < LATE * (found.end - found.start):
            ends = "has expired" if left <= 0 else f"ends in {left / 86400:.1f} days"
            return f"renew the certificate, which {ends}"
        return ""


class OwnCertificate(File):
    """A certificate that the user has: chain and private key in one file, as nginx may read them, for root alone."""

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
        """The one that `[tls] certificate` and `certificate_key` name.

        Raises ConfigError where one cannot be read, or the two do not belong together.
        """
        paths = app.local_file(app.tls.certificate), app.local_file(app.tls.certificate_key)
        chain, key = pem(paths[0], "tls.certificate"), pem(paths[1], "tls.certificate_key")
        try:
            # A key with a passphrase is refused by the empty one: nginx could not start with it by itself.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths, password="")
        except ssl.SSLError as error:
            problem = f"{paths[1]} is not the private key, without a passphrase, of the certificate {paths[0]}"
            remedy = "Name the key that it was made with. In the chain, the server's own certificate comes first."
            raise ConfigError(hosts_file_name(), "tls.certificate_key", problem, remedy) from error
        return cls(app.paths.certificate, chain + key, "0600", secret=True)


class Listen(Resource):
    """nginx's directives for HTTPS and HTTP/2 on port 443, as the installed version spells them (changed in 1.25.1)."""

    path: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"site_read\nprintf '%s\\n' \"$nginx_shown\"\nprobe_path {quote(self.path)} -"

    def plan(self, fact: str) -> Change | None:
        version, _, standing = fact.partition("\n")
        numbers = tuple(int(part) for part in re.findall(r"\d+", version.partition("/")[2])[:3])
        flag, extra = (" http2", "") if numbers and numbers < (1, 25, 1) else ("", "http2 on;\n")
        text = f"# Written by `fab certbot`.\nlisten 443 ssl{flag};\nlisten [::]:443 ssl{flag};\n{extra}"
        return File(self.path, text).plan(standing)


class Https(Nginx):
    """nginx, loading an HTTPS site; after a reload it must really serve `chain` for `domain` on port 443.

    certbot's own reload after a renewal does not come where another site's file is broken at that moment: a certificate
    that is newer than the last load is compared with the one that is served.
    """

    domain: str = ""
    fullchain: str = ""
    loaded_by = (*Nginx.loaded_by, "certbot")

    def probe(self) -> str:
        newer = f"[ {quote(self.fullchain)} -nt {quote(self._stamp.path)} ]"
        return (
            f"{super().probe()}\n"
            f"if {newer}; then printf 'Served=%s\\n' \"$(https_served_instead {words(self.fullchain, self.domain)})\"; fi"
        )

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        instead = re.search(r"^Served=(.+)$", fact, re.MULTILINE)
        if change is None and instead:
            what = "shows no certificate" if instead[1] == "none" else f"still serves the certificate until {day(instead[1])}"
            change = replace(self.reload(), summary=f"reload nginx, which {what}")
        return change

    def before_loads(self) -> str:
        """As of every service; but where the site stands and its certificate is gone, that is what is being mended."""
        site = next(load.path for load in self.loads if isinstance(load, Link))
        return f"if [ -e {quote(self.fullchain)} ] || [ ! -L {quote(site)} ]; then\n{super().before_loads()}\nfi"

    def _reload_line(self) -> str:
        return f"{super()._reload_line()}\nhttps_serves {words(self.fullchain, self.domain)}"


class PlainHttp(Resource):
    """No HTTPS of this app: what an earlier run with a domain left is taken away, and nginx reloaded.

    files: those, the one that nginx does not read last; it goes when nginx was reloaded, so that a run which is cut
    off before is made again.
    """

    files: tuple[str, ...]

    def probe(self) -> str:
        return f"for path in {words(*self.files)}; do [ -e \"$path\" ] || [ -L \"$path\" ] && echo \"$path\"; done"

    def plan(self, fact: str) -> Change | None:
        if not fact.strip():
            return None
        first, last = words(*self.files[:-1]), quote(self.files[-1])
        shell = (
            f"for path in {first}; do file_keep \"$path\"; rm -f -- \"$path\"; done\n"
            f"nginx -t\nnginx_reload\nrm -f -- {last}"
        )
        return Change("take HTTPS away, since no domain is set (or TLS ends upstream)", shell)
