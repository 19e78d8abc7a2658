"""The app's code: keys, the mirror, a commit in it, the checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.git import Checkout, DeployKey, Fetched, GitHostKey, Mirror, Pushed
from tests.support.tables import check, table

KEY = DeployKey("/srv/hello/deploy_key", "hello@server")


@table(
    (KEY, "file 600 root root\nabc\n", None),
    (KEY, "absent\n", "make this server's deploy key",
     "mkdir -p -- /srv/hello\nssh-keygen -q -t ed25519 -N '' -C hello@server -f /srv/hello/deploy_key"),
    (KEY, "file 640 root root\nabc\n", "make the deploy key readable by root only",
     "chown root:root -- /srv/hello/deploy_key\nchmod 0600 -- /srv/hello/deploy_key"),
)  # fmt: skip
def test_deploy_key(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


GIT_SERVER = GitHostKey("/srv/hello/git_known_hosts", "git.example.com", 2222)


@table(
    (GIT_SERVER, "known\n", None),
    (GIT_SERVER, "", "take the host key of [git.example.com]:2222",
     "keys=$(ssh-keyscan -T 15 -p 2222 -- git.example.com 2>/dev/null) || keys=\n"
     "printf '%s\\n' \"$keys\" >>/srv/hello/git_known_hosts"),
)  # fmt: skip
def test_host_key_of_a_git_server(
    resource: Resource, fact: str, summary: str | None, shell: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """tests/hosts/scripts/resources/test_git_keys.py has a server that this machine knows already."""
    monkeypatch.setenv("HOME", str(tmp_path))
    check(resource, fact, summary, shell)


MIRROR = Mirror("/srv/hello/repo.git")
MADE = """git init -q --bare -- /srv/hello/repo.git
chown root:root -- /srv/hello/repo.git
chmod 0700 -- /srv/hello/repo.git"""
CREATE = "create the mirror /srv/hello/repo.git"


@table(
    (MIRROR, "directory 700 root root\nfile 644 root root\n", None),
    (MIRROR, "absent\nabsent\n", CREATE, MADE),
    (MIRROR, "directory 755 root root\nfile 644 root root\n", CREATE, MADE),
    (MIRROR, "directory 700 root root\nabsent\n", CREATE, f"rm -rf -- /srv/hello/repo.git\n{MADE}"),
)
def test_mirror(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


COMMIT = "a" * 40
ACCESS = ("/srv/hello/deploy_key", "/srv/hello/git_known_hosts", "/srv/hello/git_credentials")
FETCHED = Fetched("/srv/hello/repo.git", "https://git.example.com/hello.git", COMMIT, *ACCESS)


@table(
    (FETCHED, "present\n", None),
    (FETCHED, "missing\n", "fetch aaaaaaaaaaaa from https://git.example.com/hello.git",
     f"repo=/srv/hello/repo.git\nurl=https://git.example.com/hello.git\nref={COMMIT}\ngit_fetch"),
)  # fmt: skip
def test_fetched_commit(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_pushed_commit(tmp_path: Path) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.test", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "HEAD")
    pushed = Pushed("/srv/hello/repo.git", tmp_path, commit)
    check(pushed, "present\n", None, "")
    change = pushed.plan("missing\n")
    assert change and isinstance(change.payload, Path)
    size = change.payload.stat().st_size
    shell = (
        f"head -c {size} <&3 | git --git-dir=/srv/hello/repo.git index-pack --stdin --fix-thin >/dev/null\n"
        f"git --git-dir=/srv/hello/repo.git update-ref refs/selvedge/{commit} {commit}"
    )
    check(pushed, "missing\n", f"push {commit[:12]} from {tmp_path} ({size / 1000:.1f} kB)", shell)


CHECKOUT = Checkout(
    f"/srv/hello/releases/{COMMIT[:12]}", "/srv/hello/repo.git", COMMIT, "hello", "https://git.example.com/hello.git", *ACCESS
)
CHECKED_OUT = f"""repo=/srv/hello/repo.git
url=https://git.example.com/hello.git
new=aaaaaaaaaaaa
keep=5
release=/srv/hello/releases/aaaaaaaaaaaa
commit={COMMIT}
group=hello
git_checkout"""


@table(
    (CHECKOUT, "directory 750 root hello\n", None),
    (CHECKOUT, "absent\n", "check out /srv/hello/releases/aaaaaaaaaaaa", CHECKED_OUT),
)
def test_checkout(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
