"""Repositories that git allows and few people have: another owner, attributes, a partial clone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.code.pushed import PushedCommit
from tests.hosts.scripts.resources.repository import checkout, commit, fetched, git, places
from tests.hosts.scripts.resources.test_git_failures import answer

ATTRIBUTES = "*.bat eol=crlf\nb.txt working-tree-encoding=UTF-16LE\nid.py ident\n*.dat filter=nowhere\nmain.py export-ignore\n"


def release(server: Any, sha: str) -> Path:
    found: Path = server.path(f"/srv/hello/releases/{sha[:12]}")
    return found


def test_a_repository_of_another_user_on_the_server(server: Any, repository: Path, target: Any) -> None:
    """Such as that of gitolite or Gitea on the same machine."""
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 1, 1, follow_symlinks=False)
    kind, said, remedy, key = answer(server, target(repository="file:///opt/hello"))
    assert (kind, key) == ("refused", "") and said == "detected dubious ownership in repository at '/opt/hello/.git'"
    assert "`sudo git config --system --add safe.directory '/opt/hello/.git'`" in remedy


@pytest.mark.parametrize("way", ["fetched", "pushed"])
def test_attributes_of_the_repository(server: Any, repository: Path, way: str) -> None:
    files = {"a.bat": "x\ny\n", "id.py": "# $Id$\n", "x.dat": "d\n", ".gitattributes": ATTRIBUTES}
    for name, text in files.items():
        (repository / name).write_text(text)
    (repository / "b.txt").write_bytes("z\n".encode("utf-16-le"))
    sha = commit(repository)
    source = fetched(sha) if way == "fetched" else PushedCommit("/srv/hello/repo.git", sha, repository)
    server.make(*places(), source, checkout(sha, "file:///opt/hello" if way == "fetched" else ""))
    made = release(server, sha)
    assert (made / "a.bat").read_bytes() == b"x\r\ny\r\n" and (made / "b.txt").read_bytes() == "z\n".encode("utf-16-le")
    assert (made / "x.dat").read_text() == "d\n" and (made / "main.py").exists()
    assert (made / "id.py").read_text().startswith("# $Id: ")


def test_a_partial_clone_is_pushed(server: Any, repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repository}", str(clone))
    sha = git(clone, "rev-parse", "HEAD")
    server.make(*places(), PushedCommit("/srv/hello/repo.git", sha, clone), checkout(sha))
    assert (release(server, sha) / "main.py").exists()
