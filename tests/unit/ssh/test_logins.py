"""Logins: users, keys, passphrases."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fabric import Config

from selvedge.errors import UnreachableError, UsageError
from selvedge.ssh.connection import Remote
from tests.unit.ssh.sshd import Sshd, fake_sudo

pytestmark = pytest.mark.programs


def test_the_bootstrap_user_logs_in_where_the_user_cannot(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    sshd.users = ["root"]
    one = remote()
    assert one.run("true").status == 0 and one.user == "root"
    sshd.users = ["deploy", "root"]
    sshd.path = f"{fake_sudo(sshd.key_file.parent, 'nopasswd')}:{sshd.path}"
    two = remote()
    assert two.run("true").status == 0 and two.user == "deploy"


def test_a_refused_login_names_the_users_and_a_remedy(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    sshd.users = []
    with pytest.raises(UnreachableError) as caught:
        remote().run("true")
    assert caught.value.message == (
        f"web: the server rejected the login as deploy and as root. It was offered the key {sshd.key_file}."
    )
    assert f"ssh -p {sshd.port} -i {sshd.key_file} root@127.0.0.1" in caught.value.remedy
    assert "authorized_keys" in caught.value.remedy
    assert caught.value.status == 4


def test_the_bootstrap_user_proves_no_login(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    sshd.users = ["root"]
    with pytest.raises(UnreachableError, match=r"rejected the login as deploy\. "):
        remote().alone().run("true")


def test_a_login_does_not_change_the_configuration_of_the_other_hosts(
    remote: Callable[..., Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of Invoke's configuration empties it for a moment, in which another thread finds no setting."""
    mine = remote()
    shared, merge, merged = mine._config, Config.merge, []
    monkeypatch.setattr(Config, "merge", lambda self: (merged.append(self), merge(self)))
    assert mine.run("true").status == 0
    assert merged and not [each for each in merged if each is shared]


WRONG_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _path: None, "is missing"),
    "a FIFO": (os.mkfifo, "is a pipe (FIFO)"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "a folder": (Path.mkdir, "is a folder"),
    "a public key": (lambda path: path.write_text("ssh-ed25519 AAAA me"), "is a public key"),
    "a PuTTY key": (lambda path: path.write_text("PuTTY-User-Key-File-3: ssh-ed25519"), "is a private key in PuTTY's format"),
    "other text": (lambda path: path.write_text("hunter2"), "is not a private key"),
    "50 MB": (lambda path: path.write_bytes(50 * 1024 * 1024 * b"\0"), "is too large (50.0 MiB)"),
}


@pytest.mark.parametrize("kind", WRONG_FILES)
def test_a_file_that_is_not_a_private_key_is_named(
    sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, kind: str
) -> None:
    make, problem = WRONG_FILES[kind]
    make(tmp_path / "nope")
    with pytest.raises(UsageError) as caught:
        remote(key=str(tmp_path / "nope")).run("true")
    assert caught.value.message.startswith(f"hosts.web.key: {tmp_path}/nope {problem}")
    assert caught.value.remedy and "hunter2" not in str(caught.value)
    assert not sshd.commands


def test_a_known_hosts_setting_that_names_a_pipe(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"hosts\.web\.known_hosts: .*pipe is a pipe \(FIFO\)"):
        remote(known_hosts=str(tmp_path / "pipe")).run("true")
    assert not sshd.commands
