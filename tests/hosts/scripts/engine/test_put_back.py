"""A step that fails puts back what it changed."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import Any

import pytest

from selvedge.engine.plan import Plan
from selvedge.resources.base import Change
from selvedge.resources.files import Absent, File, Link
from tests.support.plans import MARK, Says, changes


def test_a_failed_step_restores_files_links_and_removed_paths(server: Any) -> None:
    etc = server.path("/etc/app")
    etc.mkdir()
    (etc / "file").write_text("old\n")
    (etc / "file").chmod(0o4711)
    os.chown(etc / "file", 1, 2)
    (etc / "secret").write_text("old secret")
    (etc / "secret").chmod(0o600)
    (etc / "link").symlink_to("old-target")
    (etc / "to-link").write_text("was a file")
    (etc / "removed").write_text("removed\n")
    (etc / "removed-link").symlink_to("/dangling")
    os.mkfifo(etc / "fifo")
    before = {name: (entry[0], entry[1], entry[2], entry[-1]) for name, entry in server.tree("/etc/app").items()}
    planned = server.plan(
        File("/etc/app/file", "new\n"),
        File("/etc/app/secret", "new secret", "0640", secret=True),
        File("/etc/app/file", "newer\n", "0600"),
        File("/etc/app/created", "x\n"),
        File("/etc/app/created-secret", "x\n", secret=True),
        File("/etc/app/folder/below", "x\n"),
        Link("/etc/app/link", "new-target"),
        Link("/etc/app/to-link", "target"),
        Link("/etc/app/created-link", "target"),
        Absent("/etc/app/removed"),
        Absent("/etc/app/removed-link"),
        Absent("/etc/app/fifo"),
        Says("", Change("break", "ls -l /etc/app\nfalse")),
    )
    done = server.apply(planned)
    assert done.status == 1 and "new-target" in done.output
    after = {name: (entry[0], entry[1], entry[2], entry[-1]) for name, entry in server.tree("/etc/app").items()}
    # A folder that was made for a file may stay.
    assert after.pop("etc/app/folder")
    assert after == before
    assert [said for said in done.said if "restored" in said][-1] == "restored /etc/app/file"
    # 12 paths, and the copy of the file that a link replaced.
    assert len(done.said) == 13
    server.assert_clean()
    assert not list(server.path("/run/selvedge").glob("*undo.*"))


def test_a_step_that_succeeds_keeps_no_copies(server: Any) -> None:
    server.path("/etc/secret").write_text("the old secret")
    server.path("/etc/secret").chmod(0o640)
    server.make(File("/etc/secret", "the new secret", "0600", secret=True))
    folders = [server.path("/run"), server.path("/var")]
    kept = subprocess.run(["grep", "-r", "-l", "secret", *folders], capture_output=True, check=False)
    assert kept.stdout == b""


def test_a_file_that_cannot_be_restored_is_kept_and_named(server: Any) -> None:
    server.path("/etc/app").mkdir()
    server.path("/etc/app/file").write_text("precious\n")
    planned = changes(
        server.plan(File("/etc/app/file", "new\n")).changes[0][1],
        "mount -n --bind /etc/app /etc/app\nmount -n -o remount,bind,ro /etc/app\nfalse",
    )
    done = server.apply(planned)
    assert done.status == 1
    (said,) = done.said
    assert said.startswith("could not restore /etc/app/file; its previous content is in /run/selvedge/hello.undo.")
    kept = said.partition(" is in ")[2].partition(" ")[0]
    assert server.path(kept).read_text() == "precious\n"
    assert stat.S_IMODE(server.path(kept).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("secret", [False, True])
def test_a_full_disk_leaves_the_old_file(server: Any, secret: bool) -> None:
    full = "mount -n -t tmpfs -o size=64k tmpfs /srv\necho precious >/srv/file\n"
    planned = Plan([(resource, resource.plan("file 644 root root\nother\n")) for resource in (
        File("/srv/small", "x\n"), File("/srv/file", "0123456789abcde\n" * 12_800, secret=secret))])  # fmt: skip
    done = server.apply(planned, before=full, after="echo; ls -A /srv; cat /srv/file")
    assert done.status == 1
    assert done.error.startswith("Could not write /srv/file: No space left on device (free space: ")
    assert done.output.partition(f"{MARK} end 1\n")[2] == "\nfile\nprecious\n"


def test_a_read_only_disk_is_named(server: Any) -> None:
    done = server.apply(server.plan(File("/usr/local/nothing", "x\n")))
    assert done.status == 1 and done.error.startswith("Could not write /usr/local/nothing: Read-only file system (free space: ")
