"""Changes of an app's host names: the old ones work until the certificate for the new ones is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from selvedge.project.render import template
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words

if TYPE_CHECKING:
    from selvedge.config.target import Target

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.:-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


class NewNames(Resource):
    """Names that a present site gets in addition lead to this server, or to a proxy in front of it.

    certificate: certbot's name for it. site: the app's enabled site.
    """

    domains: tuple[str, ...]
    certificate: str
    site: str
    webroot: str

    def probe(self) -> str:
        return f"if [ -e {quote(self.site)} ]; then\nsite_hold_fact {words(self.site, self.certificate)}\nfi"

    def plan(self, fact: str) -> Change | None:
        known = {name for line in fact.splitlines() for name in line.split()[1:] if not line.startswith("addresses ")}
        new = [name for name in self.domains if name not in known]
        if not fact.strip() or not new:
            return None
        shell = call("certbot_lead_here", *new, webroot=self.webroot)
        remedy = "Correct the record in DNS, or remove the name from hosts.toml. The site was not changed."
        return Change(f"check that {', '.join(new)} leads to this server", shell, remedy=remedy)


class Site(File):
    """The site of an app over HTTP. It keeps the names that it has until the certificate has all new ones.

    domains: the names of the certificate from certbot; empty without one. `_` in the present site stands for the server's
    addresses and `address`.
    """

    domains: tuple[str, ...] = ()
    certificate: str = ""
    address: str = ""

    @classmethod
    def of(cls, app: Target) -> Site:
        """Return the site of an app."""
        # An app with a path has no name of its own.
        names = () if app.tls.certificate or not app.has_tls or app.nginx.path else tuple(app.certificate_names)
        text, address = template("nginx/site.conf.j2", app=app), (app.host.address or app.host.name).lower()
        return cls(app.paths.site, text, domains=names, certificate=app.name, address=address)

    def probe(self) -> str:
        held = f"site_hold_fact {words(self.path, self.certificate)}" if self.domains else ":"
        return f"{held}\necho --\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        held, _, file = f"\n{fact}".partition("\n--\n")
        lines = dict(line.partition(" ")[::2] for line in held.splitlines())
        found = lines.get("names", "").split()
        if set(self.domains) <= set(lines.get("certified", "").split()):
            return File(self.path, self.text).plan(file)
        addresses = [self.address, *lines.get("addresses", "").split()] if "_" in found else []
        kept = [name for name in found if _HOST.fullmatch(name)] + [f"[{each}]" if ":" in each else each for each in addresses]
        final = re.search(r"(?m)^ *server_name ([^;]*)", self.text)
        own = {*self.domains, *(final[1].split() if final else ())}
        more = "".join(f" {name}" for name in dict.fromkeys(kept) if name not in own)
        return File(self.path, re.sub(r"(?m)^( *server_name [^;]*);", rf"\1{more};", self.text, count=1)).plan(file)


class FormerNamesDropped(Resource):
    """A site has no names but its final ones: the step that got the certificate drops those that the site had kept until then.

    site: a site that the step `nginx` writes. Until it has, there is nothing to drop.
    """

    site: Site

    def paths(self) -> tuple[str, ...]:
        return (self.site.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.site.path,)

    def probe(self) -> str:
        return self.site.probe()

    def plan(self, fact: str) -> Change | None:
        held, _, file = f"\n{fact}".partition("\n--\n")
        found = next((line.split()[1:] for line in held.splitlines() if line.startswith("names ")), [])
        wanted = re.search(r"(?m)^ *server_name ([^;]*);", self.site.text)
        final = wanted[1].split() if wanted else []
        kept = found[: len(final)] == final and len(found) > len(final)
        return File(self.site.path, self.site.text).plan(file) if kept else None
