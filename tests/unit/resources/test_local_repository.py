"""A repository on this machine that git cannot read, or that lacks the commit: git's own words, and a remedy for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.resources.code import pushed
from selvedge.resources.code.local_repository import local_commit

pytestmark = pytest.mark.programs

IDENTITY = {f"GIT_{who}_{what}": "x@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "my app"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "main.py").write_text("app = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_folder_of_another_user(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(ConfigError) as error:
        local_commit(source, "main")
    assert f"git cannot read {source}: detected dubious ownership in repository at" in error.value.problem
    assert f"`git config --global --add safe.directory '{source}'`" in error.value.remedy


def damage(source: Path, what: str) -> None:
    objects = [path for path in (source / ".git/objects").rglob("*") if path.is_file()]
    if what == "HEAD":
        (source / ".git/HEAD").write_text("garbage\n")
    elif what == "configuration":
        (source / ".git/config").write_text("[core\n")
    elif what == "no objects":
        shutil.rmtree(source / ".git/objects")
        (source / ".git/objects").mkdir()
    elif what == "objects":
        for path in objects:
            path.chmod(0o600)
            path.write_text("x")
    elif what == "version":
        git(source, "config", "core.repositoryformatversion", "9")
    elif what == "no repository":
        shutil.rmtree(source / ".git")


@pytest.mark.parametrize(
    ("what", "problem", "remedy"),
    [
        ("HEAD", "not a git repository (or any ", "/.git/HEAD, or clone"),
        ("configuration", "bad config line 1 in file .git/config", "Correct that line"),
        ("no objects", "the commit of refs/heads/main is missing", "fsck` lists them"),
        ("objects", "is corrupt", "fsck` lists them"),
        ("version", "Expected git repo version", "status`, and correct what it says"),
        ("no repository", "is not a git repository", "Give a folder with a git checkout"),
    ],
)
def test_a_damaged_repository(source: Path, what: str, problem: str, remedy: str) -> None:
    damage(source, what)
    with pytest.raises(ConfigError) as error:
        local_commit(source, "main")
    assert problem in error.value.problem and remedy in error.value.remedy, error.value


def test_a_file_and_a_missing_folder(source: Path) -> None:
    with pytest.raises(ConfigError, match=r"main\.py is a file"):
        local_commit(source / "main.py", "main")
    with pytest.raises(ConfigError, match=r"the folder .* does not exist"):
        local_commit(source / "none", "main")


def test_objects_that_are_missing_are_named_when_they_are_packed(source: Path) -> None:
    commit, tree = git(source, "rev-parse", "HEAD"), git(source, "rev-parse", "HEAD^{tree}")
    (source / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(SelvedgeError, match=f"git cannot read .*: bad tree object {tree}") as error:
        pushed.pack_objects(source, commit, [])
    assert "fsck` lists them" in error.value.remedy


def test_several_servers_get_the_same_whole_file(source: Path) -> None:
    """All of them are read at once."""
    commit = git(source, "rev-parse", "HEAD")

    def size(_server: int) -> int:
        return pushed.pack_objects(source, commit, []).stat().st_size

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(size, range(8)))
    assert len(found) == 1 and found != {0}


def test_a_shallow_clone_that_lacks_objects(source: Path, tmp_path: Path) -> None:
    (source / "main.py").write_text("app = 2\n")
    git(source, "commit", "-q", "-a", "-m", "second")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{source}", str(shallow))
    commit = git(shallow, "rev-parse", "HEAD")
    assert pushed.pack_objects(shallow, commit, []).stat().st_size
    for pack in (shallow / ".git/objects/pack").iterdir():
        pack.unlink()
    with pytest.raises(SelvedgeError) as error:
        pushed.pack_objects(shallow, commit, ["f" * 40])
    assert f"`git -C {shallow} fetch --unshallow`" in error.value.remedy


@pytest.mark.parametrize("kind", ["bare", "mirror", "worktree", "its .git", "within a hook of git"])
def test_a_repository_of_another_kind_is_read(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    commit, folder = git(source, "rev-parse", "HEAD"), tmp_path / "other"
    if kind in ("bare", "mirror"):
        git(tmp_path, "clone", "-q", f"--{kind}", str(source), str(folder))
    elif kind == "worktree":
        git(source, "worktree", "add", "-q", str(folder), "-b", "other")
    elif kind == "its .git":
        folder = source / ".git"
    else:
        monkeypatch.setenv("GIT_DIR", "/nowhere/.git")
        monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
        folder = source
    assert local_commit(folder, "main") == commit
    assert pushed.pack_objects(folder, commit, []).stat().st_size


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    with pytest.raises(UsageError, match="has no commit yet, so it has no branch main") as error:
        local_commit(tmp_path, "main")
    assert f"`git -C {tmp_path} add .`" in error.value.remedy


def test_an_unborn_branch_of_a_repository_with_another_one(source: Path) -> None:
    git(source, "checkout", "-q", "--orphan", "new")
    with pytest.raises(UsageError, match="has no branch, tag or commit new"):
        local_commit(source, "new")


def test_a_branch_that_only_the_remote_has(source: Path, tmp_path: Path) -> None:
    git(source, "branch", "develop")
    git(tmp_path, "clone", "-q", str(source), str(tmp_path / "clone"))
    with pytest.raises(UsageError, match="has no branch, tag or commit develop") as error:
        local_commit(tmp_path / "clone", "develop")
    assert "branch develop origin/develop`" in error.value.remedy


def test_a_folder_inside_a_larger_repository(source: Path, target: Callable[..., Target]) -> None:
    backend = source / "backend"
    backend.mkdir()
    with pytest.raises(ConfigError, match=r"is a folder inside the repository .*my app, and commits contain") as error:
        pushed.check(target(repository=str(backend)))
    assert error.value.remedy == f'Set `repository = "{source}"` and `root = "backend"` in [app].'
    pushed.check(target(repository=str(backend), root="backend"))
    pushed.check(target(repository=str(source)))


def test_git_is_not_installed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SelvedgeError, match="git is not installed on your machine") as error:
        local_commit(source, "main")
    assert "apt-get install git" in error.value.remedy


def test_a_branch_comes_before_a_tag_of_its_name(source: Path) -> None:
    first = git(source, "rev-parse", "HEAD")
    for name in ("v1", "2025"):
        git(source, "tag", name)
    git(source, "commit", "-q", "--allow-empty", "-m", "second")
    second = git(source, "rev-parse", "HEAD")
    for name in ("v1", "2025"):
        git(source, "branch", name)
        assert local_commit(source, name) == second
    assert local_commit(source, first[:6]) == first


def test_a_repository_with_sha256(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", str(folder))
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    with pytest.raises(ConfigError, match="names its objects by SHA-256"):
        local_commit(folder, "main")


def test_a_tag_of_a_file(source: Path) -> None:
    git(source, "tag", "-a", "-m", "key", "key", "HEAD:main.py")
    with pytest.raises(UsageError, match=r"key of the repository .* names a file, not a commit"):
        local_commit(source, "key")


def test_a_bare_repository_that_the_users_configuration_forbids(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(source), "bare.git")
    (tmp_path / "config").write_text("[safe]\n\tbareRepository = explicit\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    with pytest.raises(ConfigError, match=r"cannot use bare repository") as error:
        local_commit(tmp_path / "bare.git", "main")
    assert "--unset safe.bareRepository" in error.value.remedy
