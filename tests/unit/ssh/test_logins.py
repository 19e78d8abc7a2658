"""Logins: users, keys, passphrases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.errors import UnreachableError
from selvedge.ssh.connection import Remote
from tests.unit.ssh.sshd import Sshd, fake_sudo


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


def test_a_missing_key_file_is_named(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        remote(key=str(tmp_path / "nope")).run("true")
    assert caught.value.message == (
        "web: could not log in to the server as deploy and as root, because no key could be offered. Not offered: the key "
        f"{tmp_path}/nope, which is not usable: No such file or directory."
    )
    assert "hosts.web.key" in caught.value.remedy
    assert not sshd.commands
