"""Logins: users, keys, passphrases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.errors import UnreachableError
from selvedge.ssh.connection import Remote
from tests.unit.ssh.sshd import Sshd, fake_sudo


def test_the_hosts_user_comes_first_and_the_bootstrap_user_where_it_cannot_log_in(
    sshd: Sshd, remote: Callable[..., Remote]
) -> None:
    sshd.users = ["root"]
    one = remote()
    assert one.run("true").status == 0 and one.user == "root"
    sshd.users = ["deploy", "root"]
    sshd.path = f"{fake_sudo(sshd.key_file.parent, 'nopasswd')}:{sshd.path}"
    two = remote()
    assert two.run("true").status == 0 and two.user == "deploy"


def test_a_login_that_is_refused_says_as_whom_and_what_to_do(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    sshd.users = []
    with pytest.raises(UnreachableError) as caught:
        remote().run("true")
    assert caught.value.message == f"web: the server refused the login as deploy and as root with {sshd.key_file}."
    assert f"ssh -p {sshd.port} -i {sshd.key_file} root@127.0.0.1" in caught.value.remedy
    assert "authorized_keys" in caught.value.remedy
    assert caught.value.status == 4


def test_the_proof_of_a_login_is_no_bootstrap_user_s(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    sshd.users = ["root"]
    with pytest.raises(UnreachableError, match="refused the login as deploy with"):
        remote().alone().run("true")


def test_a_key_file_that_is_missing_is_named(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        remote(key=str(tmp_path / "nope")).run("true")
    assert caught.value.message == f"web: the file {tmp_path}/nope on this machine cannot be read: No such file or directory."
    assert "hosts.web.key" in caught.value.remedy
    assert not sshd.commands


def test_a_passphrase_that_was_asked_for_reaches_the_login(remote: Callable[..., Remote]) -> None:
    one = remote()
    one._config.connect_kwargs.passphrase = "long and secret"
    assert one.unopened("deploy").connect_kwargs["passphrase"] == "long and secret"
