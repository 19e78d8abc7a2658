"""Directories, links, removed paths, and paths that an earlier step makes."""

from __future__ import annotations

import os
import stat
from typing import Any

from selvedge.resources.files import Absent, Directory, File, Link
from selvedge.resources.need import Needs
from tests.hosts.scripts.resources.modes import mode
from tests.support.plans import summaries


def test_the_mode_of_a_directory(server: Any) -> None:
    cases = [(0o755, "0700"), (0o2755, "0755"), (0o1777, "0711"), (0o700, "2750"), (0o755, "0755")]
    for number, (standing, _) in enumerate(cases):
        server.path(f"/srv/{number}").mkdir()
        server.path(f"/srv/{number}").chmod(standing)
    server.make(*[Directory(f"/srv/{number}", wanted) for number, (_, wanted) in enumerate(cases)])
    for number, (_, wanted) in enumerate(cases):
        assert stat.S_IMODE(server.path(f"/srv/{number}").stat().st_mode) == int(wanted, 8)


def test_a_directory_in_a_set_group_id_directory(server: Any) -> None:
    parent = server.path("/srv/app")
    parent.mkdir()
    parent.chmod(0o2755)
    server.make(Directory("/srv/app/folder", "0750"), Directory("/srv/app/a/b/c", "0711"))
    assert mode(parent / "folder") == "0o750" and mode(parent / "a/b/c") == "0o711"


def test_root_owns_the_parents_of_a_directory(server: Any) -> None:
    server.make(Directory("/srv/a/b/c", "0700", owner="daemon", group="daemon"))
    assert mode(server.path("/srv/a/b")) == "0o755" and server.path("/srv/a/b").owner() == "root"


def test_a_file_or_link_is_not_replaced_by_a_directory(server: Any) -> None:
    server.path("/srv/file").write_text("mine")
    server.path("/srv/link").symlink_to("/srv")
    server.path("/srv/dangling").symlink_to("/nowhere")
    before = server.tree("/srv")
    for path in ("/srv/file", "/srv/link", "/srv/dangling"):
        done = server.apply(server.plan(Directory(path)))
        assert done.status == 1 and done.error == f"{path} is not a directory, but Selvedge needs a directory at this path."
    assert server.tree("/srv") == before


def test_a_link(server: Any) -> None:
    targets = ["/etc/target", "../relative", "with space", "it's $(id)", "-f", "部署", " spaces ", "%s\\n"]
    links = [Link(f"/etc/sites/{number}", to) for number, to in enumerate(targets)]

    def assert_made() -> None:
        server.make(*links)
        assert [str(server.path(link.path).readlink()) for link in links] == targets

    assert_made()
    for link in links:
        server.path(link.path).unlink()
        server.path(link.path).write_text("a file")
    assert_made()
    for link in links:
        server.path(link.path).unlink()
        server.path(link.path).symlink_to("elsewhere")
    assert_made()
    assert not server.plan(*links)


def test_files_and_links_are_removed(server: Any) -> None:
    server.path("/etc/folder").mkdir()
    os.mkfifo(server.path("/etc/fifo"))
    server.path("/etc/file").write_text("x")
    server.path("/etc/dangling").symlink_to("/nowhere")
    server.path("/etc/link").symlink_to("/etc/folder")
    gone = [Absent(f"/etc/{name}") for name in ("nothing", "fifo", "file", "dangling", "link")]
    assert summaries(server.make(*gone)) == [f"remove {resource.path}" for resource in gone[1:]]
    assert not any(os.path.lexists(server.path(resource.path)) for resource in gone)
    assert server.path("/etc/folder").is_dir()


def test_a_missing_path_of_an_earlier_step_stops_the_step(server: Any) -> None:
    need = Needs("/srv/hello/it's there", "clone")
    done = server.apply(server.plan(need, File("/etc/after", "")))
    assert done.status == 1
    assert done.error == "/srv/hello/it's there is missing."
    assert not server.path("/etc/after").exists()
    server.path("/srv/hello").mkdir()
    server.path("/srv/hello/it's there").touch()
    assert not server.plan(need)
