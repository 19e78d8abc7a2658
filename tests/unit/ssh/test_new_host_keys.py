"""Host keys that harden has replaced: what this machine's known_hosts says afterwards."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from selvedge.errors import UnreachableError
from selvedge.ssh import new_host_keys
from selvedge.ssh.connection import Remote
from selvedge.ssh.host_keys import fingerprint, of_paramiko
from selvedge.ssh.known_hosts import HostKey
from tests.unit.operations.ssh_server import ed25519
from tests.unit.ssh.sshd import Sshd, print_of

OLD, NEW = (of_paramiko(paramiko.RSAKey.generate(1024)) for _ in range(2))


@pytest.fixture
def file(sshd: Sshd) -> Path:
    del sshd  # for its HOME
    return Path("~/.ssh/known_hosts").expanduser()


def test_the_printed_keys_are_parsed() -> None:
    text = f"{NEW.text} root@web\n{OLD.kind} bad*\nssh-dss AAAA root@web\n\n# x\nssh-rsa\n"
    assert new_host_keys.parse_keys(text) == [NEW, HostKey("ssh-rsa", b"")]


@pytest.mark.parametrize("names", ["ENTRY", "ENTRY,other", "other,ENTRY", "[127.0.0.*]:PORT", "hashed"])
def test_the_old_key_of_the_kind_is_replaced(
    sshd: Sshd, remote: Callable[..., Remote], file: Path, names: str
) -> None:
    entry = f"[127.0.0.1]:{sshd.port}"
    column = entry if names == "hashed" else names.replace("ENTRY", entry).replace("PORT", str(sshd.port))
    login = of_paramiko(sshd.host_key)
    file.write_text(f"{column} {OLD.text}\n{entry} {login.text}\ncopy.example.com {OLD.text}\n")
    if names == "hashed":
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    one = remote(host_key="")
    stored, todo = new_host_keys.store(one, [NEW])
    assert stored == f"stored the server's new RSA host key in {file}" and todo == ""
    assert login.text in file.read_text(), "the other key stays"
    found = subprocess.run(["ssh-keygen", "-F", entry, "-f", file], capture_output=True, text=True, check=True).stdout
    assert NEW.text.split()[1] in found and OLD.text.split()[1] not in found
    # A copy of the server may have the old key.
    copies = subprocess.run(["ssh-keygen", "-F", "copy.example.com", "-f", file], capture_output=True, text=True, check=True)
    assert NEW.text.split()[1] in copies.stdout and OLD.text.split()[1] in copies.stdout
    assert new_host_keys.store(one, [NEW]) == ("", "")


def test_a_new_key_of_another_kind_is_added(sshd: Sshd, remote: Callable[..., Remote], file: Path) -> None:
    entry = f"[127.0.0.1]:{sshd.port}"
    file.write_text(f"{entry} {of_paramiko(sshd.host_key).text}\n")
    new_host_keys.store(remote(host_key=""), [NEW])
    assert file.read_text() == f"{entry} {of_paramiko(sshd.host_key).text}\n{entry} {NEW.text}\n"


def test_the_address_and_the_names_of_hosts_toml_are_known_too(sshd: Sshd, remote: Callable[..., Remote], file: Path) -> None:
    Path("~/.ssh/config").expanduser().write_text("Host web\n  HostName localhost\n  HostKeyAlias fleet\n")
    rows = [f"{name} {OLD.text}\n" for name in (f"[127.0.0.1]:{sshd.port}", f"[web]:{sshd.port}", "fleet")]
    file.write_text("".join(rows) + f"fleet {of_paramiko(sshd.host_key).text}\n")
    new_host_keys.store(remote(host_key="", address="web"), [NEW])
    assert OLD.text not in file.read_text() and file.read_text().count(NEW.text) == 3


def test_a_login_accepts_a_key_that_the_server_has_named(sshd: Sshd, remote: Callable[..., Remote], file: Path) -> None:
    file.write_text(f"[127.0.0.1]:{sshd.port} {of_paramiko(sshd.host_key).text}\n")
    sshd.users = ["deploy"]
    one = remote(host_key="")
    one.connection  # noqa: B018
    sshd.host_key = ed25519()
    with pytest.raises(UnreachableError, match="HAS CHANGED"):
        one.alone().run("true")
    one.proved.add(of_paramiko(sshd.host_key))
    one.alone().connection  # noqa: B018


def test_a_pinned_key_that_was_replaced_is_reported(sshd: Sshd, remote: Callable[..., Remote], file: Path) -> None:
    new = of_paramiko(paramiko.ECDSAKey.generate())
    one = remote()
    stored, todo = new_host_keys.store(one, [new])
    assert stored == "" and not file.exists()
    assert todo.startswith('set `host_key = "SHA256:') and print_of(sshd.host_key) not in todo
    assert new_host_keys.store(one, [NEW, of_paramiko(sshd.host_key)]) == ("", ""), "the pinned key is still there"
    best = of_paramiko(ed25519())
    (_, todo) = new_host_keys.store(one, [NEW, best])
    assert f'`host_key = "{fingerprint(best)}"`' in todo, "sshd has no key of the pinned one's kind any more"


def test_a_file_that_is_not_writable_is_reported(
    sshd: Sshd, remote: Callable[..., Remote], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = f"[127.0.0.1]:{sshd.port}"
    file.write_text(f"{entry} {of_paramiko(sshd.host_key).text}\n")
    one = remote(host_key="")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    one.connection  # noqa: B018
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    stored, todo = new_host_keys.store(one, [NEW])
    assert stored == "" and f"could not write {file}: Permission denied." in todo and "fab -H web trust" in todo
    assert base64.b64encode(NEW.blob).decode() not in file.read_text()
