"""Host keys: unknown, known, changed, pinned."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from selvedge.errors import UnreachableError
from selvedge.ssh.connection import Remote
from selvedge.ssh.host_keys import fingerprint
from tests.unit.ssh.sshd import Sshd, known


def test_an_unknown_server_is_refused(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    with pytest.raises(UnreachableError) as caught:
        remote(host_key="").run("true")
    assert "this server is not known yet" in caught.value.message
    assert fingerprint(sshd.host_key) in caught.value.message
    assert caught.value.remedy.endswith("`fab -H web trust`.")
    assert not sshd.commands and not Path("~/.ssh/known_hosts").expanduser().exists()


@pytest.mark.parametrize("where", ["the user's file", "the host's file"])
def test_a_known_server_is_accepted(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, where: str) -> None:
    own = where == "the host's file"
    file = tmp_path / "known hosts" if own else Path("~/.ssh/known_hosts").expanduser()
    file.write_text(known(sshd, sshd.host_key))
    assert remote(host_key="", known_hosts=str(file) if own else "").run("echo in").output == "in\n"


def test_a_server_whose_key_has_changed_is_refused(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    old = paramiko.ECDSAKey.generate()
    file = Path("~/.ssh/known_hosts").expanduser()
    file.write_text(known(sshd, old))
    with pytest.raises(UnreachableError) as caught:
        remote(host_key="").run("true")
    assert "THE SERVER'S HOST KEY HAS CHANGED" in caught.value.message
    assert fingerprint(old) in caught.value.message and fingerprint(sshd.host_key) in caught.value.message
    assert "ssh-keygen -R" in caught.value.remedy and f"[127.0.0.1]:{sshd.port}" in caught.value.remedy
    assert file.read_text() == known(sshd, old) and not sshd.commands


def test_a_pinned_key_is_the_only_accepted_one(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    Path("~/.ssh/known_hosts").expanduser().write_text(known(sshd, sshd.host_key))
    pinned = fingerprint(paramiko.ECDSAKey.generate())
    with pytest.raises(UnreachableError) as caught:
        remote(host_key=pinned).run("true")
    assert pinned in caught.value.message and fingerprint(sshd.host_key) in caught.value.message
    assert "hosts.web.host_key" in caught.value.remedy
    assert not sshd.commands
    Path("~/.ssh/known_hosts").expanduser().write_text(known(sshd, paramiko.ECDSAKey.generate()))
    assert remote().run("echo pinned").output == "pinned\n"


def test_fingerprints_match_ssh_keygen(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"{sshd.host_key.get_name()} {sshd.host_key.get_base64()}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True).stdout
    assert fingerprint(sshd.host_key) == shown.split()[1]
