"""Several apps under one name: an app that has only a path of a site (`nginx.path`)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.resources.nginx.certificates import Certificate, IssuedCertificate
from selvedge.resources.nginx.own_certificate import OwnCertificate
from selvedge.resources.nginx.sites import Block, default_path, parse
from selvedge.shell.quoting import quote, words

if TYPE_CHECKING:
    from selvedge.config.target import Target

_LOCATION = re.compile(r"(?m)^location ((?:= |\^~ )?)\"?([^\s\"]+)\"? \{")


def locations(text: str) -> tuple[str, ...]:
    """Return the outer locations in a file of nginx, such as "= /feed" and "^~ /static/"."""
    return tuple(f"{modifier}{path}" for modifier, path in _LOCATION.findall(text))


class PathsFree(Resource):
    """No other app of a site has one of these locations, and the site passes on the path of an app that has only this path.

    names: those of the site, or nothing for the server's address. folders: those of `Target.path_folders`. own: the app's own
    files. path: `nginx.path`, or "" for an app that has the whole site. port: that of HTTP.
    """

    names: tuple[str, ...]
    folders: tuple[str, ...]
    locations: tuple[str, ...]
    own: tuple[str, ...]
    path: str
    port: int = 80

    def probe(self) -> str:
        return "site_fact\necho\necho --\nsite_locations"

    def plan(self, fact: str) -> Change | None:
        sites, _, found = f"{fact}\n".partition("\n--\n")
        blocks = [block for block in parse(sites) if block.file not in self.own and self._answers(block)] if self.path else []
        if self.path and not blocks and (elsewhere := self._at_other_ports(parse(sites))):
            return elsewhere
        for block in blocks:
            if f"{self.folders[0]}/*.conf" not in block.includes:
                return self._left_out(block)
        read = {*self.folders, *(each.removesuffix("/*.conf") for block in blocks for each in block.includes)}
        for file, _, line in (each.partition(":") for each in found.splitlines()):
            taken = [each for each in locations(line) if each in self.locations]
            if file not in self.own and taken and (file in read or file.rpartition("/")[0] in read):
                return self._taken(taken[0].split()[-1], file)
        return None

    def _answers(self, block: Block) -> bool:
        """Return whether a server block has one of the names; without names, whether it answers requests by address."""
        if self.names:
            return bool(block.names & set(self.names)) and self.port in block.ports
        return self.port in block.defaults and block.file != default_path(self.port)

    def _at_other_ports(self, blocks: list[Block]) -> Change | None:
        """Return the refusal if the site of the names answers plain HTTP at other ports only."""
        for block in blocks:
            ports, names = sorted(block.ports - block.tls), block.names & set(self.names)
            if block.file not in self.own and names and ports:
                problem = f"The site of {min(names)} answers at port {ports[0]}, and not at {self.port}: {block.file}."
                remedy = f"Set http_port = {ports[0]} under [nginx] in hosts.toml, and https_port as the other app has it."
                return Change.refused("check that the apps of a name have the same ports", problem, remedy=remedy)
        return None

    def _left_out(self, block: Block) -> Change:
        name = min(block.names & set(self.names), default="the server's address")
        problem = f"The path {self.path} cannot work, because the site that answers for {name} passes no paths on: {block.file}."
        line = f"add the line `include {self.folders[0]}/*.conf;` to its server block"
        remedy = f"If it is the site of another app, deploy that app again. If the file is your own, {line}."
        return Change.refused("check that the site passes on the path", problem, remedy=remedy)

    def _taken(self, path: str, file: str) -> Change:
        owner = file.rpartition("/")[2].removesuffix(".conf")
        problem = f"Another app on the server, {owner}, already has the path {path}: {file}."
        remedy = "Choose another path: nginx.path, or a path in static, media or redirects of [nginx]. Or remove the other app's."
        return Change.refused("check that no other app has the same paths", problem, remedy=remedy)


class FormerLocationsRemoved(Resource):
    """An app has no file in the folders of names, except for `path`: its names or its path may have changed."""

    app: str
    path: str

    def probe(self) -> str:
        return f"site_locations_of {quote(self.app)}"

    def plan(self, fact: str) -> Change | None:
        former = [each for each in fact.split() if each != self.path]
        return Change(f"remove {', '.join(former)}", f"file_remove {words(*former)}") if former else None


class SharedCertificate(Certificate):
    """A certificate for an app with a path, if no other HTTPS site with its name has one from certbot.

    folder: that of the name. site: the app's own HTTPS site.
    """

    folder: str = ""
    site: str = ""

    def probe(self) -> str:
        return f"https_of_name {words(self.folder, self.site)}\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        return None if borrowed(fact) else super().plan(fact)


class SharedTlsSite(Resource):
    """The HTTPS site of an app with a path, with the certificate of another site of the name while it has none itself."""

    site: File
    certificate: SharedCertificate

    def paths(self) -> tuple[str, ...]:
        return self.site.paths()

    def hashed(self) -> tuple[str, ...]:
        return self.site.hashed()

    def owned(self) -> tuple[str, ...]:
        return self.site.owned()

    def probe(self) -> str:
        return f"{self.certificate.probe()}\necho --\n{self.site.probe()}"

    def plan(self, fact: str) -> Change | None:
        certificates, _, file = fact.partition("\n--\n")
        text, own = self.site.text, self.certificate
        if found := borrowed(certificates):
            for ours, theirs in zip((own.fullchain, own.key), found, strict=True):
                text = text.replace(f" {ours};", f" {theirs};")
        return replace(self.site, text=text).plan(file)


def borrowed(fact: str) -> tuple[str, str] | None:
    """Return the certificate and the key of another site, if an app with a path uses them.

    It has none of its own, and certbot renews those.
    """
    found = re.search(r"(?m)^other (/etc/letsencrypt/live/\S+) (\S+)$", fact)
    return (found[1], found[2]) if found and IssuedCertificate.parse(fact) is None else None


class LeftCertificates(Resource):
    """No certificate of a removed app is left. It stayed while the app with a path used it."""

    program: str
    webroot: str

    def probe(self) -> str:
        return f"certbot_left {quote(self.webroot)}"

    def plan(self, fact: str) -> Change | None:
        names = fact.split()
        if not names:
            return None
        shell = f"certbot_delete {words(self.program, *names)}"
        return Change(f"delete the certificate {', '.join(names)}, which no site uses", shell)


def certbot_certificate(app: Target) -> Certificate:
    """Return the certificate from certbot for the names of the app."""
    if not app.nginx.path:
        return Certificate.of(app)
    return SharedCertificate.of(app, folder=app.path_folder, site=f"{app.paths.site_enabled}-tls")


def tls_site(path: str, text: str, certificate: Certificate | OwnCertificate) -> File | SharedTlsSite:
    """Return the HTTPS site with a certificate."""
    site = File(path, text)
    return SharedTlsSite(site, certificate) if isinstance(certificate, SharedCertificate) else site
