"""Folders of this machine that go along with a release: what is in them, what is left out, and what is refused."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.release import preconditions
from selvedge.resources.code.carried import CarriedFiles, content, pack

DIST = ("frontend/dist",)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    dist = tmp_path / "frontend/dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<h1>1</h1>\n")
    (dist / "assets/it's ü.js").write_text("1;\n")
    (dist / "latest.js").symlink_to("assets/it's ü.js")
    return tmp_path


def names(base: Path, carried: tuple[str, ...] = DIST) -> list[str]:
    with tarfile.open(pack(base, carried).path) as archive:
        return archive.getnames()


def test_the_archive_has_files_folders_and_links(base: Path) -> None:
    packed = pack(base, DIST)
    assert (packed.files, packed.size, packed.left_out) == (2, 14, ())
    assert names(base) == [
        "frontend/dist", "frontend/dist/assets", "frontend/dist/assets/it's ü.js", "frontend/dist/index.html",
        "frontend/dist/latest.js",
    ]  # fmt: skip


def change(base: Path, what: str) -> None:
    index = base / "frontend/dist/index.html"
    if what == "content":
        index.write_text("<h1>2</h1>\n")
    elif what == "a name":
        index.rename(index.with_name("index.htm"))
    elif what == "a link":
        (base / "frontend/dist/latest.js").unlink()
        (base / "frontend/dist/latest.js").symlink_to("index.html")
    elif what == "the right to execute":
        index.chmod(0o755)
    elif what == "an empty folder":
        (base / "frontend/dist/empty").mkdir()


@pytest.mark.parametrize("what", ["content", "a name", "a link", "the right to execute", "an empty folder"])
def test_each_change_is_another_content(base: Path, what: str) -> None:
    before = content(base, DIST)
    change(base, what)
    assert content(base, DIST) != before


def test_times_owners_and_other_modes_are_no_content(base: Path) -> None:
    before = content(base, DIST)
    os.utime(base / "frontend/dist/index.html", (1, 1))
    (base / "frontend/dist/index.html").chmod(0o600)
    assert content(base, DIST) == before == pack(base, DIST).sha256


def test_secrets_are_left_out_and_named(base: Path) -> None:
    dist = base / "frontend/dist"
    for name in (".env", ".env.local", "server.key", "assets/id_rsa", ".npmrc"):
        (dist / name).write_text("SECRET")
    (dist / ".git").mkdir()
    (dist / ".git/config").write_text("SECRET")
    (dist / ".well-known").mkdir()
    (dist / ".well-known/security.txt").write_text("x")
    packed = pack(base, DIST)
    assert b"SECRET" not in gzip.decompress(packed.path.read_bytes())
    assert "frontend/dist/.well-known/security.txt" in names(base)
    change_ = CarriedFiles("/srv/hello/releases/x", "hello", base, DIST, packed.sha256)
    planned = change_.plan(change_.complete(""))
    assert planned and planned.summary == (
        "carry frontend/dist (3 files, 0.0 kB; left out: frontend/dist/.env, frontend/dist/.env.local, frontend/dist/.git, "
        "frontend/dist/.npmrc, frontend/dist/assets/id_rsa…)"
    )


KEY = f"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n{'SECRET' * 9}\n"


def test_a_private_key_is_left_out_whatever_its_name(base: Path) -> None:
    (base / "frontend/dist/notes.txt").write_text(KEY)
    (base / "frontend/dist/assets/Backup.P12").write_bytes(b"SECRET")
    (base / "frontend/dist/library.js").write_text(f"const example = `{KEY}`;\n".replace("SECRET", "public"))
    packed = pack(base, DIST)
    assert packed.left_out == ("frontend/dist/assets/Backup.P12", "frontend/dist/notes.txt")
    assert b"SECRET" not in gzip.decompress(packed.path.read_bytes()) and "frontend/dist/library.js" in names(base)


def test_a_private_key_that_is_carried_by_name_is_refused(base: Path, target: Callable[..., Target]) -> None:
    (base / "jwt").write_text(KEY)
    with pytest.raises(ConfigError) as error:
        preconditions.repository(target(carry=["jwt"]))
    assert "jwt is a private key" in error.value.problem and "app.env_file" in error.value.remedy


def spoil(base: Path, what: str) -> None:
    dist = base / "frontend/dist"
    if what == "missing":
        dist.rename(base / "other")
    elif what == "empty":
        dist.rename(base / "other")
        (dist / "folder").mkdir(parents=True)
    elif what == "absolute link":
        (dist / "passwd").symlink_to("/etc/passwd")
    elif what == "link out":
        (dist / "assets/main.py").symlink_to("../../../main.py")
    elif what == "folder is a link":
        dist.rename(base / "other")
        dist.symlink_to("../other")
    elif what == "above is a link":
        (base / "frontend").rename(base / "web")
        (base / "frontend").symlink_to("web")
    elif what == "fifo":
        os.mkfifo(dist / "fifo")


@pytest.mark.parametrize(
    ("what", "problem", "remedy"),
    [
        ("missing", "does not exist", "local: npm run build"),
        ("empty", "has no file in it", "Build it first"),
        ("absolute link", "passwd is a symbolic link out of frontend/dist, to /etc/passwd", "cp -rL"),
        ("link out", "main.py is a symbolic link out of frontend/dist, to ../../../main.py", "cp -rL"),
        ("folder is a link", "is reached over a symbolic link", "List the folder itself"),
        ("above is a link", "is reached over a symbolic link", "List the folder itself"),
        ("fifo", "is neither a file nor a folder", "Delete it"),
    ],
)
def test_what_cannot_be_carried_is_refused_before_a_server_is_contacted(
    base: Path, target: Callable[..., Target], what: str, problem: str, remedy: str
) -> None:
    spoil(base, what)
    app = target(carry=list(DIST))
    with pytest.raises(ConfigError) as error:
        preconditions.repository(app)
    assert error.value.key == "app.carry" and problem in error.value.problem and remedy in error.value.remedy, error.value


def test_a_folder_that_a_hook_makes_may_be_missing_before(base: Path, target: Callable[..., Target]) -> None:
    spoil(base, "missing")
    made = {"before_build": ["local: npm run build"]}
    preconditions.repository(target(carry=list(DIST), hooks=made))
    with pytest.raises(ConfigError, match="does not exist"):
        preconditions.repository(target(carry=list(DIST), hooks={"before_build": ["npm run build"]}))


def test_a_folder_that_changes_during_the_run_is_refused(base: Path) -> None:
    before = content(base, DIST)
    change(base, "content")
    with pytest.raises(SelvedgeError, match="has changed since this run began"):
        pack(base, DIST, before)
    sha256 = pack(base, DIST).sha256
    change(base, "a name")
    assert pack(base, DIST, sha256).sha256 == sha256, "what a host's own hook made is kept for that host"


def test_several_folders_and_files(base: Path) -> None:
    (base / "model.bin").write_bytes(b"x")
    assert names(base, ("model.bin", "frontend/dist"))[:2] == ["model.bin", "frontend/dist"]


def test_the_release_is_named_by_the_content_and_by_what_makes_it(target: Callable[..., Target]) -> None:
    def name(carried: str, **tables: Any) -> str:
        app = target(carry=["dist"], **tables)
        app = app.releasing(app.release.__class__(commit="a" * 40, carried=carried))
        return app.paths.release(app.commit)

    first = name("1" * 64)
    assert first.startswith("/srv/hello/releases/aaaaaaaaaaaa-") and len(first) == len("/srv/hello/releases/aaaaaaaaaaaa-123456")
    assert name("2" * 64) != first
    made = [name("1" * 64, hooks={"before_build": [command]}) for command in ("local: make", "local: make all")]
    assert len({first, *made}) == 3
    assert name("1" * 64, hooks={"before_build": ["make"]}) == first
    assert target().paths.release("a" * 40) == "/srv/hello/releases/aaaaaaaaaaaa"
