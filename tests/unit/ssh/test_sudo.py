"""sudo, with and without a password."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from selvedge.errors import SelvedgeError
from selvedge.shell.quoting import quote
from selvedge.ssh import sudo
from selvedge.ssh.connection import Credentials, Remote
from tests.unit.ssh.sshd import PASSWORD, Sshd, fake_sudo

pytestmark = pytest.mark.programs


def by_sudo(programs: Path, password: str, script: str, payload: bytes = b"", login: str = "sh") -> tuple[int, str]:
    """Run a script as the connection does, with a login shell and a fake sudo. Return its status and output."""
    data = script.encode()
    command, preface = sudo.command("deploy", password)
    assert password not in command or not password
    done = subprocess.run(
        [shutil.which(login) or login, "-c", command],
        input=preface + b"%d\n" % len(data) + data + payload, env={"PATH": f"{programs}:/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=20,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


# These lines would be right passwords, if sudo ever read them.
SCRIPT = f"echo run\n: {quote(PASSWORD)}\n\nhead -c 3\nexit 5\n"


@pytest.mark.parametrize("login", ["dash", "bash"])
@pytest.mark.parametrize(
    ("mode", "password"), [("nopasswd", ""), ("nopasswd", PASSWORD), ("asks", PASSWORD), ("nopasswd", "other")]
)
def test_sudo_runs_a_script(tmp_path: Path, mode: str, password: str, login: str) -> None:
    programs = fake_sudo(tmp_path, mode)
    assert by_sudo(programs, password, SCRIPT, b"abcdef", login) == (5, "run\nabc")
    arguments = (programs / "arguments").read_text()
    assert "run" not in arguments and (not password or password not in arguments)
    asked = programs / "passwords"
    assert (asked.read_text() if asked.exists() else "") == (f"{PASSWORD}\n" if mode == "asks" else "")


@pytest.mark.parametrize("attempts", [1, 3, 8])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_sudo_never_reads_a_line_of_the_script(tmp_path: Path, password: str, attempts: int) -> None:
    programs = fake_sudo(tmp_path, "asks", attempts)
    script = "".join(f"{line}\n" for line in (PASSWORD, PASSWORD, "touch pwned"))
    status, output = by_sudo(programs, password, script)
    assert status == 1
    asked = (programs / "passwords").read_text() if password else ""
    assert asked == ("wrong\n" + "\n" * (attempts - 1) if password else "")
    problem = sudo.refusal("web", "deploy", status, output)
    assert problem and problem.message == (
        "web: sudo rejected the password of deploy." if password else "web: sudo asks deploy for a password."
    )


REFUSALS = [
    ("tty", "", "the server's sudoers file requires a terminal (requiretty)"),
    ("tty", PASSWORD, "the server's sudoers file requires a terminal (requiretty)"),
    ("never", "", "deploy may not use sudo"),
    ("never", PASSWORD, "deploy may not use sudo"),
]


@pytest.mark.parametrize(("mode", "password", "message"), REFUSALS)
def test_a_refusal_of_sudo_becomes_a_message(tmp_path: Path, mode: str, password: str, message: str) -> None:
    status, output = by_sudo(fake_sudo(tmp_path, mode), password, "echo run\n")
    problem = sudo.refusal("web", "deploy", status, output)
    assert problem and problem.message == f"web: {message}." and problem.remedy and problem.status == 1


WORDS = [
    ("sudo: interactive authentication is required", "sudo asks deploy for a password."),
    ("sudo-rs: Interaction is required", "sudo asks deploy for a password."),
    ("sudo: Authentication failed, try again.\nsudo: Maximum 3 incorrect authentication attempts", "rejected the password"),
    ("sudo: I'm sorry deploy. I'm afraid I can't do that", "deploy may not use sudo."),
    ("Sorry, user deploy may not run '/bin/sh' as root on web.", "deploy may not use sudo."),
    ("sudo: A terminal is required to authenticate", "requires a terminal"),
    ("sudo: Account or password is expired, reset your password and try again", "It said: Account or password is expired, reset"),
    ("sudo: unable to resolve host web: Name or service not known\nsudo: error initializing audit plugin sudoers_audit",
     "sudo did not run a command for deploy. It said: error initializing audit plugin sudoers_audit."),
    ("sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set or an NFS file system without "
     "root privileges?", "with the 'nosuid' option set"),
    ("sudo: /etc/sudoers is world writable", "sudo did not run a command for deploy. It said: /etc/sudoers is world writable."),
]  # fmt: skip


@pytest.mark.parametrize(("output", "says"), WORDS)
def test_other_words_of_sudo_and_of_sudo_rs(output: str, says: str) -> None:
    problem = sudo.refusal("web", "deploy", 1, f"Welcome!\n{output}\n")
    assert problem and says in problem.message, problem


@pytest.mark.parametrize("password", ["", PASSWORD])
@pytest.mark.parametrize("login", ["dash", "bash"])
def test_a_server_without_sudo(tmp_path: Path, password: str, login: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("env", "sh", "head"):
        (tools / name).symlink_to(shutil.which(name) or name)
    command, preface = sudo.command("deploy", password)
    done = subprocess.run(
        [shutil.which(login) or login, "-c", command], input=preface + b"5\ntrue\n", env={"PATH": str(tools)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    problem = sudo.refusal("web", "deploy", done.returncode, done.stdout.decode())
    assert problem and problem.message == "web: sudo is not installed on the server, and deploy is not root."


@pytest.mark.parametrize(("user", "status", "output"), [
    ("deploy", 0, "sudo: a password is required\n"),
    ("root", 1, "sudo: a password is required\n"),
    ("deploy", 1, "@0123456789ab begin 0\nsudo: a password is required\n@0123456789ab failed 0 1\n@0123456789ab end 1\n"),
    ("deploy", 1, "@0123456789ab begin 0\nthe user is not in the sudoers file\n"),
    ("deploy", 1, "sudo: a password is required\nand\nthree\nmore lines\n"),
    ("deploy", 2, "a script's own words\n"),
    ("deploy", 2, "sudo: unable to resolve host web: Name or service not known\n"),
    ("deploy", 2, "sudo: unable to resolve host web: Name or service not known\na script's own words\n"),
    ("deploy", -1, ""),
])  # fmt: skip
def test_output_of_a_script_is_no_refusal(user: str, status: int, output: str) -> None:
    assert sudo.refusal("web", user, status, output) is None


@pytest.mark.parametrize(("mode", "message"), [("tty", "requires a terminal"), ("never", "may not use sudo")])
def test_a_refusal_that_comes_before_the_password_was_sent(
    sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, message: str
) -> None:
    """On a busy machine sudo may have ended by then."""
    sshd.users = ["deploy"]
    sshd.path = f"{fake_sudo(tmp_path, mode)}:/usr/bin:/bin"
    execute = paramiko.Channel.exec_command

    def ended(channel: paramiko.Channel, command: str) -> None:
        execute(channel, command)
        for _ in range(500):
            if channel.closed:
                break
            time.sleep(0.01)

    monkeypatch.setattr(paramiko.Channel, "exec_command", ended)
    with pytest.raises(SelvedgeError, match=message):
        remote(PASSWORD).run("true")


def test_the_connection_uses_sudo_and_reports_refusals(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    sshd.users = ["deploy"]
    sshd.path = f"{fake_sudo(tmp_path, 'asks')}:/usr/bin:/bin"
    assert remote(PASSWORD).run("head -c 3", [b"abc"]).output == "abc"
    with pytest.raises(SelvedgeError, match="web: sudo asks deploy for a password"):
        remote().run("true")
    with pytest.raises(SelvedgeError, match="web: sudo rejected the password of deploy"):
        remote("wrong").run("true")
    assert PASSWORD not in "".join(sshd.commands) and PASSWORD not in repr(Credentials(PASSWORD))
