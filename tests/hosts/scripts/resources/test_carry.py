"""Folders of the user's machine are put into a release."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.code.carried import CarriedFiles, pack
from selvedge.resources.files import Directory
from tests.support.plans import summaries

RELEASE = "/srv/hello/releases/aaaaaaaaaaaa-123456"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    dist = tmp_path / "frontend/dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<h1>new</h1>\n")
    (dist / "assets/it's $(x) ü.js").write_text("1;\n")
    (dist / "run.sh").write_text("#!/bin/sh\n")
    (dist / "run.sh").chmod(0o700)
    (dist / "latest.js").symlink_to("index.html")
    return tmp_path


def carried(base: Path, *paths: str) -> CarriedFiles:
    return CarriedFiles(RELEASE, "daemon", base, paths, pack(base, paths).sha256)


def test_carried_files_are_in_the_release(server: Any, base: Path) -> None:
    began = time.time() - 2
    planned = server.make(Directory("/srv/hello/releases"), Directory(RELEASE, "0751"), carried(base, "frontend/dist"))
    assert summaries(planned)[-1] == "carry frontend/dist (3 files, 0.0 kB)"
    release = server.path(RELEASE)
    assert (release / "frontend/dist/index.html").read_text() == "<h1>new</h1>\n"
    assert (release / "frontend/dist/assets/it's $(x) ü.js").exists()
    assert str((release / "frontend/dist/latest.js").readlink()) == "index.html"
    for path in (release / "frontend").rglob("*"):
        status = path.lstat()
        wanted = 0o751 if path.is_dir() else 0o750 if path.name == "run.sh" else 0o640
        assert (status.st_uid, status.st_gid) == (0, 1), path
        assert path.is_symlink() or stat.S_IMODE(status.st_mode) == wanted, path
    assert (release / "frontend/dist/index.html").stat().st_mtime > began, "the age of a file is part of nginx's ETag"
    assert not (release / ".selvedge-new").exists()


def test_they_replace_what_the_commit_has_there(server: Any, base: Path) -> None:
    server.make(Directory("/srv/hello/releases"), Directory(RELEASE, "0751"))
    dist = server.path(f"{RELEASE}/frontend/dist")
    dist.mkdir(parents=True)
    (dist / ".gitkeep").touch()
    (dist.parent / "package.json").touch()
    server.make(carried(base, "frontend/dist"))
    assert not (dist / ".gitkeep").exists() and (dist / "index.html").exists() and (dist.parent / "package.json").exists()


@pytest.mark.parametrize("link", ["frontend", "frontend/dist"])
def test_a_link_of_the_commit_leads_nothing_out_of_the_release(server: Any, base: Path, link: str) -> None:
    server.make(Directory("/srv/hello/releases"), Directory(RELEASE, "0751"))
    target = server.path("/opt/other")
    (target / "dist").mkdir(parents=True)
    path = server.path(f"{RELEASE}/{link}")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/opt/other")
    before = server.tree("/opt")
    done = server.apply(server.plan(carried(base, "frontend/dist")))
    assert server.tree("/opt") == before
    if link == "frontend":
        assert done.status == 1 and "frontend is a file or a link out of the repository in this commit" in done.error, done
    else:
        assert done.status == 0 and path.is_dir() and not path.is_symlink()


def test_an_incomplete_archive_is_refused_and_sent_again(server: Any, base: Path) -> None:
    server.make(Directory("/srv/hello/releases"), Directory(RELEASE, "0751"))
    planned = server.plan(carried(base, "frontend/dist"))
    whole = planned.changes[0][1].payload.read_bytes()
    done = server.apply(planned, stdin=whole[: len(whole) // 2])
    assert done.error == "The files of app.carry arrived incomplete. Run the same command again.", done
    assert not server.path(f"{RELEASE}/frontend").exists()
    server.make(carried(base, "frontend/dist"))


def test_a_large_file_tells_how_much_has_arrived(server: Any, base: Path) -> None:
    import os

    (base / "model.bin").write_bytes(os.urandom(9_000_000))
    server.make(Directory("/srv/hello/releases"), Directory(RELEASE, "0751"))
    done = server.apply(server.plan(carried(base, "model.bin")))
    assert "wait receiving: 4 of 9 MB" in done.output and "wait receiving: 8 of 9 MB" in done.output, done.output
    assert server.path(f"{RELEASE}/model.bin").read_bytes() == (base / "model.bin").read_bytes()
