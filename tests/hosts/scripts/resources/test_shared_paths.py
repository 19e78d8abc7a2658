"""Files and folders of a release that all releases share: links to the folder `shared`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from selvedge.resources.code.shared import SharedPaths
from tests.hosts.scripts.server import Server

RELEASE, SHARED = "/srv/hello/releases/aaaaaaaaaaaa", "/srv/hello/shared"


@pytest.fixture(autouse=True)
def folders(server: Server) -> None:
    server.path(RELEASE).mkdir(parents=True)
    server.path(SHARED).mkdir()
    # daemon is a user of this machine who has no rights.
    for path in ("/srv", "/srv/hello", "/srv/hello/releases", RELEASE):
        server.path(path).chmod(0o755)
    os.chown(server.path(SHARED), 1, 1)


def shares(*paths: str, root: str = "") -> SharedPaths:
    return SharedPaths(RELEASE, f"{RELEASE}/{root}".rstrip("/"), SHARED, paths, "daemon")


def owner(path: Path) -> int:
    return path.lstat().st_uid


def test_paths_of_no_release_are_created(server: Server) -> None:
    """A name with a dot is a file, which the app creates, unless it ends with a slash."""
    server.make(shares("uploads", "data/blog.db", "conf.d/", "a/b/c"))
    release, shared = server.path(RELEASE), server.path(SHARED)
    for path in ("uploads", "data/blog.db", "conf.d", "a/b/c"):
        assert str((release / path).readlink()) == f"{SHARED}/{path}"
        assert owner(release / path) == 0
    assert sorted(path.name for path in shared.iterdir()) == ["a", "conf.d", "data", "uploads"]
    assert not list((shared / "data").iterdir())
    assert {owner(path) for path in shared.rglob("*")} == {1}
    assert {path.stat().st_mode & 0o777 for path in shared.rglob("*")} == {0o750}


def test_content_of_the_repository_is_copied_at_the_first_use_only(server: Server) -> None:
    release, shared = server.path(RELEASE), server.path(SHARED)
    (release / "uploads/sub").mkdir(parents=True)
    (release / "uploads/sub/first.txt").write_text("of the repository")
    (release / "seed.db").write_text("seed")
    server.make(shares("uploads", "seed.db"))
    assert (shared / "uploads/sub/first.txt").read_text() == "of the repository"
    assert (shared / "seed.db").read_text() == "seed"
    assert owner(shared / "uploads/sub/first.txt") == owner(shared / "seed.db") == 1
    (shared / "seed.db").write_text("written by the app")
    following = RELEASE.replace("aaaaaaaaaaaa", "bbbbbbbbbbbb")
    server.path(following).mkdir()
    (server.path(following) / "seed.db").write_text("seed 2")
    server.make(SharedPaths(following, following, SHARED, ("seed.db",), "daemon"))
    assert (server.path(following) / "seed.db").is_symlink()
    assert (shared / "seed.db").read_text() == "written by the app"


def test_a_path_in_the_apps_folder(server: Server) -> None:
    (server.path(RELEASE) / "backend").mkdir()
    server.make(shares("logs", root="backend"))
    assert str((server.path(RELEASE) / "backend/logs").readlink()) == f"{SHARED}/logs"


def test_a_link_in_the_repository_that_leads_out_of_it_is_refused(server: Server) -> None:
    (server.path(RELEASE) / "var").symlink_to("/etc")
    before = server.tree("/etc")
    done = server.apply(server.plan(shares("var/uploads")))
    assert "leads out of the repository by a symbolic link" in done.error
    assert server.tree("/etc") == before


def test_root_follows_no_link_that_the_app_has_put_into_shared(server: Server) -> None:
    """It would create or change files elsewhere with root's rights."""
    (server.path(SHARED) / "data").symlink_to("/etc")
    before = server.tree("/etc")
    done = server.apply(server.plan(shares("data/new/x.db")))
    assert "as the user daemon" in done.error and "Permission denied" in done.error
    assert server.tree("/etc") == before


def test_a_root_that_is_not_in_the_commit_is_named(server: Server) -> None:
    assert "The folder nosuch (app.root) is not in this commit" in server.apply(server.plan(shares("x", root="nosuch"))).error
