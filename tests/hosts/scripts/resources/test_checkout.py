"""A commit is fetched and checked out."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.scripts.resources.repository import checkout, commit, fetched, git, places
from tests.support.plans import summaries


def test_a_commit_is_fetched_and_checked_out(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    before = server.tree("/etc")
    server.make(*places(), fetched(sha), checkout(sha))
    release = server.path(f"/srv/hello/releases/{sha[:12]}")
    assert (release / "main.py").read_text() == "app = 1\n"
    assert (release / "crlf.txt").read_bytes() == b"a\r\nb\r\n"
    assert (release / "backend" / "部署.txt").exists() and (release / "backend" / "with space and 'quote'.txt").exists()
    assert not list(release.rglob(".git"))
    # A link out of the repository is still a link, and its target is unchanged.
    assert [str((release / name).readlink()) for name in ("passwd", "inside")] == ["/etc/passwd", "backend"]
    assert server.tree("/etc") == before


def test_root_owns_a_release_and_the_app_reads_it(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(sha), checkout(sha))
    release = server.path(f"/srv/hello/releases/{sha[:12]}")
    for entry in [release, *release.rglob("*")]:
        assert (entry.owner() if not entry.is_symlink() else "root") == "root"
        status = entry.lstat()
        assert (status.st_uid, status.st_gid) == (0, 1), entry
        if not entry.is_symlink():
            wanted = 0o751 if entry.is_dir() else 0o750 if entry.name == "run.sh" else 0o640
            assert stat.S_IMODE(status.st_mode) == wanted, entry


def test_each_commit_has_its_own_checkout(server: Any, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(first), checkout(first))
    (repository / "main.py").write_text("app = 2\n")
    second = commit(repository)
    assert summaries(server.make(*places(), fetched(second), checkout(second))) == [
        f"fetch the commit {second[:12]} from file:///opt/hello",
        f"check out /srv/hello/releases/{second[:12]}",
    ]
    read = [server.path(f"/srv/hello/releases/{sha[:12]}/main.py").read_text() for sha in (first, second)]
    assert read == ["app = 1\n", "app = 2\n"]


def test_a_commit_without_a_branch_stays_in_the_mirror(server: Any, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(first))
    (repository / "main.py").write_text("app = 2\n")
    git(repository, "commit", "-q", "--amend", "-a", "-m", "forced")
    git(repository, "branch", "gone/below", first)
    server.make(*places(), fetched(git(repository, "rev-parse", "HEAD")))
    git(repository, "branch", "-D", "gone/below")
    git(repository, "branch", "gone", first)
    (repository / "main.py").write_text("app = 3\n")
    server.make(*places(), fetched(commit(repository)))
    git(repository, "branch", "-D", "gone")
    (repository / "main.py").write_text("app = 4\n")
    server.make(*places(), fetched(commit(repository)))
    server.run("git --git-dir=/srv/hello/repo.git gc -q --prune=now")
    assert not server.plan(fetched(first))
    server.make(*places(), fetched(first), checkout(first))


def test_an_unreachable_repository_is_named(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places())
    done = server.apply(server.plan(*places(), fetched(sha, "file:///opt/nowhere")))
    assert done.status == 1
    assert done.error.startswith(f"git could not fetch the commit {sha[:12]} from file:///opt/nowhere: '/opt/nowhere' does not ")
    assert "Check app.repository in hosts.toml" in done.error
    done = server.apply(server.plan(*places(), fetched("f" * 40)))
    assert done.status == 1
    assert "no longer has the commit ffffffffffff" in done.error and "force-pushed" in done.error


def test_submodules_are_checked_out(server: Any, repository: Path) -> None:
    library = server.path("/opt/library")
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    (library / "lib.py").write_text("x = 1\n")
    commit(library)
    git(repository, "submodule", "add", "-q", "--", str(library), "vendor/library")
    config = repository / ".gitmodules"
    config.write_text(config.read_text().replace(str(library), "../library"))
    sha = commit(repository)
    server.make(*places(), fetched(sha), checkout(sha, base="file:///opt/hello"))
    release = server.path(f"/srv/hello/releases/{sha[:12]}")
    assert (release / "vendor/library/lib.py").read_text() == "x = 1\n"
    assert not list(release.rglob(".git"))


def test_a_repository_inside_the_repository_is_named(server: Any, repository: Path) -> None:
    """`git add` of a folder with a .git of its own commits a reference without an address; git leaves such a folder empty."""
    plugin = repository / "plug in"
    plugin.mkdir()
    git(plugin, "init", "-q", "-b", "main")
    git(plugin, "commit", "-q", "--allow-empty", "-m", "x")
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(checkout(sha, base="file:///opt/hello")))
    assert done.status == 0 and done.said == [
        "the folder plug in is empty in the release: it is a reference to another repository, and .gitmodules has no address for it"
    ]


def test_a_submodule_that_cannot_be_fetched_leaves_no_release(server: Any, repository: Path) -> None:
    library = server.path("/opt/library")
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    git(library, "commit", "-q", "--allow-empty", "-m", "x")
    git(repository, "submodule", "add", "-q", "--", str(library), "vendor/library")
    config = repository / ".gitmodules"
    config.write_text(config.read_text().replace(str(library), "../nowhere"))
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(*places(), fetched(sha), checkout(sha, base="file:///opt/hello")))
    assert done.status == 1
    assert re.match(r"Could not fetch a submodule: .+[^.]\. Check its address in \.gitmodules, and that ", done.error), done
    assert not server.path(f"/srv/hello/releases/{sha[:12]}").exists()


def test_an_interrupted_checkout_is_repeated(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(sha))
    half = server.path(f"/srv/hello/releases/.new-{sha[:12]}")
    half.mkdir()
    (half / "left").write_text("x")
    server.make(*places(), fetched(sha), checkout(sha))
    assert sorted(entry.name for entry in half.parent.iterdir()) == [sha[:12]]
    assert not (half.parent / sha[:12] / "left").exists()


LFS = (
    "The repository has files in Git LFS, but git-lfs is not installed on the server. Set packages = [\"git-lfs\"] under [server] "
    "in hosts.toml, then run `fab deploy` again. Or set app.repository to a folder on your machine: "
    "files are pushed from there without it."
)
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * 'a'}\nsize 12345\n"


@pytest.mark.parametrize(("attributes", "error"), [
    ("*.bin filter=lfs diff=lfs merge=lfs -text\n", LFS),
    ("# *.bin filter=lfs diff=lfs\n*.txt text\n", ""),
    ("*.iso filter=lfs\n", ""),
])
def test_git_lfs_is_asked_for_where_a_file_needs_it(server: Any, repository: Path, attributes: str, error: str) -> None:
    """This machine may have git-lfs."""
    server.run("! [ -e /usr/bin/git-lfs ] || mount --bind /dev/null /usr/bin/git-lfs")
    (repository / "backend" / ".gitattributes").write_text(attributes)
    (repository / "backend" / "it's a model.bin").write_text(POINTER)
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(*places(), fetched(sha), checkout(sha, base="file:///opt/hello")))
    assert done.error == error and (done.status == 0) is (not error)
    assert server.path(f"/srv/hello/releases/{sha[:12]}").exists() is (not error)


def test_a_file_whose_content_git_lfs_did_not_bring_is_named(server: Any, repository: Path) -> None:
    """The project's .lfsconfig may exclude it, and git-lfs then reports success."""
    server.program("git-lfs", "exit 0")
    (repository / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository / "backend" / "model.bin").write_text(POINTER)
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(checkout(sha, base="file:///opt/hello")))
    assert done.error.startswith("The content of a file in Git LFS is missing: backend/model.bin. "), done
    assert not server.path(f"/srv/hello/releases/{sha[:12]}").exists()


@pytest.mark.parametrize(("said", "kind"), [
    ("batch response: This repository is over its data quota. Account responsible for LFS bandwidth should purchase more.",
     "Buy more at the git server"),
    ("Error downloading object: model.bin: [404] Object does not exist on the server", "git lfs push --all origin"),
    ("fatal: unable to access 'https://me:hunter2@git.test/x': Could not resolve host: git.test", "the server can reach"),
    ("LFS: write /srv/x: no space left on device", "Free some space"),
])
def test_a_failure_of_git_lfs_is_passed_on(server: Any, repository: Path, said: str, kind: str) -> None:
    server.program("git-lfs", f"echo {said!r} >&2; exit 2" if "'" not in said else f'echo "{said}" >&2; exit 2')
    (repository / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository / "model.bin").write_text(POINTER)
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(checkout(sha, base="file:///opt/hello")))
    assert done.error.startswith("`git lfs pull` failed: ") and kind in done.error, done
    assert "hunter2" not in done.output
