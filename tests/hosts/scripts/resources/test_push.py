"""A repository of this machine is pushed to the server's mirror."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from selvedge.resources.code.mirror import Mirror
from selvedge.resources.code.pushed import PushedCommit
from tests.hosts.scripts.resources.modes import mode
from tests.hosts.scripts.resources.repository import checkout, commit, git, places
from tests.support.plans import summaries


def pushed(source: Path, sha: str) -> PushedCommit:
    return PushedCommit("/srv/hello/repo.git", sha, source)


def test_a_local_repository_is_pushed(server: Any, tmp_path: Path) -> None:
    source = tmp_path / "my app; $(x) 'ü'"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "main.py").write_text("app = 1\n")
    first = commit(source)
    server.make(*places(), pushed(source, first), checkout(first))
    (source / "main.py").write_text("app = 2\n")
    second = commit(source)
    planned = server.make(*places(), pushed(source, second), checkout(second))
    assert summaries(planned)[0].startswith(f"push the commit {second[:12]} from {source} (0.")
    assert server.path(f"/srv/hello/releases/{second[:12]}/main.py").read_text() == "app = 2\n"
    server.run("git --git-dir=/srv/hello/repo.git gc -q --prune=now")
    assert not server.plan(pushed(source, first))


def test_the_tags_of_its_history_are_pushed_with_a_commit(server: Any, tmp_path: Path) -> None:
    """A package may take its version from them."""
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "main.py").write_text("app = 1\n")
    first = commit(source)
    git(source, "tag", "v1")
    git(source, "tag", "-a", "-m", "Two", "release/2;$(x)")
    git(source, "checkout", "-q", "-b", "other")
    (source / "main.py").write_text("app = 2\n")
    commit(source)
    git(source, "tag", "elsewhere")
    server.make(*places(), pushed(source, first))
    shown = server.run("git --git-dir=/srv/hello/repo.git for-each-ref refs/tags --format='%(objectname) %(refname)'")
    assert shown.stdout.decode().splitlines() == [f"{first} refs/tags/release/2;$(x)", f"{first} refs/tags/v1"]


def test_only_missing_objects_are_pushed(server: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "noise").write_bytes(os.urandom(300_000))
    first = commit(source)
    resources = [*places(), pushed(source, first)]
    assert summaries(server.make(*resources))[-1].endswith("(0.3 MB)")
    (source / "main.py").write_text("app = 2\n")
    second = commit(source)
    ((_, change),) = server.plan(pushed(source, second)).changes
    assert isinstance(change.payload, Path) and change.payload.stat().st_size < 2_000


def test_a_faulty_or_shallow_history_can_be_pushed(server: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "main.py").write_text("app = 1\n")
    good = commit(source)
    # Many old repositories have such a commit, which `git fsck` calls an error.
    raw = git(source, "cat-file", "commit", good).replace("+0000", "+518:00") + "\n"
    odd = git(source, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    (source / "main.py").write_text("app = 2\n")
    tree = git(source, "write-tree") if not git(source, "add", "-A") else ""
    last = git(source, "commit-tree", "-p", odd, "-m", "on top", tree)
    server.make(*places(), pushed(source, last), checkout(last))
    git(source, "update-ref", "refs/heads/main", last)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{source}", str(shallow))
    server.run("rm -rf /srv/hello")
    server.make(*places(), pushed(shallow, last), checkout(last))
    assert server.path(f"/srv/hello/releases/{last[:12]}/main.py").read_text() == "app = 2\n"


def test_commits_before_those_of_a_shallow_clone_can_be_pushed_later(server: Any, tmp_path: Path) -> None:
    source, shallow = tmp_path / "source", tmp_path / "shallow"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    shas = []
    for number in range(3):
        (source / "main.py").write_text(f"app = {number}\n")
        shas.append(commit(source))
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{source}", str(shallow))
    server.make(*places(), pushed(shallow, shas[2]))
    server.make(pushed(source, shas[1]), checkout(shas[1]))
    assert server.path(f"/srv/hello/releases/{shas[1][:12]}/main.py").read_text() == "app = 1\n"


def test_an_interrupted_push_changes_nothing(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places())
    push = pushed(repository, sha)
    planned = server.plan(push)
    whole = planned.changes[0][1].payload.read_bytes()
    done = server.apply(planned, stdin=whole[: len(whole) // 2])
    assert done.status == 1
    assert server.read(push)[0].startswith("missing")
    server.make(push)


def test_only_root_reads_the_mirror_and_a_broken_one_is_replaced(server: Any) -> None:
    server.make(*places())
    path = server.path("/srv/hello/repo.git")
    assert mode(path) == "0o700"
    path.chmod(0o755)
    server.make(Mirror("/srv/hello/repo.git"))
    (path / "HEAD").unlink()
    server.make(Mirror("/srv/hello/repo.git"))
    assert (path / "HEAD").exists()
