"""Files, directories, links, and paths that must be absent."""

from __future__ import annotations

import hashlib
import re

import pytest

from selvedge.errors import SelvedgeError
from selvedge.resources.base import Resource
from selvedge.resources.files import Absent, Directory, File, FileValues, Link
from tests.support.tables import check, table

SUM = hashlib.sha256(b"text\n").hexdigest()
SITE = File("/etc/app/site", "text\n")
SECRET = File("/etc/app/env", "text\n", "0600", secret=True)
CHECKED = File("/etc/sudoers.d/x", "text\n", "0440", validate="visudo -cqf")
NO_LINE_END = File("/etc/app/id", "text")
GROUP = Directory("/srv/app", "0750", group="daemon")
CURRENT = Link("/srv/app/current", "releases/1")
NOTHING = Absent("/etc/app/old")
ROUNDS = FileValues("/etc/login.defs", (("ROUNDS", "65536"), ("COST", "8")), if_contains="COST")


@table(
    (SITE, f"file 644 root root\n{SUM}\n", None),
    (SITE, "absent\n", "create /etc/app/site", "file_put /etc/app/site 0644 root root <<'EOF'\ntext\nEOF"),
    (SITE, "file 644 root root\nanother\nold\n", "write /etc/app/site", "file_put /etc/app/site 0644 root root <<'EOF'\ntext\nEOF"),
    (SITE, "link /elsewhere\n", "write /etc/app/site", "file_put /etc/app/site 0644 root root <<'EOF'"),
    (SITE, f"file 600 root root\n{SUM}\n", "set the mode of /etc/app/site to 0644 and its owner to root:root",
     "chown -h -- root:root /etc/app/site\nchmod -- 0644 /etc/app/site"),
    (SITE, f"file 644 daemon root\n{SUM}\n", "set the mode of /etc/app/site to 0644 and its owner to root:root",
     "chown -h -- root:root /etc/app/site"),
    (SITE, "directory 755 root root\n", "write /etc/app/site",
     "step_fail '/etc/app/site is a directory, but Selvedge needs a file at this path.'"),
    (NO_LINE_END, "absent\n", "create /etc/app/id", "printf '%s' text | file_put /etc/app/id 0644 root root"),
    (SECRET, f"file 600 root root\n{SUM}\n", None),
    (SECRET, "absent\n", "create /etc/app/env", "head -c 5 <&3 | file_put /etc/app/env 0600 root root 5"),
    (CHECKED, "absent\n", "create /etc/sudoers.d/x",
     "file_put /etc/sudoers.d/x 0440 root root <<'EOF'\nvisudo -cqf /etc/sudoers.d/x"),
)  # fmt: skip
def test_file(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@table(
    (GROUP, "directory 750 root daemon\n", None),
    (GROUP, "absent\n", "create /srv/app/", "install -d -m 00750 -o root -g daemon -- /srv/app"),
    (GROUP, "directory 755 root root\n", "set the mode of /srv/app to 0750 and its owner to root:daemon",
     "chown -- root:daemon /srv/app\nchmod -- 00750 /srv/app"),
    (GROUP, "directory 2750 root daemon\n", "set the mode of /srv/app to 0750 and its owner to root:daemon",
     "chmod -- 00750 /srv/app"),
    (GROUP, "file 644 root root\n", "create /srv/app/",
     "step_fail '/srv/app is not a directory, but Selvedge needs a directory at this path.'"),
    (GROUP, "link /elsewhere\n", "create /srv/app/", "step_fail '/srv/app is not a directory, …"),
)  # fmt: skip
def test_directory(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


REPLACED = "replace the file /srv/app/current with a link -> releases/1, and keep a copy"
MOVED_INTO_PLACE = "file_link /srv/app/current releases/1"


@table(
    (CURRENT, "link releases/1\n", None),
    (CURRENT, "absent\n", "link /srv/app/current -> releases/1", MOVED_INTO_PLACE),
    (CURRENT, "link releases/0\n", "link /srv/app/current -> releases/1", MOVED_INTO_PLACE),
    (CURRENT, "file 644 root root\n", REPLACED, MOVED_INTO_PLACE),
    (CURRENT, "directory 755 root root\n", "link /srv/app/current -> releases/1",
     "step_fail '/srv/app/current is a directory, but Selvedge needs a link at this path.'"),
)  # fmt: skip
def test_link(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@table(
    (NOTHING, "absent\n", None),
    (NOTHING, "file 644 root root\n", "remove /etc/app/old", "file_remove /etc/app/old"),
    (NOTHING, "link /nowhere\n", "remove /etc/app/old", "file_remove /etc/app/old"),
    (NOTHING, "directory 755 root root\n", "remove /etc/app/old",
     "step_fail '/etc/app/old is a directory, but Selvedge needs nothing at this path.'"),
)  # fmt: skip
def test_absent(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n"


@pytest.mark.parametrize("fact", ["absent\n", "file 644 root root\nanother\nold\n", f"file 644 root root\nanother\n{KEY}"])
def test_a_private_key_is_written_to_no_file_that_is_shown(fact: str) -> None:
    with pytest.raises(SelvedgeError) as caught:
        File("/etc/app/site", f"listen 80;\n{KEY}more\n").plan(fact)
    assert re.match("Cannot (create|write) /etc/app/site: the text has a private key in it", caught.value.message)
    assert "hunter2" not in str(caught.value) and "secret=True" in caught.value.remedy
    planned = File("/etc/app/key", KEY, "0600", secret=True).plan(fact)
    assert planned and not planned.diff and b"hunter2" in planned.payload  # type: ignore[operator]


def test_a_private_key_that_the_server_has_in_a_file_is_not_shown() -> None:
    planned = SITE.plan(f"file 644 root root\nanother\n{KEY}")
    assert planned and "hunter2" not in planned.diff and "is not shown" in planned.diff


SET = "set ROUNDS, COST in /etc/login.defs"


@table(
    (ROUNDS, "", None),
    (ROUNDS, "ROUNDS 1\n", None),
    (ROUNDS, "ROUNDS 65536\nCOST 8\n", None),
    (ROUNDS, "# COST 5\n", SET, "file_set_lines /etc/login.defs …\nROUNDS 65536\nCOST 8\nEOF"),
    (ROUNDS, "ROUNDS 65536\nCOST 9\n", SET, "ROUNDS 65536\nCOST 8"),
    (ROUNDS, "ROUNDS 65536\nCOST 8\nROUNDS 1\n", SET, "ROUNDS 65536\nCOST 8"),
)
def test_entries(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """A program that does not know COST gets neither."""
    check(resource, fact, summary, shell)


def test_the_identity_of_a_resource_hashes_its_whole_desired_state() -> None:
    base = File("/etc/x", "text\n")
    others = [
        File("/etc/y", "text\n"),
        File("/etc/x", "other\n"),
        File("/etc/x", "text\n", "0600"),
        File("/etc/x", "text\n", owner="daemon"),
        File("/etc/x", "text\n", group="daemon"),
        Absent("/etc/x"),
        Link("/etc/x", "text\n"),
    ]
    assert len({resource.identity() for resource in [base, *others]}) == 1 + len(others)
    assert base.identity() == File("/etc/x", "text\n").identity()
