"""Operations without a server: what is asked of one, what is made of its answers, and an SSH server of paramiko's."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fabric import Config
from selvedge.fleet import Fleet
from selvedge.hostkeys import fingerprint
from selvedge.operations.command import run_command
from selvedge.operations.diagnosis import diagnose
from selvedge.operations.examination import Examined
from selvedge.operations.findings import Finding
from selvedge.operations.power import Running, started, stopped
from selvedge.operations.reach import reach
from selvedge.operations.verdict import judge
from selvedge.operations.vitals import Vitals, reading
from selvedge.operations.workplace import inspect
from selvedge.remote import Result
from selvedge.session import Session
from selvedge.settings import Settings, Target
from selvedge.step import Operation, Step

import tasks.operations
import tasks.remove
from selvedge.errors import SelvedgeError, UnreachableError, UsageError
from selvedge.operations import output
from selvedge.operations.doctor import doctor
from selvedge.operations.logs import logs
from selvedge.operations.releases import history, releases
from selvedge.operations.ssh import command as ssh_command
from selvedge.operations.ssh import ssh as ssh_to
from selvedge.operations.status import status
from selvedge.operations.trust import trust
from selvedge.report import Report
from selvedge.run import Run
from tests.unit.conftest import Server


def ed25519() -> paramiko.PKey:
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return paramiko.Ed25519Key(file_obj=io.StringIO(text.decode()))


class SshServer:
    """Shows host keys to whoever connects to it on the loopback interface, and lets nobody in."""

    def __init__(self) -> None:
        self.keys = [ed25519(), paramiko.ECDSAKey.generate()]
        self.logins: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def entry(self) -> str:
        return f"[127.0.0.1]:{self.port}"

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            for key in self.keys:
                transport.add_server_key(key)
            transport.start_server(event=threading.Event(), server=_Nobody(self.logins))

    def close(self) -> None:
        self._socket.close()


class _Nobody(paramiko.ServerInterface):
    def __init__(self, logins: list[str]) -> None:
        self._logins = logins

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        self._logins.append(username)
        return paramiko.AUTH_FAILED


@pytest.fixture
def ssh() -> Iterator[SshServer]:
    server = SshServer()
    yield server
    server.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """A run over hosts of a hosts.toml: project({"web": "port = 2222"}); HOME is an empty folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("SELVEDGE_HOSTS_FILE", str(tmp_path / "hosts.toml"))

    def make(hosts: dict[str, str], app: str = "") -> Run:
        text = f'[app]\nname = "hello"\nrepository = "https://git.example.com/me/hello.git"\n{app}\n'
        text += "".join(f"[hosts.{name}]\n{lines}\n" for name, lines in hosts.items())
        (tmp_path / "hosts.toml").write_text(text)
        return Run.load(list(hosts), Config())

    return make


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person types at a terminal, in order; afterwards what is left of it."""
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
    """`fab trust` against an SSH server of this process."""

    def lines(self, ssh: SshServer, more: str = "") -> str:
        return f'address = "127.0.0.1"\nport = {ssh.port}\n{more}'

    def stored(self, path: Path) -> list[str]:
        return path.read_text().splitlines() if path.exists() else []

    def test_stores_all_keys_and_the_file_is_one_that_ssh_reads(
        self, ssh: SshServer, project: Callable[..., Run], answers: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        answers.append("y")
        trust(project({"web": self.lines(ssh)}))
        file = Path("~/.ssh/known_hosts").expanduser()
        found = subprocess.run(["ssh-keygen", "-lF", ssh.entry, "-f", file], capture_output=True, text=True, check=True)
        assert set(re.findall(r"SHA256:\S+", found.stdout)) == {fingerprint(key) for key in ssh.keys}
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        shown = capsys.readouterr().out
        assert f'host_key = "{fingerprint(ssh.keys[0])}"' in shown
        assert "[hosts.web]" in shown
        assert ssh.logins == []

    def test_again_there_is_nothing_to_ask_or_store(
        self, ssh: SshServer, project: Callable[..., Run], answers: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        trust(project({"web": self.lines(ssh)}), yes=True)
        file = Path("~/.ssh/known_hosts").expanduser()
        before = file.read_bytes()
        answers.append("unread")
        trust(project({"web": self.lines(ssh)}))
        assert file.read_bytes() == before
        assert answers == ["unread"]
        assert "Nothing to store" in capsys.readouterr().out

    @pytest.mark.parametrize("typed", ["n", "", "nein", "yess", None])
    def test_anything_but_yes_stores_nothing(
        self, ssh: SshServer, project: Callable[..., Run], answers: list[str], typed: str | None
    ) -> None:
        answers.extend([] if typed is None else [typed])
        with pytest.raises(SelvedgeError, match="web: the keys were not accepted; nothing was stored") as caught:
            trust(project({"web": self.lines(ssh)}))
        assert caught.value.status == 1
        assert not Path("~/.ssh/known_hosts").expanduser().exists()

    def test_without_a_terminal_nothing_is_contacted(
        self, project: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("socket.create_connection", lambda *_, **__: pytest.fail("contacted"))
        with pytest.raises(UsageError, match="Nobody can be asked") as caught:
            trust(project({"web": 'address = "127.0.0.1"'}))
        assert caught.value.status == 2
        assert "--yes" in caught.value.remedy

    def test_a_changed_key_is_shown_beside_the_old_one_and_never_replaced(
        self, ssh: SshServer, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        named = self.lines(ssh, 'known_hosts = "known hosts"')
        trust(project({"web": named}), yes=True)
        file, old = tmp_path / "known hosts", fingerprint(ssh.keys[0])
        before = file.read_bytes()
        ssh.keys[0] = ed25519()
        with pytest.raises(SelvedgeError) as caught:
            trust(project({"web": named}), yes=True)
        assert file.read_bytes() == before
        assert f"ED25519: known is {old}, shown is {fingerprint(ssh.keys[0])}" in caught.value.message
        assert fingerprint(ssh.keys[1]) not in caught.value.message
        assert caught.value.status == 1
        # The command that it gives works as it stands.
        command = next(line for line in caught.value.remedy.splitlines() if "ssh-keygen" in line)
        subprocess.run(command, shell=True, check=True, capture_output=True)
        trust(project({"web": named}), yes=True)
        assert [line.split()[2] for line in self.stored(file)] == [key.get_base64() for key in ssh.keys]

    def test_a_further_key_that_was_made_anew_is_no_alarm_and_not_replaced_either(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        trust(project({"web": self.lines(ssh)}), yes=True)
        file = Path("~/.ssh/known_hosts").expanduser()
        before = file.read_bytes()
        ssh.keys[1] = paramiko.ECDSAKey.generate()
        with pytest.raises(SelvedgeError, match="The ED25519 key, which logins use, is the known one") as caught:
            trust(project({"web": self.lines(ssh)}), yes=True)
        assert fingerprint(ssh.keys[1]) in caught.value.message
        assert "ssh-keygen -R" in caught.value.remedy
        assert file.read_bytes() == before

    def test_a_server_that_shows_only_a_key_of_another_kind_has_changed(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        first = ssh.keys
        ssh.keys = first[:1]
        trust(project({"web": self.lines(ssh)}), yes=True)
        ssh.keys = first[1:]
        with pytest.raises(SelvedgeError, match=r"HAS CHANGED.*shown is none"):
            trust(project({"web": self.lines(ssh)}), yes=True)
        assert len(self.stored(Path("~/.ssh/known_hosts").expanduser())) == 1

    def test_a_further_key_is_added_behind_a_last_line_without_an_end(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        file = Path("~/.ssh/known_hosts").expanduser()
        file.parent.mkdir()
        file.write_text(f"{ssh.entry} {ssh.keys[0].get_name()} {ssh.keys[0].get_base64()}")
        trust(project({"web": self.lines(ssh)}), yes=True)
        assert [line.split()[1] for line in self.stored(file)] == [key.get_name() for key in ssh.keys]

    def test_ssh_config_says_where_the_server_is(
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

    def test_a_server_in_between_must_be_known_before_it_is_logged_in_to(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        project({"inner": ""})
        config = Path("~/.ssh/config").expanduser()
        config.parent.mkdir()
        config.write_text(
            f"Host jump\n    HostName 127.0.0.1\n    Port {ssh.port}\nHost inner\n    HostName 192.0.2.1\n    ProxyJump jump\n"
        )
        for attempt in (lambda run: trust(run, yes=True), lambda run: run.fleet.sessions[0].remote.connection):
            with pytest.raises(UnreachableError, match=r"not known yet\. It is .*, on the way there") as caught:
                attempt(Run.load(["inner"], Config()))
            assert ssh.entry in caught.value.message
            assert "fab -H jump trust" in caught.value.remedy
        file = config.parent / "known_hosts"
        file.write_text(f"{ssh.entry} {ssh.keys[0].get_name()} {ed25519().get_base64()}\n")
        with pytest.raises(UnreachableError, match=r"HAS CHANGED\. It is .*, on the way there") as caught:
            _ = Run.load(["inner"], Config()).fleet.sessions[0].remote.connection
        assert f"ssh-keygen -R '{ssh.entry}'" in caught.value.remedy
        assert ssh.logins == []

    def test_the_pinned_key_wins_over_the_file(
        self, ssh: SshServer, project: Callable[..., Run], capsys: pytest.CaptureFixture[str]
    ) -> None:
        pin = f'host_key = "{fingerprint(ssh.keys[0])}"'
        trust(project({"web": self.lines(ssh, pin)}), yes=True)
        assert "hosts.toml pins" in capsys.readouterr().out
        assert not Path("~/.ssh/known_hosts").expanduser().exists()
        ssh.keys[0] = ed25519()
        with pytest.raises(SelvedgeError, match=r"DOES NOT SHOW THE KEY THAT hosts.toml PINS"):
            trust(project({"web": self.lines(ssh, pin)}), yes=True)
        with pytest.raises(UnreachableError, match=r"hosts.toml pins"):
            _ = project({"web": self.lines(ssh, pin)}).fleet.sessions[0].remote.connection

    def test_a_pin_that_logins_do_not_use_is_told_before_they_fail(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        pin = f'host_key = "{fingerprint(ssh.keys[1])}"'
        with pytest.raises(SelvedgeError, match="pins a key that logins do not use") as caught:
            trust(project({"web": self.lines(ssh, pin)}), yes=True)
        assert fingerprint(ssh.keys[0]) in caught.value.remedy

    def test_a_login_accepts_what_trust_has_stored_and_nothing_before(
        self, ssh: SshServer, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        key = paramiko.ECDSAKey.generate()
        key.write_private_key_file(str(tmp_path / "key"))
        lines = self.lines(ssh, 'key = "key"')
        with pytest.raises(UnreachableError, match="not known yet"):
            _ = project({"web": lines}).fleet.sessions[0].remote.connection
        assert ssh.logins == []
        trust(project({"web": lines}), yes=True)
        with pytest.raises(UnreachableError, match="refused the login"):
            _ = project({"web": lines}).fleet.sessions[0].remote.connection
        assert set(ssh.logins) == {"deploy", "root"}

    def test_one_host_that_is_not_there_does_not_keep_the_others_from_being_stored(
        self, ssh: SshServer, project: Callable[..., Run]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        run = project({"gone": f'address = "127.0.0.1"\nport = {port}', "web": self.lines(ssh)})
        with pytest.raises(UnreachableError, match=r"gone: 127.0.0.1 port [0-9]+ refuses connections") as caught:
            trust(run, yes=True)
        assert caught.value.status == 4
        assert len(self.stored(Path("~/.ssh/known_hosts").expanduser())) == 2

    def test_a_file_that_cannot_be_written_is_said(
        self, ssh: SshServer, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(SelvedgeError, match="folder cannot be written: Is a directory"):
            trust(project({"web": self.lines(ssh, 'known_hosts = "folder"')}), yes=True)


class LocalRemote:
    """Runs scripts in a server of this machine's folders, as the connection would on a real one."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.user = "root"
        self.execs = 0

    def run(self, script: str, _payloads: object = (), on_line: Callable[[str], None] | None = None, more: bool = False) -> Result:  # noqa: ARG002
        self.execs += 1
        done = self.server.run(script)
        output = done.stdout.decode("utf-8", "surrogateescape")
        for line in output.splitlines() if on_line else ():
            on_line(line)
        return Result(done.returncode, output)

    def close(self) -> None:
        pass


class Unreachable(LocalRemote):
    """A server that is not there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *_: object, **__: object) -> Result:
        raise UnreachableError(f"{self.name}: does not answer.", "Switch it on.")


@dataclass
class Fake:
    """A run whose hosts are local folders, and what it printed."""

    run: Run
    servers: dict[str, Server]
    screen: io.StringIO

    @property
    def text(self) -> str:
        return self.screen.getvalue()


@pytest.fixture
def fake(target: Callable[..., Target], tmp_path: Path) -> Callable[..., Fake]:
    """fake("one", "two", gone=["two"], domains=[…]): a run over hosts of these names."""

    def make(*names: str, gone: Sequence[str] = (), **tables: object) -> Fake:
        app = target(**tables)
        servers = {name: Server(tmp_path / name) for name in names if name not in gone}
        screen = io.StringIO()
        report = Report(screen)
        sessions = [
            Session(
                app.model_copy(update={"host": app.host.model_copy(update={"name": name})}),
                Unreachable(name) if name in gone else LocalRemote(servers[name]),  # type: ignore[arg-type]
                report,
            )
            for name in names
        ]
        settings = Settings.model_validate({"app": {"name": app.name, "repository": app.repository}})
        return Fake(Run(settings, Fleet(sessions, report, settings.rollout)), servers, screen)

    return make


def instance(server: Server, name: str, state: str, *, record: str = "", at: float = 1_700_000_000) -> None:
    """Have an instance on the server, as a release leaves it."""
    folder = server.path(f"/srv/hello/instances/{name}")
    folder.mkdir(parents=True)
    (folder / "state").write_text(f"{state}\n")
    os.utime(folder / "state", (at, at))
    if record:
        (folder / "record").write_text(record)


def live(server: Server, name: str) -> None:
    """Make nginx's link lead to an instance."""
    server.path("/srv/hello").mkdir(exist_ok=True)
    server.path("/srv/hello/live.sock").symlink_to(f"/run/hello/{name}.sock")


OLD, NEW = "aaaaaaaaaaaa-111111", "bbbbbbbbbbbb-222222"
RECORD = """commit {commit}
subject {subject}
author 张伟
at {at}
by me@laptop
seconds 7
"""


class TestReleases:
    """`fab releases`, `fab history`."""

    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        found = fake("one")
        server = found.servers["one"]
        first = RECORD.format(commit="a" * 40, subject="First\033[2J; commit", at="2026-01-02T03:04:05Z")
        second = RECORD.format(commit="b" * 40, subject="Second", at="2026-01-03T03:04:05Z")
        instance(server, OLD, "good", record=first)
        instance(server, NEW, "left", record=second)
        instance(server, "cccccccccccc-333333", "bad", at=1_800_000_000)
        live(server, OLD)
        return found

    def test_table_newest_first_states_in_words(self, one: Fake) -> None:
        releases(one.run)
        title, *rows = one.text.splitlines()
        assert " ".join(title.split()) == "host release state commit subject author when (UTC) by s"
        assert [row.split()[1] for row in rows] == ["cccccccccccc-333333", NEW, OLD]
        assert "bad" in rows[0]
        assert "2027-01-15 08:00:00" in rows[0]
        assert "rolled back" in rows[1]
        assert "live, down" in rows[2]
        assert "First; commit" in rows[2]
        assert "\033" not in one.text
        assert one.run.fleet.sessions[0].remote.execs == 1

    def test_columns_stand_below_each_other_with_wide_letters(self, one: Fake) -> None:
        releases(one.run)
        title, _, *rows = one.text.splitlines()
        starts = {output.width(row[: row.index("2026-01")]) for row in rows} | {title.index("when")}
        assert len(starts) == 1

    def test_json_is_one_document_with_all_that_the_table_says(self, one: Fake) -> None:
        releases(one.run, as_json=True)
        found = json.loads(one.text)["one"]
        assert (found["app"], found["live"], found["answering"]) == ("hello", OLD, False)
        assert [each["state"] for each in found["releases"]] == ["bad", "rolled back", "live"]
        assert found["releases"][2] == {
            "release": OLD, "state": "live", "commit": "a" * 40, "subject": "First\033[2J; commit", "author": "张伟",
            "at": "2026-01-02T03:04:05Z", "by": "me@laptop", "seconds": 7,
        }  # fmt: skip
        assert found["releases"][0]["commit"] == "cccccccccccc"

    def test_a_bad_release_has_its_subject_from_the_mirror(self, fake: Callable[..., Fake], tmp_path: Path) -> None:
        found = fake("one")
        server = found.servers["one"]
        mirror = server.path("/srv/hello/repo.git")
        work = tmp_path / "work"
        who = ["-c", "user.name=Ann\tB", "-c", "user.email=a@b.test"]
        subprocess.run(["git", "init", "-q", work], check=True)
        subprocess.run(
            ["git", *who, "-C", work, "commit", "-q", "--allow-empty", "-m", "Broken on purpose"], check=True
        )
        subprocess.run(["git", "clone", "-q", "--bare", work, mirror], check=True)
        commit = subprocess.run(
            ["git", "-C", work, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        instance(server, f"{commit[:12]}-333333", "bad")
        releases(found.run, as_json=True)
        (record,) = json.loads(found.text)["one"]["releases"]
        assert record["commit"] == commit.strip()
        assert "Broken on purpose" in record["subject"]

    def test_a_server_with_nothing_says_what_to_do(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        releases(found.run)
        assert found.text == "one: nothing was released there yet. `fab -H one deploy` does.\n"

    def test_json_of_hosts_of_which_one_is_gone(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two", gone=["two"])
        with pytest.raises(UnreachableError):
            releases(found.run, as_json=True)
        document = json.loads(found.text)
        assert document["one"]["releases"] == []
        assert document["two"] == {"error": "two: does not answer. Switch it on."}

    def test_history_shows_its_last_lines_as_they_are(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        lines = [f"2026-01-0{day}T00:00:00Z\tme\tdeploy\t-\tx-{day}\tgood\n" for day in range(1, 6)]
        lines.append(f"2026-01-06T00:00:00Z\tme\trollback\t{OLD}\t{NEW}\trefused: a\ttab \033[31m and more\n")
        path = found.servers["one"].path("/srv/hello/history")
        path.parent.mkdir(parents=True)
        path.write_text("".join(lines))
        history(found.run, lines=3)
        _, *rows = found.text.splitlines()
        assert [row.split()[1] for row in rows] == ["2026-01-04", "2026-01-05", "2026-01-06"]
        assert rows[2].endswith("refused: a    tab  and more")

    def test_history_as_json(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two")
        path = found.servers["one"].path("/srv/hello/history")
        path.parent.mkdir(parents=True)
        path.write_text(f"2026-01-06T00:00:00Z\tme\tdeploy\t-\t{NEW}\tgood\nshort\n")
        history(found.run, lines=30, as_json=True)
        event = {"at": "2026-01-06T00:00:00Z", "by": "me", "why": "deploy", "old": "-", "new": NEW, "result": "good"}
        short = {"at": "short", "by": "", "why": "", "old": "", "new": "", "result": ""}
        assert json.loads(found.text) == {"one": [event, short], "two": []}

    @pytest.mark.parametrize("lines", [0, -1])
    def test_history_of_no_lines_is_wrong_usage(self, fake: Callable[..., Fake], lines: int) -> None:
        with pytest.raises(UsageError):
            history(fake("one").run, lines=lines)


class TestStatus:
    """`fab status`: the script in a local server whose programs answer what a real one's would, and what is made of it."""

    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        """A server on which all is well."""
        found = fake("one", health="/up?a=b", domains=["hello.example.com"])
        server = found.servers["one"]
        instance(server, OLD, "good", record=RECORD.format(commit="a" * 40, subject="x", at="2026-01-02T03:04:05Z"))
        live(server, OLD)
        users = "".join(f'(\\"python\\",pid={pid},fd=3),' for pid in (20, 21, 22))
        server.program("ss", f'echo "u_str LISTEN 0 2048 /run/hello/{OLD}.sock 1 * 0 users:({users})"')
        server.program("ps", "printf '20 5 30000 7500\\n21 20 80000 7400\\n22 20 81000 60\\n'")
        server.program("curl", 'printf "%s\\n" "$*" >/var/log/asked; printf "200 0.012"')
        server.program("systemctl", "case $1 in is-active) echo active ;; *) echo success ;; esac")
        server.program("openssl", "echo notBefore=Jan  1 00:00:00 2026 GMT; echo notAfter=Apr  1 00:00:00 2026 GMT")
        server.path("/etc/letsencrypt/live/hello").mkdir(parents=True)
        server.path("/etc/letsencrypt/live/hello/fullchain.pem").write_text("x")
        server.program("date", 'case "$*" in +%s.%N) echo 1769904000.5 ;; *) exec /bin/date "$@" ;; esac')
        server.program(
            "df", "echo head; case $1 in -Pk) echo / 60000000 1 40000000 1% / ;; *) echo / 900000 1 800000 1% / ;; esac"
        )
        server.program("setpriv", "exit 0")
        server.path("/etc/nginx/sites-enabled").mkdir(parents=True)
        server.path("/etc/nginx/sites-enabled/hello-tls").write_text("")
        return found

    def read(self, one: Fake) -> dict[str, Any]:
        """The JSON of a status that is well."""
        status(one.run, as_json=True)
        found: dict[str, Any] = json.loads(one.text)["one"]
        return found

    def sick(self, one: Fake) -> str:
        """The lines of a status that is not."""
        with pytest.raises(SelvedgeError, match="Unhealthy: one: ") as caught:
            status(one.run)
        assert caught.value.status == 1
        return one.text

    def test_all_is_well(self, one: Fake) -> None:
        before = one.servers["one"].tree("/srv")
        found = self.read(one)
        assert found["healthy"] is True
        assert found["findings"] == []
        assert (found["live"], found["since"], found["workers"]) == (OLD, "2026-01-02T03:04:05Z", 2)
        assert (found["memory_kb"], found["uptime_seconds"], found["restarts"]) == (191000, 7500, 0)
        assert found["health"] == {"status": 200, "seconds": 0.012}
        assert found["services"] == {"nginx": "active", "supervisor": "active"}
        assert found["certificate_days"] == 59.0
        assert found["disk"] == {"free_kb": 40000000, "size_kb": 60000000}
        assert found["upgrades"] == {"all": 0, "security": 0}
        assert one.run.fleet.sessions[0].remote.execs == 1
        assert one.servers["one"].tree("/srv") == before

    def test_lines_for_a_person(self, one: Fake) -> None:
        status(one.run)
        first, second = one.text.splitlines()[:2]
        assert first.endswith(
            f"✓ {OLD}, live since 2026-01-02 03:04:05 UTC: 2 workers, 187 MB, up 2 h 5 min, 0 restarts"
        )
        assert second.endswith("✓ GET /up?a=b (Host: hello.example.com): 200 in 12 ms")

    def test_the_question_goes_through_the_link_that_nginx_follows(self, one: Fake) -> None:
        self.read(one)
        asked = one.servers["one"].path("/var/log/asked").read_text()
        assert "--unix-socket /srv/hello/live.sock -H Host: hello.example.com" in asked
        assert asked.endswith("-H X-Forwarded-Proto: https -- http://localhost/up?a=b\n")

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ("503 0.2", "GET /up?a=b (Host: hello.example.com): answered 503"),
            ("000 5.001", "no answer within 5 s"),
            ("000 0.0001", "nothing answers there"),
        ],
    )
    def test_a_health_check_that_fails_is_a_problem(self, one: Fake, answer: str, said: str) -> None:
        one.servers["one"].program("curl", f'printf "{answer}"')
        text = self.sick(one)
        assert said in text
        assert "accepted are 200-399" in text

    @pytest.mark.parametrize(
        ("manager", "said"),
        [
            (f"hello.{OLD}  FATAL  Exited too quickly", f"nothing listens on its socket (hello.{OLD} FATAL Exited too quickly)"),
            (f"hello.{OLD}: ERROR (no such process)", ": stopped"),
        ],
    )  # fmt: skip
    def test_an_app_that_does_not_run(self, one: Fake, manager: str, said: str) -> None:
        server = one.servers["one"]
        server.program("ss", "exit 0")
        server.program("supervisorctl", f"echo '{manager}'; exit 3")
        text = self.sick(one)
        assert said in text
        assert "fab -H one start" in text

    def test_workers_whose_master_was_killed_do_not_count(self, one: Fake) -> None:
        server = one.servers["one"]
        server.program("ps", "printf '20 1 30000 7500\\n21 5 40000 100\\n22 21 80000 60\\n'")
        found = self.read(one)
        assert (found["workers"], found["memory_kb"]) == (1, 120000)
        (orphan,) = found["findings"]
        assert orphan["level"] == "warning"
        assert orphan["remedy"] == "On the server: `kill -9 20`."

    def test_only_workers_whose_master_was_killed(self, one: Fake) -> None:
        server = one.servers["one"]
        server.program("ps", "echo 20 1 30000 7500")
        server.program("supervisorctl", "echo hello.x BACKOFF")
        assert "nothing listens on its socket (hello.x BACKOFF)" in self.sick(one)

    def test_a_master_without_workers(self, one: Fake) -> None:
        one.servers["one"].program("ps", "echo 20 5 30000 7500")
        assert "0 workers" in self.sick(one)

    def test_restarts_are_counted_since_the_last_stop_and_warn(self, one: Fake) -> None:
        folder = one.servers["one"].path("/var/log/supervisor")
        folder.mkdir()
        end = f"2026-01-01 WARN exited: hello.{OLD} (terminated by SIGKILL; not expected)\n"
        stop = f"2026-01-01 INFO stopped: hello.{OLD} (exit status 0)\n"
        (folder / "supervisord.log.1").write_text(end + end + stop + end + end.replace(OLD, NEW))
        (folder / "supervisord.log").write_text(
            f"INFO spawned: 'hello.{OLD}' with pid 1\n{end}{stop.replace(OLD, NEW)}"
        )
        found = self.read(one)
        assert found["restarts"] == 2
        assert [each["level"] for each in found["findings"]] == ["warning"]

    def test_a_dead_service(self, one: Fake) -> None:
        one.servers["one"].program("systemctl", '[ "$2" != nginx ] || { echo inactive; exit 3; }; echo active')
        assert "nginx is inactive" in self.sick(one)

    @pytest.mark.parametrize(
        ("moment", "level", "said"),
        [
            ("1773532800", "warning", "ends in 17 days, and was not renewed"),
            ("1775088000", "problem", "has expired 1 day ago"),
        ],
    )
    def test_a_certificate_near_its_end(self, one: Fake, moment: str, level: str, said: str) -> None:
        one.servers["one"].program("date", f'case "$*" in +%s.%N) echo {moment}.0 ;; *) exec /bin/date "$@" ;; esac')
        text = self.sick(one) if level == "problem" else (status(one.run), one.text)[1]
        assert said in text

    @pytest.mark.parametrize(
        ("served", "said"),
        [
            ("echo Fingerprint=old; echo notAfter=Feb  1 00:00:00 2026 GMT",
             "nginx still shows another one on port 443, until 2026-02-01"),
            ("exit 1", "nginx shows none on port 443"),
        ],
    )
    def test_a_renewed_certificate_that_nginx_has_not_loaded(self, one: Fake, served: str, said: str) -> None:
        dates = "echo notBefore=Jan  1 00:00:00 2026 GMT; echo notAfter=Apr  1 00:00:00 2026 GMT"
        one.servers["one"].program("openssl", f"""
case $* in
  s_client*) echo shown ;;
  *" -in "*) echo Fingerprint=new; {dates} ;;
  *) {served} ;;
esac""")
        text = self.sick(one)
        assert said in text
        assert "days left" not in text

    def test_no_certificate_yet_and_a_renewal_that_failed(self, one: Fake) -> None:
        server = one.servers["one"]
        server.program("systemctl", "case $1 in is-active) echo active ;; *) echo exit-code ;; esac")
        (finding,) = self.read(one)["findings"]
        assert finding["text"] == "its last renewal failed (certbot.service)"
        server.path("/etc/letsencrypt/live/hello/fullchain.pem").unlink()
        one.screen.truncate(one.screen.seek(0))
        assert [each["text"] for each in self.read(one)["findings"]] == ["there is none for hello.example.com"]

    @pytest.mark.parametrize(
        ("origin", "unit"), [("apt", "certbot"), ("snap", "snap.certbot.renew"), ("pip", "selvedge-certbot")]
    )
    def test_the_renewal_is_that_of_the_certbot_in_use(self, target: Any, origin: str, unit: str) -> None:
        app = target(domains=["a.test"], tls={"certbot": origin})
        assert f"status_certificate /etc/letsencrypt/live/hello/fullchain.pem {unit}.service a.test" in repr(reading(app))

    @pytest.mark.parametrize(
        ("kilobytes", "inodes", "level"),
        [(40000000, 0, "ok"), (5000000, 90000, "warning"), (900000, 90000, "warning"), (90000, 90000, "problem"),
         (40000000, 1999, "problem")],
    )  # fmt: skip
    def test_disk(self, one: Fake, kilobytes: int, inodes: int, level: str) -> None:
        every = f"/ {900000 if inodes else 0} 1 {inodes} 1% /"
        one.servers["one"].program(
            "df", f"echo head; case $1 in -Pk) echo / 60000000 1 {kilobytes} 1% / ;; *) echo {every} ;; esac"
        )
        levels = [
            each.level for each in judge(one.run.fleet.sessions[0].target, self.vitals(one)) if each.subject == "disk"
        ]
        assert sorted(levels)[-1] == level if level != "problem" else "problem" in levels

    def vitals(self, one: Fake) -> Vitals:
        session = one.run.fleet.sessions[0]
        return Vitals.parse(session.facts([reading(session.target)])[0])

    def test_updates_that_wait(self, one: Fake) -> None:
        server = one.servers["one"]
        lines = (
            "Inst a (1 Debian:12/stable [amd64])\nInst b (2 Debian-Security:12/stable-security [amd64])\nConf a (1)\n"
        )
        server.path("/var/log/apt").write_text(lines)
        server.program("setpriv", "cat /var/log/apt")
        server.path("/run/reboot-required").write_text("")
        server.path("/run/reboot-required.pkgs").write_text("linux-image\nlibc6\nlibc6\n")
        found = self.read(one)
        assert found["upgrades"] == {"all": 2, "security": 1}
        assert found["reboot_required"] is True
        assert [each["text"] for each in found["findings"]] == [
            "2 packages (1 for security)", "needed by libc6 linux-image"
        ]  # fmt: skip

    def test_a_bare_server_is_not_ill(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        found.servers["one"].program("systemctl", "echo inactive; exit 3")
        status(found.run)
        assert "nothing is deployed here" in found.text
        assert "fab -H one deploy" in found.text
        assert "nginx" not in found.text

    def test_hosts_are_told_apart_and_the_worst_decides(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two", gone=["two"])
        with pytest.raises(UnreachableError) as caught:
            status(found.run, as_json=True)
        assert caught.value.status == 4
        found_json = json.loads(found.text)
        assert found_json["one"]["healthy"] is True
        assert found_json["two"] == {"healthy": False, "error": "two: does not answer. Switch it on."}


LOG = """[2026-11-22 12:22:02 +0000] [1302] [INFO] Started
[2026-11-22 12:22:03 +0000] [1302] [ERROR] Exception in ASGI application
Traceback (most recent call last):
  File "main.py", line 3, in home
ValueError: \033[31mno\033[0m
[2026-11-22 12:22:04 +0000] [1302] [INFO] Goes on
INFO:     127.0.0.1 - "GET /ERROR HTTP/1.1" 200
{"level": "info", "message": "json"}
{"time": 1, "level": "error", "message": "json too"}
print of the app
WARNING: not that bad
Traceback (most recent call last):
  File "worker.py", line 1
KeyError: 'x'
"""


class TestLogs:
    """`fab logs`, but for --follow, which needs a real connection to end."""

    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        found = fake("one")
        server = found.servers["one"]
        instance(server, OLD, "good")
        live(server, OLD)
        folder = server.path("/var/log/hello")
        folder.mkdir()
        (folder / f"{OLD}.log").write_text(LOG)
        (folder / f"{NEW}.log").write_text("of another release\n")
        (folder / "nginx-access.log").write_text("a 1\na 2\n")
        (folder / "nginx-error.log").write_bytes(b"e 1\ne \xff\x07 2 without an end")
        return found

    def read(self, one: Fake, lines: int = 100, *, nginx: bool = False, errors: bool = False) -> list[str]:
        logs(one.run, lines=lines, follow=False, nginx=nginx, errors=errors)
        return one.text.splitlines()

    def test_the_last_lines_of_the_live_release(self, one: Fake) -> None:
        assert self.read(one, 2) == ['  File "worker.py", line 1', "KeyError: 'x'"]

    def test_no_line(self, one: Fake) -> None:
        assert self.read(one, 0) == []

    def test_errors_are_whole_records_and_tracebacks(self, one: Fake) -> None:
        assert self.read(one, errors=True) == [
            "[2026-11-22 12:22:03 +0000] [1302] [ERROR] Exception in ASGI application",
            "Traceback (most recent call last):",
            '  File "main.py", line 3, in home',
            "ValueError: no",
            '{"time": 1, "level": "error", "message": "json too"}',
            "print of the app",
            "Traceback (most recent call last):",
            '  File "worker.py", line 1',
            "KeyError: 'x'",
        ]

    def test_of_errors_too_the_last_are_shown(self, one: Fake) -> None:
        assert self.read(one, 1, errors=True) == ["KeyError: 'x'"]

    def test_logs_of_nginx_are_named(self, one: Fake) -> None:
        assert self.read(one, nginx=True) == [
            "access  a 1",
            "access  a 2",
            "error   e 1",
            "error   e ?� 2 without an end",
        ]

    def test_errors_of_nginx(self, one: Fake) -> None:
        assert self.read(one, 1, nginx=True, errors=True) == ["e ?� 2 without an end"]

    def test_hosts_stand_before_their_lines(self, fake: Callable[..., Fake]) -> None:
        found = fake("a", "long")
        for server in found.servers.values():
            live(server, OLD)
            server.path("/var/log/hello").mkdir()
            server.path(f"/var/log/hello/{OLD}.log").write_text("x\n")
        assert sorted(self.read(found)) == ["a     x", "long  x"]

    def test_a_line_without_end_in_sight_is_cut(self, one: Fake) -> None:
        one.servers["one"].path(f"/var/log/hello/{OLD}.log").write_text("x" * 1_000_000 + "\n")
        (line,) = self.read(one)
        assert line == "x" * 4000 + "…"

    def test_nothing_deployed(self, fake: Callable[..., Fake]) -> None:
        with pytest.raises(SelvedgeError, match="one: nothing is deployed there") as caught:
            self.read(fake("one"))
        assert caught.value.status == 1

    def test_no_site(self, fake: Callable[..., Fake]) -> None:
        with pytest.raises(
            SelvedgeError, match=r"there is no /var/log/hello/nginx-access.log yet; there is no .*error"
        ):
            self.read(fake("one"), nginx=True)

    def test_a_negative_number_is_wrong_usage(self, one: Fake) -> None:
        with pytest.raises(UsageError):
            self.read(one, -1)

    def test_only_reads(self, one: Fake) -> None:
        before = one.servers["one"].tree("/var/log")
        self.read(one, nginx=True)
        assert one.servers["one"].tree("/var/log") == before


class TestRemove:
    """`fab remove`; with a certificate and a second app it is tried on a real server."""

    @pytest.fixture(autouse=True)
    @staticmethod
    def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Fleet, "lock", lambda *_: False)

    def test_nothing_happens_without_yes(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        live(found.servers["one"], OLD)
        before = found.servers["one"].tree("/srv")
        with pytest.raises(UsageError, match="--dry-run"):
            tasks.remove.remove.operate(found.run)
        tasks.remove.remove.operate(found.run, dry_run=True)
        assert "-/srv/hello/live.sock" in found.text and "/srv/hello/shared and /var/log/hello stay" in found.text
        assert found.servers["one"].tree("/srv") == before

    def test_what_the_app_has_written_stays_unless_it_is_asked_for(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        for name in ("nginx", "systemctl", "supervisorctl", "userdel"):
            server.program(name, f'echo "{name} $*" >>/var/lib/asked')
        server.path(f"/srv/hello/instances/{OLD}").mkdir(parents=True, exist_ok=True)
        site, theirs = "/etc/nginx/sites-enabled/hello", "/srv/other/shared/upload"
        for path in ("/srv/hello/shared/upload", "/var/log/hello/old.log", site, theirs):
            server.path(path).parent.mkdir(parents=True, exist_ok=True)
            server.path(path).write_text("text")
        tasks.remove.remove.operate(found.run, yes=True)
        assert sorted(path.name for path in server.path("/srv/hello").iterdir()) == ["history", "shared"]
        assert f"\tremove\t{OLD}\t-\tgood\n" in server.path("/srv/hello/history").read_text()
        assert not server.path(site).exists()
        asked = server.path("/var/lib/asked").read_text()
        assert asked.index("nginx -t") < asked.index("systemctl reload nginx") < asked.index("supervisorctl")
        assert server.path("/var/log/hello/old.log").exists() and "userdel" not in asked
        tasks.remove.remove.operate(found.run, yes=True, data=True)
        assert not server.path("/srv/hello").exists() and not server.path("/var/log/hello").exists()
        assert server.path(theirs).exists()

    def test_a_site_without_which_nginx_does_not_start_is_put_back(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        server.path("/etc/nginx/sites-enabled").mkdir(parents=True)
        server.path("/etc/nginx/sites-enabled/hello").write_text("site")
        server.program("nginx", "echo 'nginx: [emerg] no such zone' >&2; exit 1")
        with pytest.raises(SelvedgeError, match="no such zone"):
            tasks.remove.remove.operate(found.run, yes=True)
        assert server.path("/etc/nginx/sites-enabled/hello").read_text() == "site"
        assert os.path.lexists(server.path("/srv/hello/live.sock"))


class TestPower:
    """`fab stop`, `fab start`: what is planned; the change itself is tested on a real server."""

    @pytest.mark.parametrize(
        ("facts", "stop", "start"),
        [
            (("known", "alive", "listening"), f"stop hello, release {OLD}", None),
            ((), None, f"start hello, release {OLD}"),
            (("known",), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
            (("known", "alive"), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
            (("known", "listening"), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
            (("listening",), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
        ],
    )
    def test_plan(
        self, target: Callable[..., Target], facts: Sequence[str], stop: str | None, start: str | None
    ) -> None:
        fact = f"live {OLD}\ncurrent x\n" + "".join(f"{each} yes\n" for each in facts)
        changes = [Running(target(), running=running).plan(fact) for running in (False, True)]
        assert [change and change.summary for change in changes] == [stop, start]

    @pytest.mark.parametrize("step", [stopped(), started()])
    def test_nothing_live_is_an_error_before_any_change(self, fake: Callable[..., Fake], step: Step) -> None:
        found = fake("one")
        with pytest.raises(SelvedgeError, match="one: nothing of hello is live there") as caught:
            found.run.step(step, {"dry_run": True})
        assert caught.value.status == 1
        assert found.text == ""

    def test_reading_asks_supervisor_nothing_that_changes_it(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        server.path("/etc/supervisor/conf.d").mkdir(parents=True)
        server.path("/etc/supervisor/conf.d/hello.conf").write_text(f"[program:hello.{OLD}]\n")
        server.program("supervisorctl", 'echo "$*" >>/var/log/asked; echo RUNNING')
        before = server.tree("/srv"), server.tree("/etc")
        found.run.step(stopped(), {"dry_run": True})
        assert f"stop hello, release {OLD}" in found.text
        assert (server.tree("/srv"), server.tree("/etc")) == before
        assert server.path("/var/log/asked").read_text() == f"status hello.{OLD}\n"


class TestRun:
    """`fab run --command`."""

    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        found = fake("one")
        server = found.servers["one"]
        instance(server, OLD, "good")
        live(server, OLD)
        script = server.path(f"/srv/hello/instances/{OLD}/run")
        script.write_text('#!/bin/sh\nSECRET=shh\nexport SECRET\nexec "$@"\n')
        script.chmod(0o755)
        server.program("setpriv", 'echo "$*" >/var/log/asked; while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
        server.program("id", "echo 999")
        return found

    @pytest.mark.parametrize(
        ("command", "output"),
        [
            ("echo a; echo b >&2", ["a", "b"]),
            ("printf '%s|' 'a b' '$(id)' \"it's\" '\\' '*'", ["a b|$(id)|it's|\\|*|"]),
            ("echo 张伟\necho two", ["张伟", "two"]),
            ("printf 'a\\n\\nb'", ["a", "", "b"]),
            ("cat", []),
            ("echo; echo", ["", ""]),
            ("printf '\\033[31mred\\033[0m\\a\\n'", ["red�"]),
            ("exit 0", []),
        ],
    )
    def test_the_command_reaches_the_shell_as_it_is(self, one: Fake, command: str, output: list[str]) -> None:
        run_command(one.run, command)
        assert one.text.splitlines() == output

    def test_it_runs_as_the_app(self, one: Fake) -> None:
        run_command(one.run, "true")
        asked = one.servers["one"].path("/var/log/asked").read_text()
        rights = "--reuid=hello --regid=999 --init-groups --no-new-privs --bounding-set=-all"
        assert asked.startswith(f"{rights} -- /srv/hello/instances/")

    def test_its_failure_is_told_and_is_status_1(self, one: Fake) -> None:
        with pytest.raises(SelvedgeError, match="one: the command ended with exit status 7") as caught:
            run_command(one.run, "echo out; exit 7")
        assert caught.value.status == 1
        assert one.text == "out\n"

    def test_a_command_that_exits_3_is_not_taken_for_no_release(self, one: Fake) -> None:
        with pytest.raises(SelvedgeError, match="ended with exit status 3"):
            run_command(one.run, "exit 3")

    def test_nothing_live(self, fake: Callable[..., Fake]) -> None:
        with pytest.raises(SelvedgeError, match="one: nothing is live there"):
            run_command(fake("one").run, "true")

    @pytest.mark.parametrize("command", ["", "  ", "a\0b"])
    def test_no_command_is_wrong_usage(self, one: Fake, command: str) -> None:
        with pytest.raises(UsageError):
            run_command(one.run, command)


class TestSsh:
    """`fab ssh`: what ssh is started with."""

    def words(self, run: Run, user: str = "deploy") -> list[str]:
        session = run.fleet.sessions[0]
        key = ed25519()
        transport = SimpleNamespace(get_remote_server_key=lambda: key)
        session.remote = SimpleNamespace(  # type: ignore[assignment]
            user=user, connection=SimpleNamespace(transport=transport), close=lambda: None
        )
        found = ssh_command(session)
        return [word.replace(key.get_base64(), "KEY") for word in found]

    def test_an_alias_is_left_to_ssh_config(self, project: Callable[..., Run]) -> None:
        assert self.words(project({"web": ""})) == ["ssh", "-l", "deploy", "--", "web"]

    def test_all_that_hosts_toml_says(self, project: Callable[..., Run], tmp_path: Path) -> None:
        lines = 'address = "203.0.113.10"\nport = 2222\nkey = "a %k"\nknown_hosts = "known hosts"'
        assert self.words(project({"web": lines}), "root") == [
            "ssh", "-l", "root", "-p", "2222", "-i", f"{tmp_path}/a %%k", "-o", "IdentitiesOnly=yes",
            "-o", f'UserKnownHostsFile="~/.ssh/known_hosts" "{tmp_path}/known hosts"', "--", "203.0.113.10",
        ]  # fmt: skip

    def test_a_pinned_key_is_the_only_one(self, project: Callable[..., Run]) -> None:
        words = self.words(project({"web": f'host_key = "SHA256:{"a" * 43}"'}))
        assert "KnownHostsCommand=/bin/echo %H ssh-ed25519 KEY" in words
        assert {"UserKnownHostsFile=none", "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes"} < set(words)

    def test_the_options_are_ones_that_ssh_knows(self, project: Callable[..., Run]) -> None:
        lines = f'address = "203.0.113.10"\nkey = "a %k"\nhost_key = "SHA256:{"a" * 43}"'
        for words in (self.words(project({"web": lines})), self.words(project({"web": 'known_hosts = "known hosts"'}))):
            done = subprocess.run([words[0], "-G", *words[1:]], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert "user deploy\n" in done.stdout

    def test_several_hosts_are_wrong_usage(self, project: Callable[..., Run]) -> None:
        with pytest.raises(UsageError, match="a, b are several"):
            ssh_to(project({"a": "", "b": ""}))


def found(text: str = "", user: str = "deploy", **more: Any) -> Examined:
    """What a server said, line by line, with what this machine saw."""
    return replace(Examined.parse(text, user), **more)


def lines(findings: Iterable[Finding], level: str = "") -> list[str]:
    """The findings of a level, or all that are not well, each as "subject: text"."""
    wanted = (level,) if level else ("warning", "problem")
    return [f"{each.subject}: {each.text}" for each in findings if each.level in wanted]


GOOD = f"""live {OLD}
current x
listening yes
process 20 1 30000 7500
process 21 20 80000 7400
health 200 0.01
service nginx active
service supervisor active
now 1769904000.5
disk 40000000 60000000
inodes 800000 900000
load 0.10 2
memory 1000000 2000000 0
upgrades 0 0
os debian 12 Debian GNU/Linux 12 (bookworm)
systemd yes
python 3.11.2
boot nginx enabled
boot supervisor enabled
address 127.0.0.1
address 203.0.113.10
address 2001:db8::10
address fe80::1
port 80 users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))
port 443 users:(("nginx",pid=7,fd=7))
ufw Status: active
ufw Default: deny (incoming), allow (outgoing), disabled (routed)
ufw 80,443/tcp (Nginx Full)    ALLOW IN    Anywhere
nginx ok
enabled yes
supervisor ok
reader www-data
open /run/hello/{OLD}.sock
site 200 {OLD}
"""


class TestDoctor:
    """`fab doctor`: what is made of what servers say; the script itself runs on a real server."""

    def test_all_is_well(self, target: Callable[..., Target]) -> None:
        app, examined = target(), found(GOOD, knocks={80: "open"})
        assert lines([*diagnose(app, examined), *reach(app, examined)]) == []
        subjects = {each.subject for each in [*diagnose(app, examined), *reach(app, examined)]}
        assert subjects >= {"login", "system", "python", "clock", "memory", "nginx", "supervisor", "app", "health", "service",
                            "disk", "load", "upgrades", "socket", "site", "port"}  # fmt: skip

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("os debian 12", "os debian 10", "system: Debian GNU/Linux 12 (bookworm) was not tried"),
            ("os debian 12", "os fedora 41", "system: Debian GNU/Linux 12 (bookworm) is not supported"),
            ("systemd yes", "x", "system: Debian GNU/Linux 12 (bookworm) runs without systemd"),
            ("python 3.11.2", "python", "python: there is none yet"),
            ("python 3.11.2", "python 3.8.10", "python: 3.8.10 is too old for current FastAPI"),
            ("memory 1000000 2000000 0", "memory 90000 500000 10000",
             "memory: 88 MB free, 10 MB swap; a release beside the old one needs 150 MB"),
            ("nginx ok", 'nginx unknown directive "x" in /etc/nginx/sites-enabled/zz:3',
             'nginx: unknown directive "x" in /etc/nginx/sites-enabled/zz:3'),
            ("supervisor ok", "supervisor Error: x (file: '/etc/supervisor/conf.d/a.conf')",
             "supervisor: Error: x (file: '/etc/supervisor/conf.d/a.conf')"),
            ("boot nginx enabled", "boot nginx disabled", "boot: nginx does not start at boot (disabled)"),
            ("boot nginx enabled", "boot nginx", "boot: nginx does not start at boot (not there)"),
            (f"open /run/hello/{OLD}.sock", "closed /run/hello drwx------ hello hello",
             "socket: www-data may not pass /run/hello (drwx------ hello:hello): nginx answers 502"),
            (f"open /run/hello/{OLD}.sock", f"closed /run/hello/{OLD}.sock", f"socket: there is no /run/hello/{OLD}.sock"),
            ("enabled yes", "x", "site: nginx has no site of hello enabled"),
            (f"site 200 {OLD}", "site 502", "site: through nginx, GET / answers 502"),
            (f"site 200 {OLD}", "site 0", "site: through nginx, GET / does not answer"),
            (f"site 200 {OLD}", "site 200", "site: nginx answers with no release, not with the live one"),
            ('port 80 users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))', 'port 80 users:(("apache2",pid=8,fd=6))',
             "port: 80 is held by apache2 (process 8), and nginx needs it"),
            ('port 80 users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))', "port 80", "port: nobody listens on 80"),
            ("80,443/tcp (Nginx Full)", "22/tcp", "firewall: ufw does not let port 80 in"),
            ("80,443/tcp (Nginx Full)    ALLOW", "80/tcp    DENY", "firewall: ufw does not let port 80 in"),
            ("Status: active", "Status: inactive\ninput -P INPUT DROP\ninput -A INPUT -p tcp --dport 22 -j ACCEPT",
             "firewall: iptables does not let port 80 in"),
        ],
    )  # fmt: skip
    def test_what_is_wrong(self, target: Callable[..., Target], old: str, new: str, said: str) -> None:
        text = GOOD.replace(old, new)
        assert text != GOOD
        app, examined = target(), found(text)
        findings = [*diagnose(app, examined), *reach(app, examined)]
        assert said in lines(findings)
        assert all(each.remedy for each in findings if each.level != "ok")

    @pytest.mark.parametrize(
        "rule",
        ["80/tcp    ALLOW IN    Anywhere", "80    LIMIT IN    Anywhere", "79:81/tcp    ALLOW IN    Anywhere   # c",
         "22,80/tcp    ALLOW IN    Anywhere"],
    )  # fmt: skip
    def test_rules_of_ufw_that_let_in(self, target: Callable[..., Target], rule: str) -> None:
        text = GOOD.replace("80,443/tcp (Nginx Full)    ALLOW IN    Anywhere", rule)
        assert lines(reach(target(), found(text))) == []

    def test_a_firewall_that_lets_everything_in(self, target: Callable[..., Target]) -> None:
        text = GOOD.replace("80,443/tcp (Nginx Full)    ALLOW", "22/tcp   ALLOW").replace("deny (inc", "allow (inc")
        assert lines(reach(target(), found(text))) == []

    def test_a_providers_firewall_is_seen_from_outside(self, target: Callable[..., Target]) -> None:
        (said,) = lines(reach(target(), found(GOOD, knocks={80: "silent"})))
        assert said == "firewall: nginx listens on 80, but from this machine it is silent"

    @pytest.mark.parametrize(
        ("skew", "level"),
        [(0.0, "ok"), (4.9, "ok"), (-5.1, "warning"), (60, "warning"), (-120, "problem"), (9e6, "problem")],
    )
    def test_clock(self, target: Callable[..., Target], skew: float, level: str) -> None:
        (each,) = [each for each in diagnose(target(), found(GOOD, skew=skew)) if each.subject == "clock"]
        assert each.level == level

    @pytest.mark.parametrize(("user", "level"), [("deploy", "ok"), ("root", "warning"), ("ubuntu", "warning")])
    def test_login(self, target: Callable[..., Target], user: str, level: str) -> None:
        assert next(iter(diagnose(target(), found(GOOD, user)))).level == level

    @pytest.mark.parametrize(
        ("answer", "resolved", "level", "said"),
        [
            ("203.0.113.10 2001:db8::10", (), "ok", "a.test leads here (2001:db8::10, 203.0.113.10)"),
            ("203.0.113.10 2001:db8::bad", (), "problem", "a.test leads to 2001:db8::bad, not to this server"),
            ("198.51.100.1", (), "problem", "a.test leads to 198.51.100.1, not to this server"),
            ("", (), "problem", "a.test has no address"),
            ("127.0.1.1", ("203.0.113.10",), "ok", "a.test leads here (203.0.113.10)"),
            ("127.0.1.1", (), "problem", "a.test has no address"),
        ],
    )
    def test_names(
        self, target: Callable[..., Target], answer: str, resolved: tuple[str, ...], level: str, said: str
    ) -> None:
        app = target(domains=["a.test"])
        examined = found(f"{GOOD}domain a.test {answer}\n", resolved={"a.test": frozenset(resolved)})
        (each,) = [each for each in reach(app, examined) if each.subject == "dns"]
        assert (each.level, each.text) == (level, said)

    @pytest.mark.parametrize(
        ("answer", "remedy"),
        [
            ("198.51.100.1", "Make its A record 203.0.113.10."),
            ("203.0.113.10 2001:db8::bad", "Make its AAAA record 2001:db8::10."),
            ("198.51.100.1 2001:db8::bad", "Make its A record 203.0.113.10. Make its AAAA record 2001:db8::10."),
            ("no-address 198.51.100.1", "Make its A record 203.0.113.10."),
        ],
    )
    def test_which_record_is_wrong(self, target: Callable[..., Target], answer: str, remedy: str) -> None:
        app = target(domains=["a.test"])
        (each,) = [each for each in reach(app, found(f"{GOOD}domain a.test {answer}\n")) if each.subject == "dns"]
        assert each.remedy == remedy
        without = GOOD.replace("address 2001:db8::10\n", "") + f"domain a.test {answer}\n"
        (each,) = [each for each in reach(app, found(without)) if each.subject == "dns"]
        assert "2001" not in each.remedy

    @pytest.mark.parametrize(
        ("here", "leads_to", "level"),
        [
            ((), "8.8.8.8", "warning"),
            (("8.8.8.8",), "8.8.8.8", "ok"),
            ((), "10.0.0.9", "problem"),
            ((), "2600::1", "problem"),
        ],
    )
    def test_names_behind_address_translation(
        self, target: Callable[..., Target], here: tuple[str, ...], leads_to: str, level: str
    ) -> None:
        app = target(domains=["a.test"])
        text = (
            GOOD.replace("203.0.113.10", "10.0.0.5").replace("2001:db8::10", "fd00::1") + f"domain a.test {leads_to}\n"
        )
        examined = found(text, here=frozenset(here))
        assert [each.level for each in reach(app, examined) if each.subject == "dns"] == [level]

    def test_names_are_not_asked_where_tls_ends_upstream(self, target: Callable[..., Target]) -> None:
        app = target(domains=["a.test"], tls={"upstream": True})
        assert lines(reach(app, found(f"{GOOD}domain a.test\n"))) == []

    def test_a_certificate_for_other_names(self, target: Callable[..., Target]) -> None:
        app = target(domains=["a.test", "b.test"])
        text = f"{GOOD}domain a.test 203.0.113.10\ndomain b.test 203.0.113.10\ncertificate 1767225600 1775001600\n"
        assert lines(reach(app, found(f"{text}name a.test\n"))) == ["certificate: it is not for b.test"]
        assert lines(reach(app, found(f"{text}name a.test\nname b.test\n"))) == []

    @pytest.mark.parametrize(
        ("line", "level"),
        [(f"commit {'a' * 40}", "ok"), ("missing", "problem"), ("refused ssh-ed25519 AAAA x | denied", "problem")],
    )
    def test_repository_as_the_server_sees_it(self, target: Callable[..., Target], line: str, level: str) -> None:
        (each,) = [
            each for each in diagnose(target(), found(f"{GOOD}repository {line}\n")) if each.subject == "repository"
        ]
        assert each.level == level
        assert "AAAA" not in each.text

    def test_a_bare_server_has_no_problems(self, target: Callable[..., Target]) -> None:
        text = "live \nos debian 13 Debian GNU/Linux 13 (trixie)\nsystemd yes\npython\nport 80\nport 443\nservice nginx inactive\n"
        app, examined = target(), found(text, "root")
        findings = [*diagnose(app, examined), *reach(app, examined)]
        assert lines(findings, "problem") == []

    def test_an_unreachable_host_is_a_finding_and_its_status_is_kept(
        self, fake: Callable[..., Fake], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        run = fake("two", gone=["two"])
        run.run.fleet.sessions[0].remote = Gone()  # type: ignore[assignment]
        with pytest.raises(SelvedgeError, match=r"Problems: .*two: login") as caught:
            doctor(run.run)
        assert caught.value.status == 4
        assert "two: does not answer" in run.text
        assert "→ Switch it on." in run.text


class Gone:
    """A connection that cannot be made."""

    @property
    def connection(self) -> None:
        raise UnreachableError("two: does not answer.", "Switch it on.")


class TestWorkplace:
    """`fab doctor`: what is looked at on this machine."""

    def findings(self, run: Run) -> list[Finding]:
        return list(inspect(run.settings, [session.target for session in run.fleet.sessions]))

    def repository(self, path: Path) -> str:
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.test", "-C", str(path)]
        subprocess.run(["git", "init", "-q", "-b", "main", path], check=True)
        (path / "main.py").write_text("x")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "First"], check=True)
        return f'repository = "{path}"'

    def load(self, project: Callable[..., Run], hosts: dict[str, str], repository: str, more: str = "") -> Run:
        run = project(hosts)
        path = run.settings.base_dir / "hosts.toml"
        text = path.read_text().replace('repository = "https://git.example.com/me/hello.git"', f"{repository}\n{more}")
        path.write_text(text)
        return Run.load(list(hosts), Config())

    def key(self, path: Path, mode: int = 0o600) -> str:
        path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        path.chmod(mode)
        return f'key = "{path}"'

    def test_all_is_well(self, project: Callable[..., Run], tmp_path: Path) -> None:
        repository = self.repository(tmp_path / "code")
        key = self.key(tmp_path / "key")
        findings = self.findings(self.load(project, {"a": key, "b": key}, repository))
        assert [each.level for each in findings] == ["ok"] * 3
        assert "First" in findings[2].text

    @pytest.mark.parametrize(
        ("mode", "text", "said"),
        [
            (0o644, "PRIVATE KEY", "may be read by others (mode 0644)"),
            (0o600, "ssh-ed25519 AAAA", "is no private key"),
            (None, "", "cannot be read: No such file or directory"),
        ],
    )
    def test_keys(self, project: Callable[..., Run], tmp_path: Path, mode: int | None, text: str, said: str) -> None:
        path = tmp_path / "key"
        if mode is not None:
            path.write_text(text)
            path.chmod(mode)
        run = self.load(project, {"a": f'key = "{path}"'}, self.repository(tmp_path / "code"))
        (problem,) = [each for each in self.findings(run) if each.level == "problem"]
        assert said in problem.text
        assert problem.remedy

    def test_no_key_at_all(self, project: Callable[..., Run], tmp_path: Path) -> None:
        run = self.load(project, {"a": ""}, self.repository(tmp_path / "code"))
        assert lines(self.findings(run)) == ["key: there is none"]

    def test_changes_that_are_not_committed(self, project: Callable[..., Run], tmp_path: Path) -> None:
        repository = self.repository(tmp_path / "code")
        (tmp_path / "code" / "main.py").write_text("changed")
        run = self.load(project, {"a": self.key(tmp_path / "key")}, repository)
        assert lines(self.findings(run)) == ["repository: changed files that are not committed, so in no release: 1"]

    def test_a_branch_that_is_not_there(self, project: Callable[..., Run], tmp_path: Path) -> None:
        run = self.load(
            project, {"a": self.key(tmp_path / "key")}, self.repository(tmp_path / "code"), 'branch = "gone"'
        )
        (said,) = lines(self.findings(run), "problem")
        assert "has no branch, tag or commit gone" in said

    def test_an_address_that_cannot_be_read_shows_no_token_anywhere(
        self, project: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_git = tmp_path / "bin" / "git"
        fake_git.parent.mkdir()
        fake_git.write_text(
            f'#!/bin/sh\necho "$*" >{tmp_path}/argv; env >{tmp_path}/env\n'
            "echo \"fatal: unable to access 'https://me:s3cr3t@git.example.com/x.git/'\" >&2; exit 128\n"
        )
        fake_git.chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake_git.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("SELVEDGE_APP__REPOSITORY", "https://me:s3cr3t@git.example.com/x.git")
        run = project({"a": self.key(tmp_path / "key")})
        (said,) = lines(self.findings(run))
        assert said == (
            "repository: this machine cannot read https://git.example.com/x.git: "
            "fatal: unable to access 'https://git.example.com/x.git/'"
        )
        assert "s3cr3t" not in (tmp_path / "argv").read_text()
        # The token is not lost: git gets it where nobody else can look.
        assert "GIT_LOGIN=https://me:s3cr3t@git.example.com" in (tmp_path / "env").read_text()

    def test_an_environment_that_others_may_read_or_that_is_broken(
        self, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        (tmp_path / "x.env").write_text("A=1\nB=2\n")
        (tmp_path / "x.env").chmod(0o644)
        repository = self.repository(tmp_path / "code")
        host = {"a": self.key(tmp_path / "key")}
        findings = self.findings(self.load(project, host, repository, 'env_file = "x.env"'))
        assert lines(findings) == [f"env_file: {tmp_path}/x.env may be read by every user of this machine"]
        (tmp_path / "x.env").write_text("A='s3cr3t\n")
        (problem,) = [
            each
            for each in self.findings(self.load(project, host, repository, 'env_file = "x.env"'))
            if each.level == "problem"
        ]
        assert "s3cr3t" not in f"{problem}"


class TestOutput:
    """What a terminal is shown."""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain", "plain"),
            ("\033[31mred\033[0m", "red"),
            ("\033]0;a new title\abehind", "behind"),
            ("10 %\r100 %\r\n", "100 %"),
            ("a\tb", "a    b"),
            ("two\nlines", "two lines"),
            ("a\0b\x07", "a�b�"),
            ("张伟 é", "张伟 é"),
        ],
    )
    def test_clean(self, text: str, shown: str) -> None:
        assert output.clean(text) == shown

    def test_width_counts_columns(self) -> None:
        assert [output.width(text) for text in ("abc", "张伟", "e\u0301")] == [3, 4, 1]

    @pytest.mark.parametrize(("columns", "shown"), [(9, "张伟 x"), (6, "张伟 x"), (5, "张伟…"), (4, "张…"), (2, "…")])
    def test_shorten_never_takes_more_columns(self, columns: int, shown: str) -> None:
        assert output.shorten("张伟 x", columns) == shown
        assert output.width(shown) <= columns

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (7860, "2 h 11 min"),
         (86400, "1 day"), (6 * 86400 + 4 * 3600, "6 days 4 h"), (-3, "0 s")],
    )  # fmt: skip
    def test_duration(self, seconds: float, text: str) -> None:
        assert output.duration(seconds) == text


def test_the_documentation_names_every_task_and_flag() -> None:
    text = Path(__file__).parents[2].joinpath("docs/operations.md").read_text()
    own = [task for task in vars(tasks.operations).values() if isinstance(task, Operation)]
    assert len(own) > 8
    for task in own:
        assert re.search(rf"`fab (-H server )?{task.name}\b", text), task.name
        missing = [option.name for option in task.options if f"--{option.name.replace('_', '-')}" not in text]
        assert not missing, f"{task.name}: {missing}"
