"""The mirror of Debian's or Ubuntu's archive in apt's source files."""

from __future__ import annotations

import base64
import re

from selvedge.resources import apt_sources
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import diff
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words


class AptMirror(Resource):
    """apt fetches the distribution's own packages from the mirror site `url`; with "" from where it did before Selvedge.

    url: the address that has the folders debian, debian-security, ubuntu and ubuntu-ports in it.
    """

    url: str

    def probe(self) -> str:
        return f"aptmirror_fact {quote(apt_sources.NOTE)} {quote(self.url)}"

    def plan(self, fact: str) -> Change | None:
        system, files = _read(fact)
        changed: dict[str, tuple[str, ...]] = {}
        count = 0
        for path, (text, *access) in files.items():
            new, own = apt_sources.mirrored(path, text, system, self.url) if self.url else (apt_sources.restored(path, text), 0)
            count += own
            if new != text:
                changed[path] = (text, new, *access)
        if self.url and not count:
            return self._refused(system)
        return self._change(changed) if changed else None

    def _refused(self, system: apt_sources.System) -> Change:
        name = f"{system.name.capitalize()} {system.codename}".strip()
        problem = f"No entry for {name} was found in /etc/apt/sources.list and /etc/apt/sources.list.d, so apt cannot use a mirror."
        remedy = "Add the entries to a file there, or leave this server's files as they are: set apt = \"\" under [mirrors]."
        return Change.refused(self._summary([]), problem, remedy=remedy)

    def _summary(self, paths: list[str]) -> str:
        places = f" in {', '.join(paths)}" if paths else ""
        return f"set the mirror {self.url} for apt{places}" if self.url else f"restore the addresses for apt{places}"

    def _change(self, changed: dict[str, tuple[str, ...]]) -> Change:
        """Return the change of these files: path → old text, new text, mode, owner, group.

        Their text travels as a payload: other entries may have passwords in their addresses.
        """
        shell, payload, shown = [call("aptmirror_trust", self.url)], b"", []
        for path, (old, new, *access) in changed.items():
            data = new.encode("utf-8", "surrogateescape")
            shell.append(f"head -c {len(data)} <&3 | aptmirror_put {words(path, *access)} {len(data)}")
            payload += data
            shown.append(diff(path, _plain(old), _plain(new)))
        remedy = f"Set another mirror under [mirrors] in hosts.toml, or {_LEAVE}." if self.url else ""
        return Change(self._summary(list(changed)), "\n".join(shell), diff="\n".join(shown), payload=payload, remedy=remedy)


_LEAVE = 'apt = "" to leave the server\'s files as they are'


def mirror_remedy(url: str) -> str:
    """Return what to do if apt cannot fetch from the mirror."""
    return f"If {url} does not work from this server, set another mirror under [mirrors] in hosts.toml, or {_LEAVE}."


def _plain(text: str) -> str:
    return re.sub(r"://[^/@\s]*@", "://", text)


def _read(fact: str) -> tuple[apt_sources.System, dict[str, list[str]]]:
    """Return the system, and the files: path → text, mode, owner, group."""
    origins: dict[str, str] = {}
    files: dict[str, list[str]] = {}
    system = apt_sources.System("", "", "", origins)
    for line in fact.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "system":
            name, codename, architecture = rest.split(" ")
            system = apt_sources.System(name, codename, architecture, origins)
        elif kind == "file":
            path, *access, content = rest.split(" ")
            files[path] = [base64.b64decode(content).decode("utf-8", "surrogateescape"), *access]
        elif kind == "origin":
            path, _, origin = rest.partition(":Origin: ")
            origins[re.sub(r"^.*/|_(In)?Release$", "", path)] = origin.strip()
    return system, files
