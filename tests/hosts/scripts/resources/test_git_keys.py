"""The deploy key, and the host key of a git server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
import pytest

from selvedge.resources.code.access import DeployKey, GitHostKey
from selvedge.resources.files import Directory
from tests.hosts.scripts.resources.modes import mode
from tests.support.plans import summaries


def test_the_deploy_key(server: Any) -> None:
    key = DeployKey("/srv/hello/deploy_key", "hello@it's a server")
    server.make(Directory("/srv/hello"), key)
    path = server.path("/srv/hello/deploy_key")
    made = path.read_bytes()
    assert server.path("/srv/hello/deploy_key.pub").read_text().endswith(" hello@it's a server\n")
    path.chmod(0o644)
    assert summaries(server.make(key)) == ["restrict the deploy key to root"]
    assert path.read_bytes() == made and mode(path) == "0o600"


@pytest.mark.parametrize(("kind", "word"), [("rsa", "ssh-rsa"), ("ecdsa", "ecdsa-sha2-nistp256")])
def test_another_type_of_deploy_key_is_made_and_shown(server: Any, kind: str, word: str) -> None:
    path = server.path("/srv/hello/deploy_key")
    server.make(Directory("/srv/hello"), DeployKey("/srv/hello/deploy_key", "hello@server"))
    first = path.read_bytes()
    planned = server.plan(DeployKey("/srv/hello/deploy_key", "hello@server", kind))
    (said,) = server.apply(planned).said
    assert said.startswith(f"add the new deploy key to the repository, and remove the previous key there: {word} ")
    server.make(DeployKey("/srv/hello/deploy_key", "hello@server", kind))
    assert path.read_bytes() != first and mode(path) == "0o600"


def test_a_lost_public_half_is_written_again(server: Any) -> None:
    key = DeployKey("/srv/hello/deploy_key", "hello@server")
    server.make(Directory("/srv/hello"), key)
    public = server.path("/srv/hello/deploy_key.pub")
    before = public.read_text()
    public.unlink()
    server.make(key)
    assert public.read_text().split()[:2] == before.split()[:2]


def test_the_host_key_of_a_git_server_is_stored_once(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    line = "[git.test]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    server.program("ssh-keyscan", f"echo 'asked' >>/root/asked\necho '{line}'")
    server.path("/srv/hello").mkdir()
    resource = GitHostKey.of("/srv/hello/git_known_hosts", "git.test", 2222)
    planned = server.plan(resource)
    done = server.apply(planned)
    assert done.said == [
        "host key of the git server: 256 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU [git.test]:2222 (ED25519)"
    ]
    assert not server.plan(resource)
    server.make(resource)
    assert server.path("/root/asked").read_text() == "asked\n"
    server.program("ssh-keyscan", "exit 1")
    planned = server.plan(GitHostKey.of("/srv/hello/git_known_hosts", "other.test", 22))
    done = server.apply(planned)
    assert done.status == 1 and done.error == "The git server other.test did not send a host key on port 22."
    assert "pushed from there" in planned.changes[0][1].remedy


@pytest.mark.parametrize("hashed", [False, True])
def test_a_host_key_that_this_machine_knows_is_used(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: bool
) -> None:
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    entry = paramiko.HostKeys.hash_host("[git.test]:2222") if hashed else "[git.test]:2222,other.test"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/known_hosts").write_text(f"git.test ssh-ed25519 AAAA\n{entry} ssh-ed25519 {key} mine\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    server.program("ssh-keyscan", "exit 1")
    server.path("/srv/hello").mkdir()
    resource = GitHostKey.of("/srv/hello/git_known_hosts", "git.test", 2222)
    assert summaries(server.make(resource)) == ["copy the host key of [git.test]:2222 from your machine's known_hosts"]
    assert server.path("/srv/hello/git_known_hosts").read_text() == f"[git.test]:2222 ssh-ed25519 {key}\n"
    assert not server.plan(resource)
