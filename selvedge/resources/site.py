"""nginx's sites beside each other: who answers for which names, and which folders are served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Absent, File
from selvedge.shell.quoting import quote, words
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target

ENABLED = "/etc/nginx/sites-enabled"
DEBIAN_DEFAULT = f"{ENABLED}/default"
LISTEN_TLS = "/etc/nginx/snippets/selvedge-listen-tls.conf"


class Block(Value):
    """A server block: the file it stands in, its names, and the ports where it is one of several, or the default."""

    file: str
    names: frozenset[str]
    ports: frozenset[int]
    defaults: frozenset[int]


def parse(fact: str) -> list[Block]:
    """The server blocks that the shell function `site_fact` printed. Ports count that are listened on at every address."""
    blocks: list[tuple[str, list[list[str]]]] = []
    file = ""
    for line in fact.splitlines():
        if line.startswith("file "):
            file = line[5:]
        elif line.startswith("server {"):
            blocks.append((file, []))
        elif blocks and blocks[-1][0] == file:
            blocks[-1][1].append(line.split())
    return [_block(file, directives) for file, directives in blocks]


def _block(file: str, directives: list[list[str]]) -> Block:
    listens = [values for name, *values in directives if name == "listen"]
    listens += [["443"] for name, *values in directives if name == "include" and values == [LISTEN_TLS]]
    names = frozenset(value for name, *values in directives if name == "server_name" for value in values)
    ports, defaults = set(), set()
    for address, *options in listens or [["80"]]:
        found = re.fullmatch(r"(?:(?:\*|0\.0\.0\.0|\[::\]):)?([0-9]+)", address)
        if found:
            ports.add(int(found[1]))
            if {"default_server", "default"} & set(options):
                defaults.add(int(found[1]))
    return Block(file, names, frozenset(ports), frozenset(defaults))


_FACT = "site_read\nprintf '%s\\n' \"$site_shown\""


class Names(Resource):
    """The app's names, or, without any, its claim to what no site has a name for: no other enabled site has them.

    own: the app's own files in sites-enabled. nginx itself only warns of a name that two sites have, and answers by the
    one that it reads first.
    """

    domains: tuple[str, ...]
    own: tuple[str, ...]

    def probe(self) -> str:
        return _FACT

    def plan(self, fact: str) -> Change | None:
        others = [block for block in parse(fact) if block.file not in self.own]
        for block in others:
            taken = sorted(block.names & set(self.domains))
            if taken and 80 in block.ports:
                return _refuse(
                    f"{', '.join(taken)} is a name of another site of this server already: {block.file}",
                    "Take the name out of that file, or out of app.domains.",
                )
            if not self.domains and 80 in block.defaults and block.file != Default.http:
                return _refuse(
                    f"another site of this server answers by address already: {block.file} is the default_server of port 80",
                    "Only one can: set app.domains here, or there.",
                )
        return None


def _refuse(problem: str, remedy: str) -> Change:
    return Change("have the site's names to itself", f"step_fail {quote(problem)}", remedy=remedy)


class NotDebians(Resource):
    """The site that Debian's package enables, which answers for every name, is off. What somebody wrote into that file stays."""


    def probe(self) -> str:
        return "if site_debians; then echo debians; fi"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() != "debians":
            return None
        return Change(f"remove {DEBIAN_DEFAULT}, as Debian brought it", f"file_keep {DEBIAN_DEFAULT}\nrm -f -- {DEBIAN_DEFAULT}")


# What ssl_reject_handshake does, which came with nginx 1.19.4.
_REJECTS = """    # A certificate that is looked for at each handshake, and never there. What that writes to the log is of no use.
    ssl_certificate $selvedge_nothing;
    ssl_certificate_key $selvedge_nothing;
    set $selvedge_nothing "";
    error_log /dev/null;
"""


class Default(Resource):
    """The server block for names that no site has: one file for all apps of a server.

    It is absent where another site is the default of the port. Where this app does not want it: on port 80 it goes, since
    the app's own site is the default; on port 443 it stays as long as another site has TLS.
    own: files in sites-enabled that this run writes or removes, and that do not count as they stand.
    """

    path: str
    text: str
    port: int
    wanted: bool
    own: tuple[str, ...]
    http = "/etc/nginx/conf.d/selvedge-default.conf"
    https = "/etc/nginx/conf.d/selvedge-default-tls.conf"

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        shown = "site_read\nprintf '%s\\n%s\\n\\n--\\n' \"$nginx_shown\" \"$site_shown\""
        return f"{shown}\nprobe_path {quote(self.path)} -"

    def plan(self, fact: str) -> Change | None:
        sites, _, standing = fact.partition("\n--\n")
        version, _, sites = sites.partition("\n")
        numbers = tuple(int(part) for part in re.findall(r"\d+", version.partition("/")[2])[:3])
        others = [block for block in parse(sites) if block.file not in {*self.own, self.path}]
        claimed = any(self.port in block.defaults for block in others)
        if claimed:
            return Absent(self.path).plan(standing)
        if not self.wanted:
            keeps = self.port == 443 and any(443 in block.ports for block in others)
            return None if keeps else Absent(self.path).plan(standing)
        # Other spellings of HTTP/2 on one port make nginx warn (changed in 1.25.1, see Listen).
        text = self.text.replace(" http2", "") if numbers >= (1, 25, 1) else self.text
        if numbers and numbers < (1, 19, 4):
            text = text.replace("    ssl_reject_handshake on;\n", _REJECTS)
        return File(self.path, text).plan(standing)


class Static(Resource):
    """Folders of a release that nginx may read, and no more of it. release: a path that may be a link."""

    release: str
    folders: tuple[str, ...]

    def probe(self) -> str:
        looks = [f"site_unreadable {words(self.release, folder)}" for folder in self.folders]
        return "\n".join([*looks, "echo end"])

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "end":
            return None
        return Change(
            f"let nginx read {', '.join(self.folders)}",
            "\n".join(f"site_readable {words(self.release, folder)}" for folder in self.folders),
        )


class Media(Resource):
    """A folder in `shared` where the app writes and nginx reads: of nginx's group, which new files inherit."""

    user: str
    shared: str
    folder: str

    @property
    def _all(self) -> list[str]:
        parts = PurePosixPath(self.folder).parts
        return [str(PurePosixPath(self.shared, *parts[: count + 1])) for count in range(len(parts))]

    def probe(self) -> str:
        return f"stat -c '%a %U %G' -- {words(*self._all)} 2>/dev/null || true"

    def plan(self, fact: str) -> Change | None:
        *parents, last = [line.split() for line in fact.splitlines()] or [[]]
        passable = all(len(parent) == 3 and parent[2] == "www-data" and int(parent[0], 8) & 0o010 for parent in parents)
        if len(parents) + 1 == len(self._all) and passable and last == ["2750", self.user, "www-data"]:
            return None
        shell = f"site_media {words(self.user, self.shared, self.folder)}"
        return Change(f"let nginx read {self.shared}/{self.folder}", shell)


def static(app: Target, release: str) -> Iterator[Static]:
    """What nginx has to read in a release of the app, or in the link to the live one, where anything is set."""
    if app.nginx.static:
        found = [f"{app.root}/{folder}".strip("/") for folder in app.nginx.static.values()]
        yield Static(release, tuple(dict.fromkeys(found)))
