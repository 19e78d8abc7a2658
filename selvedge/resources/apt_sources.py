"""The text of apt's source files (sources.list(5)), both formats: one line an entry, and deb822.

An entry whose address is replaced gets a comment with the former one above it, so that the file itself says how to undo that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from selvedge.value import Value

NOTE = "# mirrors.apt in hosts.toml replaces "
"""The beginning of the comment; the former addresses follow, separated by spaces."""
_COMPONENTS = {"main", "contrib", "non-free", "non-free-firmware", "restricted", "universe", "multiverse"}
_POCKETS = ("", "-updates", "-security", "/updates", "-backports", "-backports-sloppy", "-proposed", "-proposed-updates")
_ALIASES = ("stable", "oldstable", "oldoldstable")
_LINE = re.compile(r"(?P<head>\s*deb(?:-src)?\s+(?:\[(?P<options>[^\]]*)\]\s+)?)(?P<uris>\S+)(?P<tail>\s.*)")
_FIELD = re.compile(r"(?P<head>(?P<name>[\w-]+):\s*)(?P<value>.*?)\s*")
_SCHEMES = {"http", "https", "ftp", "mirror+file", "mirror+http", "mirror+https"}
# apt-pkg/contrib/strutl.cc, URItoFileName.
_QUOTED = re.compile(r'[\\|{}\[\]<>"^~_=!@#$%&*]')


class Entry(Value):
    """An entry. first, last: the numbers of the lines with its addresses; head, tail: what is around them there."""

    first: int
    last: int
    head: str
    tail: str
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str


class System(Value):
    """A server's distribution: "debian" or "ubuntu", its codename, its architecture, the Origin of each fetched list by name."""

    name: str
    codename: str
    architecture: str
    origins: Mapping[str, str]

    def folder(self, suites: Sequence[str]) -> str:
        """Return the folder of a mirror site that has these suites, "" if none has them all."""
        if self.name == "ubuntu":
            return "ubuntu" if self.architecture in ("amd64", "i386") else "ubuntu-ports"
        security = {suite.endswith(("-security", "/updates")) for suite in suites}
        return "" if len(security) != 1 else "debian-security" if security.pop() else "debian"

    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is of the distribution itself: third parties use its names and folders, too."""
        suites = {f"{name}{pocket}" for name in (self.codename, *_ALIASES) for pocket in _POCKETS}
        fits = suites.issuperset(entry.suites) and _COMPONENTS.issuperset(entry.components) and bool(entry.uris)
        if not fits or not self.folder(entry.suites) or not all(urlsplit(uri).scheme in _SCHEMES for uri in entry.uris):
            return False
        known = {self.origins.get(list_name(uri, suite)) for uri in entry.uris for suite in entry.suites} - {None}
        if known:
            return known == {self.name.capitalize()}
        if entry.signed_by:
            return f"{self.name}-archive-" in entry.signed_by
        return all(suite.startswith(self.codename) for suite in entry.suites) and all(map(self._is_usual, entry.uris))

    def _is_usual(self, uri: str) -> bool:
        """Return whether the address has the usual path of an archive. Third parties have theirs deeper, as /linux/debian."""
        path = urlsplit(uri).path.rstrip("/")
        if uri.startswith("mirror+file:"):
            path = f"/{path.rpartition('/')[2].removesuffix('.list')}"
        return path in {"/debian", "/debian-security"} if self.name == "debian" else path in {"/ubuntu", "/ubuntu-ports"}


def list_name(uri: str, suite: str) -> str:
    """Return the name of the file in /var/lib/apt/lists with the release file of a suite, without its last part."""
    parts = urlsplit(uri)
    place = f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/dists/{suite}"
    return _QUOTED.sub(lambda found: f"%{ord(found[0]):02x}", place).replace("/", "_")


def entries(path: str, lines: Sequence[str]) -> Iterator[Entry]:
    """Yield the entries of a file that are turned on; those that apt could not read are left out."""
    if path.endswith(".sources"):
        yield from _stanzas(lines)
        return
    for number, line in enumerate(lines):
        found = _LINE.fullmatch(line)
        if found:
            suite, *components = found["tail"].partition("#")[0].split() or [""]
            options = dict(option.partition("=")[::2] for option in (found["options"] or "").split())
            signed_by = options.get("signed-by", "")
            around = (number, number, found["head"], found["tail"])
            yield Entry(*around, (found["uris"],), (suite,), tuple(components), signed_by)


def _stanzas(lines: Sequence[str]) -> Iterator[Entry]:
    fields: dict[str, tuple[int, int, str, str]] = {}
    name = ""
    for number, line in enumerate([*lines, ""]):
        found = _FIELD.fullmatch(line)
        if found:
            name = found["name"].lower()
            fields[name] = (number, number, found["head"], found["value"])
        elif line[:1] in (" ", "\t") and line.strip() and name:
            first, _, head, value = fields[name]
            fields[name] = (first, number, head, f"{value} {line.strip()}".strip())
        elif not line.strip():
            values = {key: field[3] for key, field in fields.items()}
            if "uris" in fields and values.get("enabled", "yes").lower() not in ("no", "false", "without", "off", "disable"):
                uris, suites, components = (tuple(values.get(key, "").split()) for key in ("uris", "suites", "components"))
                yield Entry(*fields["uris"][:3], "", uris, suites, components, values.get("signed-by", ""))
            fields, name = {}, ""


def mirrored(path: str, text: str, system: System, mirror: str) -> tuple[str, int]:
    """Return the text of a file with the mirror in place of the distribution's addresses, and the number of such entries."""
    lines = text.split("\n")
    count = 0
    for entry in reversed(list(entries(path, lines))):
        target = f"{mirror}/{system.folder(entry.suites)}"
        noted = _note(lines, entry)
        there = [uri.rstrip("/") for uri in entry.uris] == [target]
        if noted or there or system.owns(entry):
            count += 1
            if not there:
                note = [] if noted else [f"{NOTE}{' '.join(entry.uris)}"]
                lines[entry.first : entry.last + 1] = [*note, f"{entry.head}{target}{entry.tail}"]
    return "\n".join(lines), count


def restored(path: str, text: str) -> str:
    """Return the text of a file with the former addresses."""
    lines = text.split("\n")
    for entry in reversed(list(entries(path, lines))):
        noted = _note(lines, entry)
        if noted:
            lines[entry.first - 1 : entry.last + 1] = [f"{entry.head}{noted}{entry.tail}"]
    return "\n".join(lines)


def _note(lines: Sequence[str], entry: Entry) -> str:
    """Return the former addresses of an entry, "" if it has its own."""
    above = lines[entry.first - 1] if entry.first else ""
    return above.removeprefix(NOTE).strip() if above.startswith(NOTE) else ""
