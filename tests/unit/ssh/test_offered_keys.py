"""The keys that a login offers: of the agent that ssh's configuration names, and of files; and why one was not offered."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from selvedge.errors import UnreachableError
from selvedge.ssh.connection import Remote
from tests.unit.ssh.sshd import Sshd

pytestmark = pytest.mark.programs


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An SSH agent without keys; the path of its socket, which SSH_AUTH_SOCK does not name."""
    path = tmp_path / "a.sock"
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
        while not path.exists():
            assert process.poll() is None
        yield path
        process.terminate()


def add(agent: Path, key: Path) -> None:
    key.chmod(0o600)
    subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, check=True, capture_output=True)


def new_key(path: Path, *options: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", *options, "-f", path], check=True, capture_output=True)
    return path


def configure(*lines: str) -> None:
    Path("~/.ssh/config").expanduser().write_text("".join(f"{line}\n" for line in lines))


def refusal(remote: Callable[..., Remote], **fields: object) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        remote(**{"key": "", **fields}).run("true")
    return caught.value


def test_the_agent_of_the_configuration_is_asked(sshd: Sshd, remote: Callable[..., Remote], agent: Path) -> None:
    add(agent, sshd.key_file)
    assert "No key" not in refusal(remote).message and "SSH_AUTH_SOCK is not set" in refusal(remote).message
    configure(f"IdentityAgent {agent}")
    # `ssh -G` is asked again by the next run.
    from selvedge.ssh import openssh

    openssh.forget()
    assert remote(key="").run("echo in").output == "in\n"


def test_the_agent_that_is_not_there_is_named(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    configure(f"IdentityAgent {tmp_path}/none.sock")
    error = refusal(remote)
    assert f"The SSH agent {tmp_path}/none.sock: No such file or directory." in error.message
    assert not sshd.offered


def test_an_agent_without_keys_is_named(sshd: Sshd, remote: Callable[..., Remote], agent: Path) -> None:
    del sshd
    configure(f"IdentityAgent {agent}")
    error = refusal(remote)
    assert f"The SSH agent {agent}: it has no keys." in error.message and "ssh-keygen -t ed25519" in error.remedy


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\5\14\xff\xff\xff\xff", b"\0\0\0\1\5"])
def test_another_program_than_an_agent(
    sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, answer: bytes
) -> None:
    del sshd
    path = tmp_path / "b.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                for _ in range(2):
                    client, _ = listening.accept()
                    client.recv(100)
                    client.sendall(answer)
                    client.close()

        threading.Thread(target=serve, daemon=True).start()
        configure(f"IdentityAgent {path}")
        assert f"The SSH agent {path}: " in refusal(remote).message
        listening.shutdown(socket.SHUT_RDWR)  # It ends the thread if that waits in accept().


def test_only_the_named_keys_of_the_agent_are_offered(
    sshd: Sshd, remote: Callable[..., Remote], agent: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        add(agent, new_key(tmp_path / name))
    add(agent, sshd.key_file)
    public = Path(f"{sshd.key_file}.pub")
    public.write_text(f"{sshd.key.get_name()} {sshd.key.get_base64()} mine\n")
    sshd.users = ["deploy"]
    # As with the agents of password managers: the public half selects a key of the agent.
    configure(f"IdentityAgent {agent}", f"IdentityFile {public}", "IdentitiesOnly yes")
    remote(key="").connection  # noqa: B018
    assert sshd.offered == [sshd.key.get_name()]


def test_a_key_with_a_passphrase_comes_from_the_agent(sshd: Sshd, remote: Callable[..., Remote], agent: Path) -> None:
    add(agent, sshd.key_file)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", sshd.key_file], check=True, capture_output=True)
    locked = refusal(remote, key=str(sshd.key_file))
    assert f"the key {sshd.key_file}, which needs its passphrase" in locked.message and "ssh-keygen" not in locked.remedy
    assert f"`ssh-add {sshd.key_file}`" in locked.remedy and "--prompt-for-passphrase" in locked.remedy
    one = remote()
    one._config.connect_kwargs.passphrase = "secret"
    assert one.run("echo in").output == "in\n"
    configure(f"IdentityAgent {agent}")
    from selvedge.ssh import openssh

    openssh.forget()
    assert remote().run("echo in").output == "in\n"


def token_key() -> str:
    """Return a private key file as ssh-keygen writes it for a security token (OpenSSH's PROTOCOL.key and PROTOCOL.u2f)."""

    def strings(*values: bytes) -> bytes:
        return b"".join(len(value).to_bytes(4, "big") + value for value in values)

    public = strings(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:")
    data = b"openssh-key-v1\0" + strings(b"none", b"none", b"") + bytes((0, 0, 0, 1)) + strings(public, bytes(64))
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{base64.b64encode(data).decode()}\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("mode", "text", "says", "remedy"),
    [
        (0o644, "", "other users can read it (mode 0644)", "chmod 600"),
        (0o600, "ssh-ed25519 AAAA me", "is a public key, and the agent does not have the private one", "Set the private key, "),
        (0o600, "hello", "is not a private key", "Correct the file or its path: hosts.web.key"),
        (0o600, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "is damaged", "Correct the file or its path"),
        (0o600, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n", "is damaged", "Correct the file"),
        (0o600, "PuTTY-User-Key-File-3: ssh-ed25519\n", "in PuTTY's format", "puttygen "),
        (0o600, token_key(), "is on a security token", "`ssh-add "),
    ],
)
def test_a_file_that_is_not_usable(
    sshd: Sshd, remote: Callable[..., Remote], mode: int, text: str, says: str, remedy: str
) -> None:
    if text:
        sshd.key_file.write_text(text)
    sshd.key_file.chmod(mode)
    configure(f"IdentityFile {sshd.key_file}")
    error = refusal(remote)
    assert says in error.message and str(sshd.key_file) in error.message and remedy in error.remedy
    assert "ssh-keygen -t" not in error.remedy and not sshd.offered


@pytest.mark.parametrize("form", ["PKCS8", "PEM", "RFC4716"])
@pytest.mark.parametrize("passphrase", ["", "secret"])
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_each_format_of_a_key_file(
    sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, form: str, passphrase: str, kind: str
) -> None:
    size = {"ecdsa": "256", "rsa": "1024"}[kind]  # ssh-keygen's own size of RSA takes much longer.
    file = new_key(tmp_path / "other", "-t", kind, "-b", size, "-m", form, "-N", passphrase)
    make = {"ecdsa": paramiko.ECDSAKey, "rsa": paramiko.RSAKey}[kind]
    sshd.key = make(data=base64.b64decode(Path(f"{file}.pub").read_text().split()[1]))
    if passphrase:
        assert "needs its passphrase" in refusal(remote, key=str(file)).message
    one = remote(key=str(file))
    one._config.connect_kwargs.passphrase = passphrase
    assert one.run("echo in").output == "in\n"


def test_an_agent_with_too_many_keys(
    sshd: Sshd, remote: Callable[..., Remote], agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        add(agent, new_key(tmp_path / f"key{number}"))
    configure(f"IdentityAgent {agent}")

    def check(username: str, key: paramiko.PKey) -> int:
        del username
        sshd.offered.append(key.get_name())
        if len(sshd.offered) % 3 == 0:
            message = paramiko.Message()
            for part in (b"\1",):
                message.add_byte(part)
            message.add_int(2)
            message.add_string("Too many authentication failures")
            message.add_string("en")
            sshd.transports[-1]._send_message(message)
            sshd.transports[-1].close()
        return paramiko.AUTH_FAILED

    monkeypatch.setattr(sshd, "check_auth_publickey", check)
    error = refusal(remote)
    assert "It said: Too many authentication failures." in error.message
    assert "hosts.web.key in hosts.toml" in error.remedy and "authorized_keys" not in error.remedy


def test_a_certificate_beside_the_key_is_offered_first(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    public = Path(f"{sshd.key_file}.pub")
    public.write_text(f"{sshd.key.get_name()} {sshd.key.get_base64()} mine\n")
    authority = new_key(tmp_path / "ca")
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "me", "-n", "deploy", public], check=True, capture_output=True)
    assert Path(f"{sshd.key_file}-cert.pub").exists()
    sshd.users = []
    refused = refusal(remote, key=str(sshd.key_file))
    assert f"the key {sshd.key_file} with its certificate, the key {sshd.key_file}." in refused.message


def test_a_server_that_takes_passwords_only(
    sshd: Sshd, remote: Callable[..., Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sshd, "get_allowed_auths", lambda _user: "password")
    answers = {"open": paramiko.AUTH_SUCCESSFUL}
    monkeypatch.setattr(sshd, "check_auth_password", lambda _user, word: answers.get(word, paramiko.AUTH_FAILED))
    sshd.users = []
    error = refusal(remote, key=str(sshd.key_file))
    assert "takes passwords, but no keys" in error.remedy and "--prompt-for-login-password" in error.remedy
    one = remote()
    one._config.connect_kwargs.password = "open"
    assert one.connection.is_connected


def test_no_key_at_all(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    error = refusal(remote)
    assert error.message == (
        "web: could not log in to the server as deploy and as root, because no key could be offered. There is no SSH agent: "
        "SSH_AUTH_SOCK is not set, and ssh's configuration names none."
    )
    assert "ssh-keygen -t ed25519" in error.remedy and not sshd.offered
