"""The app's code: keys, the mirror, a commit in it, the checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.code.access import DeployKey, GitHostKey
from selvedge.resources.code.checkout import Checkout
from selvedge.resources.code.fetched import FetchedCommit
from selvedge.resources.code.mirror import Mirror
from selvedge.resources.code.pushed import PushedCommit
from tests.support.tables import check, table

KEY = DeployKey("/srv/hello/deploy_key", "hello@server")


MAKE = "ssh-keygen -q -t {} -N '' -C hello@server -f /srv/hello/deploy_key"
RSA = DeployKey("/srv/hello/deploy_key", "hello@server", "rsa")
HAS_ED25519 = "file 600 root root\nabc\nssh-ed25519 AAAA hello@server\n"


@table(
    (KEY, HAS_ED25519, None),
    (KEY, "absent\n", "create this server's deploy key",
     f"mkdir -p -- /srv/hello\nrm -f -- /srv/hello/deploy_key.pub\n{MAKE.format('ed25519')}"),
    (KEY, "file 640 root root\nabc\nssh-ed25519 AAAA hello@server\n", "restrict the deploy key to root",
     "chown root:root -- /srv/hello/deploy_key\nchmod 0600 -- /srv/hello/deploy_key"),
    (KEY, "file 600 root root\nabc\n", "write the public half of the deploy key again",
     "ssh-keygen -y -f /srv/hello/deploy_key >/srv/hello/deploy_key.pub"),
    (RSA, "file 600 root root\nabc\nssh-rsa AAAA hello@server\n", None),
    (RSA, HAS_ED25519, "replace the deploy key by one of the type rsa (app.deploy_key_type)",
     f"rm -f -- /srv/hello/deploy_key /srv/hello/deploy_key.pub\n{MAKE.format('rsa -b 4096')}\n"
     'step_say "add the new deploy key to the repository, and remove the previous key there: $(cat /srv/hello/deploy_key.pub)"'),
)  # fmt: skip
def test_deploy_key(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


GIT_SERVER = GitHostKey("/srv/hello/git_known_hosts", "git.example.com", 2222, "")


@table(
    (GIT_SERVER, "known\n", None),
    (GIT_SERVER, "", "store the host key of [git.example.com]:2222",
     "git_take_host_key git.example.com 2222 /srv/hello/git_known_hosts"),
)  # fmt: skip
def test_host_key_of_a_git_server(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """tests/hosts/scripts/resources/test_git_keys.py has a server that this machine knows already."""
    check(resource, fact, summary, shell)


MIRROR = Mirror("/srv/hello/repo.git")
MADE = """git init -q --bare -- /srv/hello/repo.git
chown root:root -- /srv/hello/repo.git
chmod 0700 -- /srv/hello/repo.git"""
CREATE = "create the git mirror /srv/hello/repo.git"


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
FETCHED = FetchedCommit("/srv/hello/repo.git", COMMIT, "https://git.example.com/hello.git", *ACCESS)


@table(
    (FETCHED, "present\n", None),
    (FETCHED, "missing\n", "fetch the commit aaaaaaaaaaaa from https://git.example.com/hello.git",
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
    pushed = PushedCommit("/srv/hello/repo.git", commit, tmp_path)
    check(pushed, "present\n", None, "")
    fact = pushed.complete("missing\n")
    change = pushed.plan(fact)
    assert change and isinstance(change.payload, Path)
    size = change.payload.stat().st_size
    shell = f"push_commit /srv/hello/repo.git {commit} {size}"
    check(pushed, fact, f"push the commit {commit[:12]} from {tmp_path} ({size / 1000:.1f} kB)", shell)


CHECKOUT = Checkout(
    f"/srv/hello/releases/{COMMIT[:12]}", "/srv/hello/repo.git", COMMIT, "hello", "https://git.example.com/hello.git", *ACCESS
)
CHECKED_OUT = f"""repo=/srv/hello/repo.git
url=https://git.example.com/hello.git
new=aaaaaaaaaaaa
keep=5
checkout=/srv/hello/releases/aaaaaaaaaaaa
commit={COMMIT}
group=hello
submodules=''
checkout_make"""


@table(
    (CHECKOUT, "directory 750 root hello\n", None),
    (CHECKOUT, "absent\n", "check out /srv/hello/releases/aaaaaaaaaaaa", CHECKED_OUT),
)
def test_checkout(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@pytest.mark.parametrize("known", ["", "[git.test]:2222 ssh-ed25519 AAAA\n"])
def test_a_known_host_key_is_copied_and_an_unknown_one_is_asked_for(known: str) -> None:
    change = GitHostKey("/srv/hello/git_known_hosts", "git.test", 2222, known).plan("")
    assert change is not None
    assert (known in change.shell) if known else ("git_take_host_key git.test 2222" in change.shell)
    assert ("git_take_host_key" in change.shell) is not bool(known)


def test_a_pack_is_made_without_the_commits_that_the_mirror_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, str, Sequence[str]]] = []

    def pack(source: Path, commit: str, known: Sequence[str]) -> Path:
        asked.append((source, commit, known))
        (tmp_path / "pack").write_bytes(b"0" * 1234)
        return tmp_path / "pack"

    monkeypatch.setattr("selvedge.resources.code.pushed.pack_objects", pack)
    pushed = PushedCommit("/srv/hello/repo.git", COMMIT, Path("/nowhere"))
    assert pushed.plan(pushed.complete("present\n")) is None and not asked
    change = pushed.plan(pushed.complete(f"missing\n{'c' * 40}\n{'b' * 40}\n{'b' * 40}\n"))
    assert change is not None
    assert asked == [(Path("/nowhere"), COMMIT, ["b" * 40, "c" * 40])]
    assert (change.summary, change.payload) == (f"push the commit {COMMIT[:12]} from /nowhere (1.2 kB)", tmp_path / "pack")
    assert change.shell.endswith(" 1234")
