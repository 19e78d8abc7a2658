"""The files of a commit for a build on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UsageError
from selvedge.resources.code import local_source
from selvedge.resources.code.local_source import add_history, checked_out, find_commit

pytestmark = pytest.mark.programs

OWN = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *OWN, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a submodule, a branch and two kinds of tags."""
    for name, value in {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow", "GIT_CONFIG_VALUE_0": "always"}.items():
        monkeypatch.setenv(name, value)
    for name in ("part", "code"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q", "-b", "main")
        (tmp_path / name / f"{name}.txt").write_text(name)
    git(tmp_path / "part", "add", "-A")
    git(tmp_path / "part", "commit", "-qm", "x")
    code = tmp_path / "code"
    git(code, "submodule", "add", "-q", str(tmp_path / "part"), "lib/part")
    (code / "link").symlink_to("code.txt")
    git(code, "add", "-A")
    git(code, "commit", "-qm", "one")
    git(code, "tag", "light")
    git(code, "tag", "-am", "x", "heavy")
    git(code, "branch", "other")
    git(code, "commit", "-qm", "two", "--allow-empty")
    return code


def of(app: Callable[..., Target], repository: str, ref: str = "") -> Target:
    found = app("domains", repository=repository)
    return found.releasing(replace(found.release, commit="", ref=ref))


@pytest.mark.parametrize("remote", [False, True])
def test_the_commit_and_its_files_come_from_this_machine_or_the_git_server(
    app: Callable[..., Target], repository: Path, remote: bool
) -> None:
    address = f"file://{repository}" if remote else str(repository)
    first, head = git(repository, "rev-parse", "other"), git(repository, "rev-parse", "main")
    found = {ref: find_commit(of(app, address, ref)) for ref in ("", "other", "light", "heavy", first)}
    assert found == {"": head, "other": first, "light": first, "heavy": first, first: first}
    before = git(repository, "status", "--porcelain")
    with checked_out(of(app, address), head) as folder:
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
        assert files == {".gitmodules", "code.txt", "lib/part/part.txt", "link"} and (folder / "link").is_symlink()
    assert not folder.exists() and git(repository, "status", "--porcelain") == before


@pytest.mark.parametrize("remote", [False, True])
def test_a_build_that_takes_a_version_from_git_gets_the_repository(
    app: Callable[..., Target], repository: Path, remote: bool
) -> None:
    head = git(repository, "rev-parse", "main")
    settings = of(app, f"file://{repository}" if remote else str(repository), head)
    settings = settings.releasing(replace(settings.release, commit=head))
    with checked_out(settings, head) as folder:
        (folder / "code.txt").write_text("the content of a file in Git LFS")
        add_history(settings, folder)
        assert git(folder, "describe", "--tags", "--long", "--dirty", "--match", "light") == f"light-1-g{head[:7]}"
        assert git(folder, "remote") == "" and not (folder / "lib/part/.git").exists()


def test_a_git_server_that_has_no_such_branch_or_does_not_answer_is_named(app: Callable[..., Target], repository: Path) -> None:
    with pytest.raises(UsageError, match="has no branch or tag missing"):
        find_commit(of(app, f"file://{repository}", "missing"))
    with pytest.raises(SelvedgeError, match="could not get the code from file:///nosuch") as error:
        find_commit(of(app, "file:///nosuch"))
    assert 'build = "server"' in error.value.remedy


def test_git_gets_the_login_of_the_address_from_variables(
    app: Callable[..., Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git").write_text('#!/bin/sh\nprintf "%s\\n" "$*"\nPATH=$PATH:/usr/bin:/bin\nunset HOME\n'
                                  'printf "protocol=https\nhost=git.example.com\n\n" | /usr/bin/git credential fill\n')  # fmt: skip
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = of(app, "https://me:t0k%40en@git.example.com/me/hello.git")
    words, *answer = local_source._git(settings, "ls-remote", "--", settings.repository_shown).splitlines()
    assert words == "ls-remote -- https://git.example.com/me/hello.git"
    assert {"username=me", "password=t0k@en"} <= set(answer)
