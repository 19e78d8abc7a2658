"""The sites of a server side by side: which site answers which requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Absent, File
from selvedge.resources.nginx import version
from selvedge.resources.nginx.version import VersionedText
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target

DEBIAN_DEFAULT = "/etc/nginx/sites-enabled/default"
_LISTEN_TLS = re.compile(r"/etc/nginx/snippets/selvedge-listen-tls(?:-([0-9]+))?\.conf")
PATHS_BY_ADDRESS = "/etc/nginx/selvedge/sites/_/*.conf"
"""The paths of apps without a domain (`nginx.path`)."""
_DEFAULT = re.compile(r"/etc/nginx/conf\.d/selvedge-default(-tls)?(?:-[0-9]+)?\.conf")


def default_path(port: int, *, tls: bool = False) -> str:
    """Return the file with the server block for names without a site at a port; all apps of a server share it."""
    usual = 443 if tls else 80
    return f"/etc/nginx/conf.d/selvedge-default{'-tls' if tls else ''}{'' if port == usual else f'-{port}'}.conf"


def listen_tls_path(port: int) -> str:
    """Return the snippet with nginx's directives for HTTPS at a port; all apps of a server share it."""
    return f"/etc/nginx/snippets/selvedge-listen-tls{'' if port == 443 else f'-{port}'}.conf"


class Block(Value):
    """A server block: its file and names, the ports that it listens on at every address, and those where it is the default.

    addresses: single addresses, without brackets, with the port where it listens. includes: the files that it includes. tls: its
    ports for HTTPS.
    """

    file: str
    names: frozenset[str]
    ports: frozenset[int]
    defaults: frozenset[int]
    addresses: frozenset[tuple[str, int]] = frozenset()
    includes: frozenset[str] = frozenset()
    tls: frozenset[int] = frozenset()

    def is_default(self, port: int) -> bool:
        """Return whether it answers for names without a site, as the first block of all does for paths of the address."""
        return port in self.defaults or (port in self.ports and PATHS_BY_ADDRESS in self.includes)


def parse(fact: str) -> list[Block]:
    """Return the server blocks that the shell function `site_fact` prints."""
    blocks: list[tuple[str, list[list[str]]]] = []
    file = ""
    for line in fact.splitlines():
        if line.startswith("file "):
            file = line[5:]
        elif line.startswith("server {"):
            blocks.append((file, []))
        elif line.strip() and blocks and blocks[-1][0] == file:
            blocks[-1][1].append(line.split())
    return [_block(file, directives) for file, directives in blocks]


def _block(file: str, directives: list[list[str]]) -> Block:
    listens = [values for name, *values in directives if name == "listen"]
    included = (_LISTEN_TLS.fullmatch(values[0]) for name, *values in directives if name == "include" and values)
    listens += [[found[1] or "443", "ssl"] for found in included if found]
    listed = (value for name, *values in directives if name == "server_name" for value in values)
    # nginx compares names in lower case.
    names = frozenset(value.strip("\"'").lower() for value in listed)
    ports, defaults, addresses, tls = set(), set(), set(), set()
    for address, *options in listens or [["80"]]:
        found = re.fullmatch(r"(?:(?:\*|0\.0\.0\.0|\[::\]):)?([0-9]+)", address)
        if found:
            ports.add(int(found[1]))
            if {"default_server", "default"} & set(options):
                defaults.add(int(found[1]))
            if {"ssl", "quic", "http3"} & set(options):
                tls.add(int(found[1]))
        elif single := re.fullmatch(r"(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\])(?::([0-9]+))?", address):
            addresses.add((single[1] or single[2].lower(), int(single[3] or 80)))
    includes = frozenset(value for name, *values in directives if name == "include" for value in values)
    return Block(file, names, frozenset(ports), frozenset(defaults), frozenset(addresses), includes, frozenset(tls))


class ServerNamesFree(Resource):
    """No other enabled site has the app's names; without names, no other site is the default of the port or has the address.

    own: the app's own files in sites-enabled. address: the address at which an app without names is announced. port: that of HTTP.
    nginx only warns of a name that two sites have, and uses the first one. It asks only the sites that listen on a single address,
    if any do.
    """

    domains: tuple[str, ...]
    own: tuple[str, ...]
    address: str = ""
    port: int = 80

    def probe(self) -> str:
        return "site_fact\necho\necho --\nsite_addresses"

    def plan(self, fact: str) -> Change | None:
        sites, _, addresses = fact.partition("\n--\n")
        here = set(addresses.split())
        for block in parse(sites):
            if block.file in self.own:
                continue
            taken = sorted(block.names & set(self.domains))
            if taken and self.port in block.ports:
                return _refuse(
                    f"Another site on the server already answers for {', '.join(taken)}: {block.file}.",
                    "Remove the name from that file, or from app.domains in hosts.toml.",
                )
            if listening := {address for address, port in block.addresses if port == self.port} & here:
                return _refuse(
                    f"Another site on the server gets all requests to {min(listening)}: {block.file} listens on "
                    "this address, and nginx prefers it to sites that listen on all addresses.",
                    "Replace the address with the port alone in its listen lines, as in "
                    f"`listen {self.port};`: `sudo editor {block.file}`.",
                )
            if not self.domains and (refused := self._address_taken(block, here)):
                return refused
        return None

    def _address_taken(self, block: Block, here: set[str]) -> Change | None:
        remedy = "Set app.domains in hosts.toml, for this app or for the other one."
        shown = self.address.strip("[]")
        taken = sorted(block.names & {self.address, shown, *here}) if self.port in block.ports else []
        if taken:
            problem = f"The app has no domain, but another site on the server already answers for {taken[0]}: {block.file}."
            return _refuse(problem, f"{remedy} Or remove the address from that file.")
        if self.port in block.defaults and block.file != default_path(self.port):
            return _refuse(
                "The app has no domain, but another site on the server already answers requests by address: "
                f"{block.file} is the default_server of port {self.port}.",
                remedy,
            )
        return None


def _refuse(problem: str, remedy: str) -> Change:
    return Change.refused("check that no other site has the app's names", problem, remedy=remedy)


class PortProtocol(Resource):
    """No other site has HTTPS at the app's port for HTTP, or HTTP at its port for HTTPS.

    nginx accepts both, and then expects HTTPS at the port from all of them. own: the app's own files.
    """

    port: int
    tls: bool
    own: tuple[str, ...]

    def probe(self) -> str:
        return "site_fact"

    def plan(self, fact: str) -> Change | None:
        blocks = [block for block in parse(fact) if block.file not in self.own and not _DEFAULT.fullmatch(block.file)]
        others = [block for block in blocks if self.port in block.ports]
        speaks_tls = any(self.port in block.tls for block in others)
        if not others or speaks_tls == self.tls:
            return None
        ours, theirs = ("HTTPS", "HTTP") if self.tls else ("HTTP", "HTTPS")
        problem = f"Port {self.port} cannot have {ours}, because {others[0].file} has {theirs} there."
        remedy = f"Choose another {ours.lower()}_port under [nginx] in hosts.toml, or change the other site."
        return Change.refused(f"check that no other site has {theirs} at port {self.port}", problem, remedy=remedy)


class DebianDefaultSiteDisabled(Resource):
    """The site that Debian's package enables, which answers for every name, is disabled. An edited one stays."""

    def probe(self) -> str:
        return "if site_is_debians; then echo debians; fi"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() != "debians":
            return None
        return Change(f"remove Debian's default site {DEBIAN_DEFAULT}", f"file_remove {DEBIAN_DEFAULT}")


class DefaultServer(Resource):
    """The server block for names without a site; absent if another site is the default of the port.

    tls: it is for HTTPS. wanted: False if this app does not need it. For HTTP it is absent then, since the app's own site is the
    default; for HTTPS it stays while another site has TLS. own: files in sites-enabled that this run writes or removes: their
    present content does not count.
    """

    port: int
    text: VersionedText
    wanted: bool
    own: tuple[str, ...]
    tls: bool = False

    @property
    def path(self) -> str:
        """The file with the server block."""
        return default_path(self.port, tls=self.tls)

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"{version.PROBE}\nsite_fact\nprintf '\\n--\\n'\nprobe_path {quote(self.path)} -"

    def plan(self, fact: str) -> Change | None:
        read, _, file = fact.partition("\n--\n")
        about, _, sites = read.partition("\n")
        others = [block for block in parse(sites) if block.file not in {*self.own, self.path}]
        if any(block.is_default(self.port) for block in others):
            return Absent(self.path).plan(file)
        if self.wanted:
            return File(self.path, self.text.at(version.parse(about))).plan(file)
        if self.tls and any(self.port in block.ports for block in others):
            return None
        return Absent(self.path).plan(file)


class FormerDefaults(Resource):
    """No server block for names without a site is left at a port that no site uses: another program may need the port.

    ports: those of this app. own: the app's files in sites-enabled.
    """

    ports: tuple[int, ...]
    own: tuple[str, ...]

    def probe(self) -> str:
        return "site_fact"

    def plan(self, fact: str) -> Change | None:
        blocks = parse(fact)
        sites = [block for block in blocks if block.file not in self.own and not _DEFAULT.fullmatch(block.file)]
        used = {*self.ports, *(port for block in sites for port in block.ports)}
        left = sorted({block.file for block in blocks if _DEFAULT.fullmatch(block.file) and not block.ports & used})
        return Change(f"remove {', '.join(left)}", f"file_remove {words(*left)}") if left else None


def site_check(app: Target) -> str:
    """Return shell that fails if the address of the app does not show its live release. A balancer has none."""
    return "" if app.backends else call("request_check", given=app.shell_values, header=app.release_header)
