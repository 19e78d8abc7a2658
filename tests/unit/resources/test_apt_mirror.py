"""The mirror in apt's source files: which entries get it, and how they get back what they had."""

from __future__ import annotations

import base64

import pytest

from selvedge.resources.apt_mirror import AptMirror
from selvedge.resources.apt_sources import NOTE, System, list_name, mirrored, restored

MIRROR = "https://mirror.example.com"
DEBIAN = System("debian", "bookworm", "amd64", {})
NOBLE = System("ubuntu", "noble", "amd64", {})
PORTS = System("ubuntu", "noble", "arm64", {})
KEYS = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
LIST, STANZAS = "/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"


@pytest.mark.parametrize(
    ("system", "line", "now"),
    [
        (DEBIAN, "deb http://old.example.org/debian bookworm main", "deb MIRROR/debian bookworm main"),
        (DEBIAN, "deb http://old.example.org/debian/ bookworm main contrib # a", "deb MIRROR/debian bookworm main contrib # a"),
        (DEBIAN, "deb-src [arch=amd64]  ftp://a.example.org/debian bookworm-updates main",
         "deb-src [arch=amd64]  MIRROR/debian bookworm-updates main"),
        (DEBIAN, "deb http://s.example.org/debian-security bookworm-security main",
         "deb MIRROR/debian-security bookworm-security main"),
        (DEBIAN, f"deb {KEYS} http://s.example.org/ bookworm/updates main",
         f"deb {KEYS} MIRROR/debian-security bookworm/updates main"),
        (DEBIAN, f"deb {KEYS} https://cloud.example.org/debian/packages bookworm main", f"deb {KEYS} MIRROR/debian bookworm main"),
        (DEBIAN, f"deb {KEYS} http://a.example.org/debian stable main", f"deb {KEYS} MIRROR/debian stable main"),
        (DEBIAN, "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main", "deb MIRROR/debian bookworm main"),
        (NOBLE, "deb http://a.example.org/ubuntu noble-security main universe", "deb MIRROR/ubuntu noble-security main universe"),
        (PORTS, "deb http://p.example.org/ubuntu-ports noble-updates main", "deb MIRROR/ubuntu-ports noble-updates main"),
    ],
)  # fmt: skip
def test_an_entry_of_the_distribution_gets_the_mirror_and_a_note(system: System, line: str, now: str) -> None:
    before = f"# a comment\n{line}\n\n"
    after, count = mirrored(LIST, before, system, MIRROR)
    note, changed = after.splitlines()[1:3]
    assert (count, changed) == (1, now.replace("MIRROR", MIRROR))
    assert note.startswith(NOTE) and note.removeprefix(NOTE) in line
    assert mirrored(LIST, after, system, MIRROR) == (after, 1), "a second time changes nothing"
    assert restored(LIST, after) == before
    other, _ = mirrored(LIST, after, system, "http://other.example.com")
    assert "http://other.example.com/" in other and other.count(NOTE) == 1 and restored(LIST, other) == before


@pytest.mark.parametrize(
    "line",
    [
        "deb https://download.example.com/linux/debian bookworm stable",
        "deb http://repo.example.com/zabbix/6.0/debian bookworm main",
        "deb https://dl.example.com/debian/ stable main",
        "deb [signed-by=/usr/share/keyrings/yarn.gpg] https://dl.example.com/debian bookworm main",
        "deb http://apt.example.com/debian bookworm-pgdg main",
        "deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main",
        "deb file:/srv/debian bookworm main",
        "deb http://a.example.org/debian trixie main",
        "# deb http://a.example.org/debian bookworm main",
        "deb http://a.example.org/debian ./",
        "deb nonsense",
        "",
    ],
)
def test_other_entries_stay(line: str) -> None:
    assert mirrored(LIST, f"{line}\n", DEBIAN, MIRROR) == (f"{line}\n", 0)


def test_the_archive_of_a_person_is_not_ubuntus() -> None:
    line = "deb https://ppa.example.com/deadsnakes/ppa/ubuntu noble main\n"
    assert mirrored(LIST, line, NOBLE, MIRROR) == (line, 0)


@pytest.mark.parametrize(("origin", "count"), [("Debian", 1), ("Zabbix", 0)])
def test_the_origin_in_a_fetched_list_decides(origin: str, count: int) -> None:
    name = list_name("http://me:pw@a.example.org:8085/x~y/debian/", "stable")
    assert name == "a.example.org:8085_x%7ey_debian_dists_stable"
    system = System("debian", "bookworm", "amd64", {name: origin})
    assert mirrored(LIST, "deb http://me:pw@a.example.org:8085/x~y/debian/ stable main", system, MIRROR)[1] == count


DEB822 = """\
Types: deb
# snapshot
URIs: http://a.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: yes
Types: deb deb-src
uris: mirror+file:///etc/apt/mirrors/debian-security.list
Suites: bookworm-security
Components: main
"""


def test_a_file_in_deb822() -> None:
    after, count = mirrored(STANZAS, DEB822, DEBIAN, MIRROR)
    assert count == 2
    assert f"# snapshot\n{NOTE}http://a.example.org/debian\nURIs: {MIRROR}/debian\n" in after
    assert f"uris: {MIRROR}/debian-security\n" in after
    assert restored(STANZAS, after) == DEB822
    assert mirrored(STANZAS, after, DEBIAN, MIRROR) == (after, 2)


def test_several_addresses_become_one() -> None:
    text = "Types: deb\nURIs: http://a.example.org/debian\n http://b.example.org/debian\nSuites: bookworm\nComponents: main\n"
    after, count = mirrored(STANZAS, text, DEBIAN, MIRROR)
    assert count == 1 and f"\nURIs: {MIRROR}/debian\nSuites" in after
    assert "URIs: http://a.example.org/debian http://b.example.org/debian\n" in restored(STANZAS, after)


@pytest.mark.parametrize("more", ["Enabled: no\n", "Signed-By: /etc/keys/docker.asc\n", "Signed-By:\n -----BEGIN PGP\n .\n"])
def test_other_stanzas_stay(more: str) -> None:
    text = f"Types: deb\nURIs: http://a.example.org/debian\nSuites: bookworm\nComponents: main\n{more}"
    assert mirrored(STANZAS, text, DEBIAN, MIRROR) == (text, 0)


def test_a_file_without_an_end_of_line_or_with_odd_bytes() -> None:
    text = b"# caf\xe9\ndeb http://a.example.org/debian bookworm main".decode("utf-8", "surrogateescape")
    after, _ = mirrored(LIST, text, DEBIAN, MIRROR)
    assert not after.endswith("\n") and restored(LIST, after) == text


def fact(*files: tuple[str, str], system: str = "system debian bookworm amd64") -> str:
    """Return what the probe prints."""
    lines = [f"file {path} 600 root root {base64.b64encode(text.encode()).decode()}" for path, text in files]
    return "\n".join([*lines, system, "origin /var/lib/apt/lists/x_debian_dists_bookworm_InRelease:Origin: Debian", ""])


def test_the_change_shows_a_diff_without_passwords() -> None:
    text = "deb http://me:hunter2@x.example.com/other stable main\ndeb http://me:hunter2@x.example.com/debian bookworm main\n"
    change = AptMirror(MIRROR).plan(fact((LIST, text)))
    assert change is not None
    assert change.summary == f"set the mirror {MIRROR} for apt in {LIST}"
    assert f"+deb {MIRROR}/debian bookworm main" in change.diff and "-deb http://x.example.com/debian bookworm main" in change.diff
    assert "hunter2" not in change.diff + change.shell + change.summary + change.remedy
    assert isinstance(change.payload, bytes) and b"hunter2" in change.payload
    assert f"aptmirror_put {LIST} 600 root root {len(change.payload)}" in change.shell
    assert AptMirror(MIRROR).plan(fact((LIST, change.payload.decode()))) is None
    back = AptMirror("").plan(fact((LIST, change.payload.decode())))
    assert back is not None and back.payload == text.encode() and back.summary == f"restore the addresses for apt in {LIST}"


def test_without_an_entry_of_the_distribution_a_mirror_is_refused() -> None:
    change = AptMirror(MIRROR).plan(fact((LIST, "deb file:/srv/x ./\n")))
    assert change is not None and "No entry for Debian bookworm was found" in change.shell
    assert 'set apt = "" under [mirrors]' in change.remedy
    assert AptMirror("").plan("") is None


def test_entries_that_name_the_mirror_already_need_nothing() -> None:
    assert AptMirror(f"{MIRROR}/repository").plan(fact((LIST, f"deb {MIRROR}/repository/debian/ bookworm main\n"))) is None
