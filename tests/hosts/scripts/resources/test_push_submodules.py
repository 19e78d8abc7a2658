"""Submodules and files of Git LFS are pushed with a repository of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.errors import UsageError
from selvedge.resources.base import Resource
from selvedge.resources.code.checkout import Checkout
from selvedge.resources.code.large_files import large_files
from selvedge.resources.code.pushed import PushedCommit, PushedLargeFiles
from selvedge.resources.code.submodules import parts
from tests.hosts.scripts.resources.repository import commit, git, places
from tests.support.plans import summaries

REPO = "/srv/hello/repo.git"
CONTENT = b"\x00large" * 20_000
OID = hashlib.sha256(CONTENT).hexdigest()


def make(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    commit(folder)
    return folder


def pushed(source: Path, sha: str) -> Iterator[Resource]:
    """Yield what `pushed.commits` declares, and the checkout."""
    found = parts(source, sha)
    yield from (PushedCommit(REPO, part.commit, part.folder, part.path) for part in found)
    if files := large_files(source, sha):
        yield PushedLargeFiles(REPO, files)
    submodules = tuple((part.path, part.commit) for part in found if part.path)
    keys = ("/srv/hello/deploy_key", "/srv/hello/hosts", "/srv/hello/credentials")
    yield Checkout(f"/srv/hello/releases/{sha[:12]}", REPO, sha, "daemon", "", *keys, submodules=submodules)


def release(server: Any, sha: str) -> Path:
    found: Path = server.path(f"/srv/hello/releases/{sha[:12]}")
    return found


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app with a submodule by a relative path, which has one with a space in its name."""
    inner = make(tmp_path / "inner", inner="y = 2\n")
    library = make(tmp_path / "library", lib="x = 1\n")
    git(library, "submodule", "add", "-q", "--", str(inner), "in ner")
    commit(library)
    folder = make(tmp_path / "my app", main="app = 1\n")
    git(folder, "submodule", "add", "-q", "--", str(library), "vendor/library")
    config = folder / ".gitmodules"
    config.write_text(config.read_text().replace(str(library), "../library"))
    commit(folder)
    git(folder, "-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init", "--recursive")
    return folder


def test_submodules_are_pushed(server: Any, app: Path) -> None:
    sha = git(app, "rev-parse", "HEAD")
    planned = server.make(*places(), *pushed(app, sha))
    assert [text.partition(" from ")[0].partition(" of ")[2] for text in summaries(planned)[3:6]] == [
        "", "the submodule vendor/library", "the submodule vendor/library/in ner",
    ]  # fmt: skip
    assert (release(server, sha) / "vendor/library/lib.py").read_text() == "x = 1\n"
    assert (release(server, sha) / "vendor/library/in ner/inner.py").read_text() == "y = 2\n"
    assert not list(release(server, sha).rglob(".git"))
    (app / "main.py").write_text("app = 2\n")
    second = commit(app)
    planned = server.make(*pushed(app, second))
    assert len(planned.changes) == 2, "the submodules are there already"
    assert (release(server, second) / "vendor/library/in ner/inner.py").exists()


@pytest.mark.parametrize("where", ["worktree", "other branch", "checkout is gone"])
def test_submodules_are_found_wherever_git_keeps_them(server: Any, app: Path, where: str) -> None:
    sha, source = git(app, "rev-parse", "HEAD"), app
    if where == "worktree":
        source = app.parent / "tree"
        git(app, "worktree", "add", "-q", str(source), "-b", "other")
    elif where == "other branch":
        git(app, "checkout", "-q", "--orphan", "empty")
        git(app, "rm", "-q", "-r", "-f", ".")
        git(app, "commit", "-q", "--allow-empty", "-m", "empty")
    else:
        git(app, "submodule", "deinit", "-q", "-f", "--all")
    server.make(*places(), *pushed(source, sha))
    assert (release(server, sha) / "vendor/library/in ner/inner.py").read_text() == "y = 2\n"


def test_a_repository_inside_the_repository_is_pushed(server: Any, tmp_path: Path) -> None:
    """`git add` of a folder with a .git of its own commits a reference without .gitmodules."""
    app = make(tmp_path / "app", main="app = 1\n")
    make(app / "plugin", plug="z = 3\n")
    sha = commit(app)
    server.make(*places(), *pushed(app, sha))
    assert (release(server, sha) / "plugin/plug.py").read_text() == "z = 3\n"


def test_a_submodule_that_is_missing_here_is_named_with_the_remedy(app: Path, tmp_path: Path) -> None:
    clone, bare = tmp_path / "clone", tmp_path / "bare.git"
    for target, more in ((clone, ()), (bare, ("--bare",))):
        git(tmp_path, "clone", "-q", *more, str(app), str(target))
        with pytest.raises(UsageError, match=r"The submodule vendor/library of .* is not initialized on your machine") as error:
            parts(target, git(target, "rev-parse", "HEAD"))
        assert f"`git -C {target} submodule update --init --recursive`" in error.value.remedy
    library = app / "vendor/library"
    git(library, "checkout", "-q", "--orphan", "new")
    new = commit(library)
    git(app, "add", "vendor/library")
    sha = commit(app)
    git(library, "checkout", "-q", "main")
    git(library, "branch", "-q", "-D", "new")
    git(library, "reflog", "expire", "--expire=now", "--all")
    git(library, "gc", "-q", "--prune=now")
    with pytest.raises(UsageError, match=f"vendor/library of .* has no commit {new[:12]}"):
        parts(app, sha)


def test_a_submodule_that_git_itself_leaves_out(app: Path, tmp_path: Path) -> None:
    git(app, "config", "--file", ".gitmodules", "submodule.vendor/library.update", "none")
    sha = commit(app)
    git(tmp_path, "clone", "-q", str(app), str(tmp_path / "clone"))
    assert [part.path for part in parts(tmp_path / "clone", sha)] == [""]
    assert [part.path for part in parts(app, sha)] == ["", "vendor/library", "vendor/library/in ner"]


def test_a_reference_without_gitmodules_and_without_the_repository(tmp_path: Path) -> None:
    app = make(tmp_path / "app", main="app = 1\n")
    make(app / "plugin", plug="z = 3\n")
    sha = commit(app)
    git(tmp_path, "clone", "-q", str(app), str(tmp_path / "clone"))
    with pytest.raises(UsageError, match=r"plugin of .* was committed as a reference to a git repository of its own") as error:
        parts(tmp_path / "clone", sha)
    assert "rm --cached plugin" in error.value.remedy


def large(folder: Path, name: str = "static/it's large.bin", content: bytes = CONTENT, *, stored: bool = True) -> str:
    """Commit a file as `git lfs` does, whose filter needs not be installed here, and return the commit."""
    (folder / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    oid = hashlib.sha256(content).hexdigest()
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n")
    sha = commit(folder)
    if stored:
        common = Path(git(folder, "rev-parse", "--path-format=absolute", "--git-common-dir"))
        kept = common / "lfs/objects" / oid[:2] / oid[2:4] / oid
        kept.parent.mkdir(parents=True)
        kept.write_bytes(content)
    return sha


def test_files_of_git_lfs_are_pushed(server: Any, tmp_path: Path) -> None:
    app = make(tmp_path / "app", main="app = 1\n")
    sha = large(app)
    planned = server.make(*places(), *pushed(app, sha))
    assert "push 1 file of Git LFS (0.1 MB)" in summaries(planned)
    assert (release(server, sha) / "static/it's large.bin").read_bytes() == CONTENT
    (app / "main.py").write_text("app = 2\n")
    second = commit(app)
    assert len(server.make(*pushed(app, second)).changes) == 2, "the file is there already"
    assert (release(server, second) / "static/it's large.bin").read_bytes() == CONTENT
    third = large(app, "other\nline.bin", b"another")
    assert "push 1 file of Git LFS (10.2 kB)" in summaries(server.make(*pushed(app, third)))
    assert (release(server, third) / "other\nline.bin").read_bytes() == b"another"


def test_files_of_git_lfs_in_a_submodule_are_pushed(server: Any, app: Path) -> None:
    large(app / "vendor/library", "model.bin")
    sha = commit(app)
    server.make(*places(), *pushed(app, sha))
    assert (release(server, sha) / "vendor/library/model.bin").read_bytes() == CONTENT


def test_a_file_that_is_only_in_the_checkout_is_pushed_from_there(server: Any, tmp_path: Path) -> None:
    """`git lfs prune` removes git-lfs's own copy of it."""
    app = make(tmp_path / "app", main="app = 1\n")
    sha = large(app, stored=False)
    (app / "static/it's large.bin").write_bytes(CONTENT)
    server.make(*places(), *pushed(app, sha))
    assert (release(server, sha) / "static/it's large.bin").read_bytes() == CONTENT


def test_a_damaged_file_of_git_lfs_is_refused(server: Any, tmp_path: Path) -> None:
    app = make(tmp_path / "app", main="app = 1\n")
    sha = large(app)
    (app / ".git/lfs/objects" / OID[:2] / OID[2:4] / OID).write_bytes(CONTENT[:-1] + b"x")
    done = server.apply(server.plan(*places(), *pushed(app, sha)))
    assert done.status == 1 and f"the Git LFS file {OID} differs from the one in the commit" in done.error, done
    assert not release(server, sha).exists()


@pytest.mark.parametrize("attribute", [True, False])
def test_a_file_of_git_lfs_that_is_missing_here_is_named_with_the_remedy(tmp_path: Path, attribute: bool) -> None:
    app = make(tmp_path / "app", main="app = 1\n")
    sha = large(app, stored=False)
    if not attribute:
        # Then the pointer is the content of the file, for example in the tests of another program.
        (app / ".gitattributes").write_text("*.iso filter=lfs\n")
        assert large_files(app, commit(app)) == ()
        return
    with pytest.raises(UsageError, match=r"The content of static/it's large.bin is in Git LFS and not on your machine") as error:
        large_files(app, sha)
    assert f"`git -C {app} lfs fetch origin {sha}`" in error.value.remedy
