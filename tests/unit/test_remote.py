"""The connection: scripts by standard input, sudo with and without a password, keys that are checked, errors in words.

The SSH server is paramiko's, in this process; it runs what it is asked to by the local shell.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest
from fabric import Config
from selvedge.hostkeys import UnknownHostKey, fingerprint
from selvedge.hosts import Host
from selvedge.remote import Credentials, Remote
from selvedge.way import open_socket, unreachable

from selvedge import sudo
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.shell import quote

PASSWORD = "päss 'word\" $x`\\"


class Sshd(paramiko.ServerInterface):
    """A server on the loopback interface that lets `users` in with `key` and runs commands by `sh`."""

    def __init__(self, folder: Path) -> None:
        self.users = ["root"]
        self.host_key: paramiko.PKey = paramiko.ECDSAKey.generate()
        self.key = paramiko.ECDSAKey.generate()
        self.key_file = folder / "id"
        self.key.write_private_key_file(str(self.key_file))
        self.path = "/usr/bin:/bin"
        self.commands: list[str] = []
        self.transports: list[paramiko.Transport] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(self.host_key)
            self.transports.append(transport)
            transport.start_server(event=threading.Event(), server=self)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username in self.users and key.asbytes() == self.key.asbytes()
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.commands.append(command.decode())
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        words = ["sh", "-c", command]
        # A command that ends without reading all of its input breaks the pipe, and has ended all the same.
        with contextlib.suppress(BrokenPipeError), subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=both, env={"PATH": self.path}
        ) as process:
            threading.Thread(target=self._feed, args=(channel, process), daemon=True).start()
            while data := process.stdout.read1(1 << 16):
                if b"CUT HERE" in data:
                    self.cut()
                    break
                channel.sendall(data)
        # The client may go at any moment.
        with contextlib.suppress(EOFError, OSError):
            if not channel.closed:
                channel.send_exit_status(process.returncode)
                channel.close()

    @staticmethod
    def _feed(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
        try:
            while data := channel.recv(1 << 16):
                process.stdin.write(data)
                process.stdin.flush()
            process.stdin.close()
        except (OSError, ValueError):  # closed by the other end, or by whoever waits for the process
            pass

    def cut(self) -> None:
        for transport in self.transports:
            transport.close()

    def close(self) -> None:
        self._listening.close()
        self.cut()


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    server = Sshd(tmp_path)
    yield server
    server.close()


@pytest.fixture
def remote(sshd: Sshd) -> Iterator[Callable[..., Remote]]:
    """A connection to the server: remote(password="", **fields of the host); its key is pinned."""
    made = []

    def make(password: str = "", **fields: Any) -> Remote:
        values = {"host_key": fingerprint(sshd.host_key), "key": str(sshd.key_file), "port": sshd.port, **fields}
        host = Host.model_validate({"name": "web", "address": "127.0.0.1", **values})
        made.append(Remote(host, Config(), Credentials(password)))
        return made[-1]

    yield make
    for each in made:
        each.close()


# --- scripts and payloads ---


def test_the_shell_of_the_next_script_is_opened_while_one_runs(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    one = remote()
    one.run("sleep 0.3", more=True)
    assert len(sshd.commands) == 2
    assert one.run("echo next").output == "next\n"
    assert len(sshd.commands) == 2 == one.execs
    assert one.run("echo last").output == "last\n"
    assert len(sshd.commands) == 3 == one.execs


def test_a_shell_that_has_ended_while_it_waited_is_opened_anew(remote: Callable[..., Remote]) -> None:
    one = remote()
    one.run("sleep 0.3", more=True)
    one._shell.result().close()
    assert one.run("echo next").output == "next\n"


def test_a_server_that_allows_no_second_channel_gets_the_next_script_all_the_same(
    sshd: Sshd, remote: Callable[..., Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = remote()
    requests = iter([paramiko.OPEN_SUCCEEDED, paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, paramiko.OPEN_SUCCEEDED])
    monkeypatch.setattr(sshd, "check_channel_request", lambda _kind, _id: next(requests))
    channel, line = one.hold("echo held; cat")
    assert line == "held" and isinstance(one._shell.exception(timeout=5), UnreachableError)
    assert one.run("echo next").output == "next\n"
    channel.close()


def test_a_script_runs_and_its_output_and_status_come_back(remote: Callable[..., Remote]) -> None:
    one = remote()
    result = one.run("echo out; echo err >&2; exit 7")
    assert (result.status, sorted(result.output.split())) == (7, ["err", "out"])
    assert one.run("exit 0").status == 0
    assert (one.user, one.execs) == ("root", 2)


def test_scripts_and_payloads_stand_in_no_argument(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    (tmp_path / "pack").write_bytes(b"\0\1\xff" * 100_000)
    script = f"# {'x' * 300_000}\nhead -c 9 | cksum; cksum; tr '\\0' ' ' </proc/$$/cmdline"
    result = remote().run(script, [b"c4nary\0\r\n", tmp_path / "pack"])
    sums = [line.split()[:2] for line in result.output.splitlines()[:2]]
    expected = [subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout.decode().split()
                for data in (b"c4nary\0\r\n", b"\0\1\xff" * 100_000)]  # fmt: skip
    assert sums == expected
    assert "c4nary" not in result.output
    (command,) = sshd.commands
    assert len(command) < 100 and "c4nary" not in command


def test_a_script_that_reads_nothing_does_not_wait_for_its_payload(remote: Callable[..., Remote]) -> None:
    assert remote().run("echo done", [b"x" * 500_000]).output == "done\n"


def test_lines_come_as_they_are_printed(remote: Callable[..., Remote]) -> None:
    found: list[tuple[str, float]] = []
    result = remote().run(
        "printf 'one\\ntwo'; sleep 0.4; printf ' more\\n\\nlast'", on_line=lambda line: found.append((line, time.monotonic()))
    )
    assert [line for line, _ in found] == ["one", "two more", "", "last"]
    assert found[1][1] - found[0][1] > 0.2, "the first line was held back"
    assert result.output == "one\ntwo more\n\nlast"


def test_odd_output_is_no_hindrance(remote: Callable[..., Remote]) -> None:
    script = "printf '\\377\\n'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\\n\\0\\033[2J\\303'; sleep 0.1; printf '\\244\\n'"
    found: list[str] = []
    result = remote().run(script, on_line=found.append)
    assert [line[:9] for line in found] == ["\udcff", "xxxxxxxxx", "\0\033[2Jä"] and len(found[1]) == 1_000_000
    assert result.status == 0


def test_a_line_without_an_end_does_not_grow_for_ever(remote: Callable[..., Remote]) -> None:
    found: list[str] = []
    remote().run("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end", on_line=found.append)
    assert "".join(found) == 5_000_000 * "x" + "end" and found[-1] == "end"
    assert max(map(len, found)) < 2_000_000


def test_a_connection_that_is_lost_gives_status_minus_one(remote: Callable[..., Remote]) -> None:
    one = remote()
    result = one.run("echo before; sleep 0.1; echo CUT HERE; sleep 5")
    assert (result.status, result.output) == (-1, "before\n")
    # A new connection would not hold the lock of the old one.
    with pytest.raises(UnreachableError, match="the connection was lost"):
        one.run("echo again")


def test_a_held_script_lives_as_long_as_its_channel(remote: Callable[..., Remote], tmp_path: Path) -> None:
    one = remote()
    channel, line = one.hold(f"echo held; cat >/dev/null; touch {tmp_path}/ended")
    assert line == "held"
    assert one.run("echo meanwhile").output == "meanwhile\n"
    assert not (tmp_path / "ended").exists()
    channel.close()
    for _ in range(100):
        if (tmp_path / "ended").exists():
            return
        time.sleep(0.02)
    pytest.fail("the script outlived its channel")


def test_small_packets_are_not_held_back(remote: Callable[..., Remote]) -> None:
    transport = remote().connection.transport
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="other systems than Linux have no such option")
def test_what_comes_is_acknowledged_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = open_socket(*listening.getsockname())
        there, _ = listening.accept()
        with here, there:
            for _ in range(3):  # Linux turns to late acknowledgements when each side answers the other.
                here.sendall(b"x")
                there.sendall(there.recv(1))
                here.recv(1)
            assert here.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
            assert here.gettimeout() == 15


# --- logins ---


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


# --- host keys ---


def known(sshd: Sshd, key: paramiko.PKey) -> str:
    return f"[127.0.0.1]:{sshd.port} {key.get_name()} {key.get_base64()}\n"


def test_a_server_that_was_never_seen_is_refused(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    with pytest.raises(UnreachableError) as caught:
        remote(host_key="").run("true")
    assert "this server is not known yet" in caught.value.message
    assert fingerprint(sshd.host_key) in caught.value.message
    assert caught.value.remedy.endswith("fab -H web trust")
    assert not sshd.commands and not Path("~/.ssh/known_hosts").expanduser().exists()


@pytest.mark.parametrize("where", ["the user's file", "the host's file"])
def test_a_known_server_is_taken(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, where: str) -> None:
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


def test_only_the_pinned_key_counts_where_one_is_pinned(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    Path("~/.ssh/known_hosts").expanduser().write_text(known(sshd, sshd.host_key))
    pinned = fingerprint(paramiko.ECDSAKey.generate())
    with pytest.raises(UnreachableError) as caught:
        remote(host_key=pinned).run("true")
    assert pinned in caught.value.message and fingerprint(sshd.host_key) in caught.value.message
    assert "hosts.web.host_key" in caught.value.remedy
    assert not sshd.commands
    Path("~/.ssh/known_hosts").expanduser().write_text(known(sshd, paramiko.ECDSAKey.generate()))
    assert remote().run("echo pinned").output == "pinned\n"


def test_fingerprints_are_those_of_ssh_keygen(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"{sshd.host_key.get_name()} {sshd.host_key.get_base64()}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True).stdout
    assert fingerprint(sshd.host_key) == shown.split()[1]


# --- what can go wrong ---


class FakeConnection:
    host, port, gateway, user = "192.0.2.1", 22, None, "deploy"


KEY = paramiko.ECDSAKey.generate()
FAILURES: list[tuple[Exception, str, str]] = [
    (socket.gaierror(-2, "Name or service not known"), "no address is known for the name 192.0.2.1", "hosts.web.address"),
    (ConnectionRefusedError(111, "x"), "192.0.2.1 port 22 refuses connections", "Is the SSH server running"),
    (TimeoutError("timed out"), "192.0.2.1 port 22 did not answer within 15 s", "firewall"),
    (OSError(113, "x"), "cannot reach 192.0.2.1 port 22: No route to host", "Check the address"),
    (OSError(101, "x"), "cannot reach 192.0.2.1 port 22: Network is unreachable", "Check the address"),
    (FileNotFoundError(2, "x", "/home/me/id"), "the file /home/me/id on this machine cannot be read", "hosts.web.key"),
    (PermissionError(13, "x", "/home/me/id"), "/home/me/id on this machine cannot be read: Permission denied", "hosts.web.key"),
    (paramiko.SSHException("Error reading SSH protocol banner"), "Error reading SSH protocol banner", "ssh -v deploy@192.0.2.1"),
    (EOFError(), "the SSH connection to 192.0.2.1 port 22 failed: EOFError", "ssh -v deploy@192.0.2.1"),
    (UnknownHostKey(KEY, ""), f"not known yet. Its ECDSA-SHA2-NISTP256 key is {fingerprint(KEY)}", "fab -H web trust"),
    (UnknownHostKey(KEY, "SHA256:x"), "but hosts.toml pins SHA256:x", "hosts.web.host_key"),
    (paramiko.BadHostKeyException("web", KEY, KEY), "HOST KEY HAS CHANGED", "fab -H web trust"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "remedy"), FAILURES, ids=lambda value: type(value).__name__)
def test_a_failure_is_told_in_words(error: Exception, message: str, remedy: str, sshd: Sshd) -> None:
    del sshd  # for its HOME
    found = unreachable(Host(name="web", address="192.0.2.1"), FakeConnection(), error)  # type: ignore[arg-type]
    assert found.message.startswith("web: ") and message in found.message
    assert remedy in found.remedy
    assert found.status == 4


def test_nobody_listens(remote: Callable[..., Remote]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"web: 127\.0\.0\.1 port {port} refuses connections"):
        remote(port=port).run("true")


def test_something_else_than_ssh_answers(remote: Callable[..., Remote]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            client, _ = other.accept()
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UnreachableError, match=r"web: the SSH connection to 127\.0\.0\.1 port \d+ failed: ") as caught:
            remote(port=other.getsockname()[1]).run("true")
    assert caught.value.remedy.startswith("Try `ssh -v -p ")


# --- sudo ---

# As sudo(8) 1.9.13 was seen to do. What it takes for passwords, and its arguments, are written down.
SUDO = r"""#!/bin/sh
here=${0%/*} ask=1
printf '%s\n' "$*" >>"$here/arguments"
[ "${LC_ALL:-}" = C ] || { echo "sudo: Ein Passwort ist notwendig" >&2; exit 1; }
while :; do
  case $1 in
    -n) ask=; shift ;;
    -S) shift ;;
    -p) shift 2 ;;
    *) break ;;
  esac
done
case $(cat "$here/mode") in
  nopasswd) exec "$@" ;;
  tty) echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1 ;;
  never) echo "deploy is not in the sudoers file." >&2; exit 1 ;;
esac
[ -n "$ask" ] || { echo "sudo: a password is required" >&2; exit 1; }
for attempt in $(seq "$(cat "$here/attempts")"); do
  IFS= read -r line || { echo "sudo: no password was provided" >&2; exit 1; }
  printf '%s\n' "$line" >>"$here/passwords"
  if [ "$line" = "$(cat "$here/right")" ]; then exec "$@"; fi
  if [ "$attempt" -lt "$(cat "$here/attempts")" ]; then echo "Sorry, try again." >&2; fi
done
echo "sudo: $attempt incorrect password attempts" >&2
exit 1
"""


def fake_sudo(folder: Path, mode: str, attempts: int = 3) -> Path:
    """A folder with a program `sudo` in it."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, text in {"sudo": SUDO, "mode": mode, "attempts": str(attempts), "right": PASSWORD}.items():
        (programs / name).write_text(text)
    (programs / "sudo").chmod(0o755)
    return programs


def by_sudo(programs: Path, password: str, script: str, payload: bytes = b"", login: str = "sh") -> tuple[int, str]:
    """Run a script as the connection does, with a login shell and a fake sudo; its status and output."""
    data = script.encode()
    command, preface = sudo.command("deploy", password)
    assert password not in command or not password
    done = subprocess.run(
        [shutil.which(login) or login, "-c", command],
        input=preface + b"%d\n" % len(data) + data + payload, env={"PATH": f"{programs}:/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=20,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


# Lines that would do as passwords, should sudo ever be given them.
SCRIPT = f"echo run\n: {quote(PASSWORD)}\n\nhead -c 3\nexit 5\n"


@pytest.mark.parametrize("login", ["dash", "bash"])
@pytest.mark.parametrize(
    ("mode", "password"), [("nopasswd", ""), ("nopasswd", PASSWORD), ("asks", PASSWORD), ("nopasswd", "other")]
)
def test_a_script_runs_by_sudo(tmp_path: Path, mode: str, password: str, login: str) -> None:
    programs = fake_sudo(tmp_path, mode)
    assert by_sudo(programs, password, SCRIPT, b"abcdef", login) == (5, "run\nabc")
    arguments = (programs / "arguments").read_text()
    assert "run" not in arguments and (not password or password not in arguments)
    asked = programs / "passwords"
    assert (asked.read_text() if asked.exists() else "") == (f"{PASSWORD}\n" if mode == "asks" else "")


@pytest.mark.parametrize("attempts", [1, 3, 8])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_line_of_the_script_is_never_taken_for_a_password(tmp_path: Path, password: str, attempts: int) -> None:
    programs = fake_sudo(tmp_path, "asks", attempts)
    script = "".join(f"{line}\n" for line in (PASSWORD, PASSWORD, "touch pwned"))
    status, output = by_sudo(programs, password, script)
    assert status == 1
    asked = (programs / "passwords").read_text() if password else ""
    assert asked == ("wrong\n" + "\n" * (attempts - 1) if password else "")
    problem = sudo.refusal("web", "deploy", status, output)
    assert problem and problem.message == (
        "web: sudo refused the password of deploy." if password else "web: sudo asks deploy for a password."
    )


REFUSALS = [
    ("tty", "", "the server's sudoers file demands a terminal (requiretty)"),
    ("tty", PASSWORD, "the server's sudoers file demands a terminal (requiretty)"),
    ("never", "", "deploy may not use sudo"),
    ("never", PASSWORD, "deploy may not use sudo"),
]


@pytest.mark.parametrize(("mode", "password", "message"), REFUSALS)
def test_what_sudo_refuses_with_is_told_in_words(tmp_path: Path, mode: str, password: str, message: str) -> None:
    status, output = by_sudo(fake_sudo(tmp_path, mode), password, "echo run\n")
    problem = sudo.refusal("web", "deploy", status, output)
    assert problem and problem.message == f"web: {message}." and problem.remedy and problem.status == 1


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
    ("deploy", -1, ""),
])  # fmt: skip
def test_what_a_script_says_is_not_taken_for_sudo_s_words(user: str, status: int, output: str) -> None:
    assert sudo.refusal("web", user, status, output) is None


def test_the_connection_uses_sudo_and_says_what_it_refuses(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    sshd.users = ["deploy"]
    sshd.path = f"{fake_sudo(tmp_path, 'asks')}:/usr/bin:/bin"
    assert remote(PASSWORD).run("head -c 3", [b"abc"]).output == "abc"
    with pytest.raises(SelvedgeError, match="web: sudo asks deploy for a password"):
        remote().run("true")
    with pytest.raises(SelvedgeError, match="web: sudo refused the password of deploy"):
        remote("wrong").run("true")
    assert PASSWORD not in "".join(sshd.commands) and PASSWORD not in repr(Credentials(PASSWORD))


def test_a_passphrase_that_was_asked_for_reaches_the_login(remote: Callable[..., Remote]) -> None:
    one = remote()
    one._config.connect_kwargs.passphrase = "long and secret"
    assert one.unopened("deploy").connect_kwargs["passphrase"] == "long and secret"
