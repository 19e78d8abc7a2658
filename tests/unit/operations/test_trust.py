"""`fab trust` against an SSH server of this process."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from fabric import Config

from selvedge.errors import SelvedgeError, UnreachableError, UsageError
from selvedge.operations.trust import trust
from selvedge.run import Run
from tests.unit.operations.ssh_server import SshServer, ed25519
from tests.unit.ssh.sshd import print_of


@pytest.fixture
def ssh() -> Iterator[SshServer]:
    server = SshServer()
    yield server
    server.close()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The answers that the user types, in order. A test adds them; a question takes the first."""
    typed: list[str] = []

    def ask(question: str) -> str:
        print(question)
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    return typed


class TestTrust:
    def lines(self, ssh: SshServer, more: str = "") -> str:
        return f'address = "127.0.0.1"\nport = {ssh.port}\n{more}'

    def stored(self, path: Path) -> list[str]:
        return path.read_text().splitlines() if path.exists() else []

    def test_all_keys_are_stored_as_ssh_reads_them(
        self, ssh: SshServer, project: Callable[..., Run], answers: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        answers.append("y")
        trust(project({"web": self.lines(ssh)}))
        file = Path("~/.ssh/known_hosts").expanduser()
        found = subprocess.run(["ssh-keygen", "-lF", ssh.entry, "-f", file], capture_output=True, text=True, check=True)
        assert set(re.findall(r"SHA256:\S+", found.stdout)) == {print_of(key) for key in ssh.keys}
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        shown = capsys.readouterr().out
        assert f'host_key = "{print_of(ssh.keys[0])}"' in shown
        assert "[hosts.web]" in shown
        assert ssh.logins == []

    def test_a_second_run_asks_and_stores_nothing(
        self, ssh: SshServer, project: Callable[..., Run], answers: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        trust(project({"web": self.lines(ssh)}), yes=True)
        file = Path("~/.ssh/known_hosts").expanduser()
        before = file.read_bytes()
        answers.append("unread")
        trust(project({"web": self.lines(ssh)}))
        assert file.read_bytes() == before
        assert answers == ["unread"]
        assert "All of these keys are known" in capsys.readouterr().out

    @pytest.mark.parametrize("typed", ["n", "", "nein", "yess", None])
    def test_only_yes_stores_the_keys(
        self, ssh: SshServer, project: Callable[..., Run], answers: list[str], typed: str | None
    ) -> None:
        answers.extend([] if typed is None else [typed])
        with pytest.raises(SelvedgeError, match=r"web: you did not accept the host keys\. Nothing was stored") as caught:
            trust(project({"web": self.lines(ssh)}))
        assert caught.value.status == 1
        assert not Path("~/.ssh/known_hosts").expanduser().exists()

    def test_without_a_terminal_nothing_is_contacted(
        self, project: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("socket.create_connection", lambda *_, **__: pytest.fail("contacted"))
        with pytest.raises(UsageError, match="fab trust cannot ask you to confirm the host keys") as caught:
            trust(project({"web": 'address = "127.0.0.1"'}))
        assert caught.value.status == 2
        assert "--yes" in caught.value.remedy

    def test_a_changed_key_is_printed_and_never_replaced(
        self, ssh: SshServer, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        named = self.lines(ssh, 'known_hosts = "known hosts"')
        trust(project({"web": named}), yes=True)
        file, old = tmp_path / "known hosts", print_of(ssh.keys[0])
        before = file.read_bytes()
        ssh.keys[0] = ed25519()
        with pytest.raises(SelvedgeError) as caught:
            trust(project({"web": named}), yes=True)
        assert file.read_bytes() == before
        assert f"ED25519: known_hosts has {old}, the server shows {print_of(ssh.keys[0])}" in caught.value.message
        assert print_of(ssh.keys[1]) not in caught.value.message
        assert caught.value.status == 1
        # The command of the remedy works as it is.
        command = next(line for line in caught.value.remedy.splitlines() if "ssh-keygen" in line)
        subprocess.run(command, shell=True, check=True, capture_output=True)
        trust(project({"web": named}), yes=True)
        assert [line.split()[2] for line in self.stored(file)] == [key.get_base64() for key in ssh.keys]

    def test_a_new_further_key_is_no_alarm_and_not_replaced(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        trust(project({"web": self.lines(ssh)}), yes=True)
        file = Path("~/.ssh/known_hosts").expanduser()
        before = file.read_bytes()
        ssh.keys[1] = paramiko.ECDSAKey.generate()
        with pytest.raises(SelvedgeError, match="The ED25519 key, which logins use, is unchanged") as caught:
            trust(project({"web": self.lines(ssh)}), yes=True)
        assert print_of(ssh.keys[1]) in caught.value.message
        assert "ssh-keygen -R" in caught.value.remedy
        assert file.read_bytes() == before

    def test_a_server_with_only_another_kind_of_key_has_changed(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        first = ssh.keys
        ssh.keys = first[:1]
        trust(project({"web": self.lines(ssh)}), yes=True)
        ssh.keys = first[1:]
        with pytest.raises(SelvedgeError, match=r"HAS CHANGED.*the server shows none"):
            trust(project({"web": self.lines(ssh)}), yes=True)
        assert len(self.stored(Path("~/.ssh/known_hosts").expanduser())) == 1

    def test_a_key_is_added_after_a_last_line_without_newline(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        file = Path("~/.ssh/known_hosts").expanduser()
        file.parent.mkdir()
        file.write_text(f"{ssh.entry} {ssh.keys[0].get_name()} {ssh.keys[0].get_base64()}")
        trust(project({"web": self.lines(ssh)}), yes=True)
        assert [line.split()[1] for line in self.stored(file)] == [key.get_name() for key in ssh.keys]

    def test_ssh_config_gives_the_address(
        self, ssh: SshServer, project: Callable[..., Run], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project({"web": ""})
        config = Path("~/.ssh/config").expanduser()
        config.parent.mkdir()
        config.write_text(f"Host web\n    HostName 127.0.0.1\n    Port {ssh.port}\n")
        run = Run.load(["web"], Config())
        trust(run, yes=True)
        assert [line.split()[0] for line in self.stored(config.parent / "known_hosts")] == [ssh.entry] * 2
        assert ssh.entry in capsys.readouterr().out

    def test_a_jump_host_must_be_known_before_the_login(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        project({"inner": ""})
        config = Path("~/.ssh/config").expanduser()
        config.parent.mkdir()
        config.write_text(
            f"Host jump\n    HostName 127.0.0.1\n    Port {ssh.port}\nHost inner\n    HostName 192.0.2.1\n    ProxyJump jump\n"
        )
        for attempt in (lambda run: trust(run, yes=True), lambda run: run.fleet.sessions[0].remote.connection):
            with pytest.raises(UnreachableError, match=r"the jump host .* is not known yet\.") as caught:
                attempt(Run.load(["inner"], Config()))
            assert ssh.entry in caught.value.message
            assert "fab -H jump trust" in caught.value.remedy
        file = config.parent / "known_hosts"
        file.write_text(f"{ssh.entry} {ssh.keys[0].get_name()} {ed25519().get_base64()}\n")
        with pytest.raises(UnreachableError, match=r"HAS CHANGED\. It is the jump host ") as caught:
            _ = Run.load(["inner"], Config()).fleet.sessions[0].remote.connection
        assert f"ssh-keygen -R '{ssh.entry}'" in caught.value.remedy
        assert ssh.logins == []

    def test_the_pinned_key_wins_over_the_file(
        self, ssh: SshServer, project: Callable[..., Run], capsys: pytest.CaptureFixture[str]
    ) -> None:
        pin = f'host_key = "{print_of(ssh.keys[0])}"'
        trust(project({"web": self.lines(ssh, pin)}), yes=True)
        assert "host_key in hosts.toml is one of these keys" in capsys.readouterr().out
        assert not Path("~/.ssh/known_hosts").expanduser().exists()
        ssh.keys[0] = ed25519()
        with pytest.raises(SelvedgeError, match=r"HAS CHANGED\. hosts.toml has "):
            trust(project({"web": self.lines(ssh, pin)}), yes=True)
        with pytest.raises(UnreachableError, match=r"but hosts.toml has "):
            _ = project({"web": self.lines(ssh, pin)}).fleet.sessions[0].remote.connection

    def test_a_pin_of_another_key_than_the_preferred_one_is_fine(
        self, ssh: SshServer, project: Callable[..., Run], capsys: pytest.CaptureFixture[str]
    ) -> None:
        trust(project({"web": self.lines(ssh, f'host_key = "{print_of(ssh.keys[1])}"')}), yes=True)
        shown = capsys.readouterr().out
        assert "host_key in hosts.toml is one of these keys" in shown
        assert f'one connection instead of several, set `host_key = "{print_of(ssh.keys[0])}"`' in shown

    def test_a_login_accepts_only_stored_keys(
        self, ssh: SshServer, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        key = paramiko.ECDSAKey.generate()
        key.write_private_key_file(str(tmp_path / "key"))
        lines = self.lines(ssh, 'key = "key"')
        with pytest.raises(UnreachableError, match="not known yet"):
            _ = project({"web": lines}).fleet.sessions[0].remote.connection
        assert ssh.logins == []
        trust(project({"web": lines}), yes=True)
        with pytest.raises(UnreachableError, match="rejected the login"):
            _ = project({"web": lines}).fleet.sessions[0].remote.connection
        assert set(ssh.logins) == {"deploy", "root"}

    def test_keys_are_stored_although_another_host_is_unreachable(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        run = project({"gone": f'address = "127.0.0.1"\nport = {port}', "web": self.lines(ssh)})
        with pytest.raises(UnreachableError, match=r"gone: 127.0.0.1 port [0-9]+ refused the connection") as caught:
            trust(run, yes=True)
        assert caught.value.status == 4
        assert len(self.stored(Path("~/.ssh/known_hosts").expanduser())) == 2

    def test_an_unwritable_file_is_reported(
        self, ssh: SshServer, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(SelvedgeError, match=r"could not write .*folder: Is a directory"):
            trust(project({"web": self.lines(ssh, 'known_hosts = "folder"')}), yes=True)
