"""The settings for a connection, as `ssh -G` decides them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError, UsageError
from selvedge.ssh import known_hosts, openssh
from selvedge.ssh.config import ClientSettings, for_host, for_jump_host, login_users


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / ".ssh/config.d").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/usual.sock")
    return folder


@pytest.fixture
def settings(home: Path) -> Callable[..., ClientSettings]:
    """Return the settings of the host "web" with this ~/.ssh/config: settings(text, user="deploy", **fields of the host)."""

    def make(text: str, user: str = "deploy", **fields: object) -> ClientSettings:
        openssh.forget()
        (home / ".ssh/config").write_text(text)
        return for_host(Host.model_validate({"name": "web", **fields}), user)

    return make


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program `ssh` in front of the real one. It logs its arguments to the returned file."""

    def make(script: str) -> Path:
        folder, log = tmp_path / "programs", tmp_path / "log"
        folder.mkdir(exist_ok=True)
        (folder / "ssh").write_text(f'#!/bin/sh\necho "$*" >>{log}\n{script}\n')
        (folder / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return log

    return make


def test_included_files_count(settings: Callable[..., ClientSettings], home: Path) -> None:
    (home / ".ssh/config.d/servers").write_text("Host web\n  HostName 203.0.113.9\n  Port 2222\n")
    found = settings("Include config.d/*\nHost *\n  Port 22\n")
    assert (found.address, found.port, found.entry) == ("203.0.113.9", 2222, "[203.0.113.9]:2222")
    (home / "elsewhere").write_text("Host web\n  HostName 203.0.113.8\n")
    assert settings("Host web\n  Include ~/elsewhere\n").address == "203.0.113.8"
    assert settings(f'Include "{home}/elsewhere" nothing\n').address == "203.0.113.8"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('Match host web exec "test %n = web"\n  HostName 203.0.113.7\n', "203.0.113.7"),
        ('Match exec "false"\n  HostName 203.0.113.7\n', "web"),
        ("Match originalhost web user deploy\n  HostName 203.0.113.7\n", "203.0.113.7"),
        ("Match user root\n  HostName 203.0.113.7\n", "web"),
        ("Host w?b !webs\n  HostName %h.example.com\n", "web.example.com"),
        ("Host web\n  HostName=203.0.113.7\nMatch final all\n  HostName 203.0.113.1\n", "203.0.113.7"),
        ("", "web"),
    ],
)
def test_matches_count(settings: Callable[..., ClientSettings], text: str, address: str) -> None:
    assert settings(text).address == address


@pytest.mark.parametrize(
    ("line", "agent"),
    [
        ("", "/run/usual.sock"),
        ("IdentityAgent SSH_AUTH_SOCK", "/run/usual.sock"),
        ("IdentityAgent none", ""),
        ("IdentityAgent $OTHER_SOCK", "/run/other.sock"),
        ("IdentityAgent $UNSET_SOCK", ""),
        ("IdentityAgent ~/.x/agent.sock", "HOME/.x/agent.sock"),
        ('IdentityAgent "~/Library/Group Containers/agent.sock"', "HOME/Library/Group Containers/agent.sock"),
        ("IdentityAgent %d/.x/%r-%h.sock", "HOME/.x/deploy-web.sock"),
        ("IdentityAgent ${OTHER_SOCK}.2", "/run/other.sock.2"),
    ],
)
def test_the_agent(
    settings: Callable[..., ClientSettings], home: Path, monkeypatch: pytest.MonkeyPatch, line: str, agent: str
) -> None:
    monkeypatch.setenv("OTHER_SOCK", "/run/other.sock")
    assert settings(f"Host web\n  {line}\n").agent == agent.replace("HOME", str(home))


def test_the_keys(settings: Callable[..., ClientSettings], home: Path) -> None:
    assert not settings("").keys_named and home / ".ssh/id_ed25519" in settings("").identity_files
    text = 'Host web\n  IdentityFile ~/.ssh/%r_%h\n  IdentityFile "%d/two words"\n  CertificateFile ~/c-%p\n  IdentitiesOnly yes\n'
    found = settings(text)
    assert found.identity_files == (home / ".ssh/deploy_web", home / "two words")
    assert found.keys_named and found.identities_only and found.certificate_files == (home / "c-22",)
    assert settings("Host web\n  IdentityFile none\n").identity_files == ()
    # As for `ssh -i`, a certificate of the configuration may be that of this key.
    own = settings(text, key="/keys/one")
    assert (own.identity_files, own.identities_only, own.certificate_files) == ((Path("/keys/one"),), True, (home / "c-22",))


@pytest.mark.parametrize("names", [("work/id_rsa", "work/id_ed25519", "work/id_ecdsa"), ("id_ed25519", "id_rsa"), ("id_rsa",)])
def test_keys_with_usual_names_are_named_too(settings: Callable[..., ClientSettings], home: Path, names: tuple[str, ...]) -> None:
    found = settings("Host web\n" + "".join(f"  IdentityFile ~/.ssh/{name}\n" for name in names))
    assert found.keys_named and found.identity_files == tuple(home / ".ssh" / name for name in names)


def test_the_files_of_known_hosts(settings: Callable[..., ClientSettings], home: Path) -> None:
    usual = (home / ".ssh/known_hosts", home / ".ssh/known_hosts2")
    assert settings("").user_known_hosts == usual
    text = 'Host web\n  UserKnownHostsFile ~/.ssh/k_%h "%d/two words" /etc/x\n  GlobalKnownHostsFile none\n'
    assert settings(text).known_hosts == (home / ".ssh/k_web", home / "two words", Path("/etc/x"))
    assert settings("Host web\n  UserKnownHostsFile none\n").user_known_hosts == ()
    assert settings("", known_hosts="/own").user_known_hosts == (*usual, Path("/own"))
    off = settings("Host web\n  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n")
    with pytest.raises(SelvedgeError, match="stores no host keys for this server"):
        off.file_to_write(Host(name="web"))
    assert off.file_to_write(Host(name="web", known_hosts="/own")) == Path("/own") and not known_hosts.problems(off.known_hosts)


@pytest.mark.parametrize("text", ["", "Host web\n  UserKnownHostsFile ~/.ssh/known_hosts\n"])
def test_files_of_another_home_do_not_count(settings: Callable[..., ClientSettings], home: Path, text: str) -> None:
    """ssh answers with that folder, and its files may exist: then a program with another HOME would write to them."""
    settings(text)
    other = home / "other config"
    other.write_text(text)
    for request in (openssh.Request("web"), openssh.Request("web", file=str(other))):
        assert openssh.ask(request)["userknownhostsfile"][0].startswith(f"{home}/.ssh/known_hosts")


def test_further_settings(settings: Callable[..., ClientSettings]) -> None:
    found = settings("Host web\n  HostKeyAlias Fleet\n  AddressFamily inet6\n  ConnectTimeout 3\n  BindAddress 127.0.0.2\n")
    assert (found.entry, found.family, found.timeout, found.bind_address) == ("fleet", socket.AF_INET6, 3.0, "127.0.0.2")
    assert settings("Host web\n  ProxyCommand nc -X 5 %h %p 2>/dev/null\n").proxy_command == "nc -X 5 web 22 2>/dev/null"
    assert settings("Host web\n  ProxyCommand none\n").proxy_command == ""


def test_hosts_toml_wins(settings: Callable[..., ClientSettings]) -> None:
    text = "Host web 203.0.113.5\n  User joe\n  Port 2222\n"
    found = settings(text, user="deploy", port=2200)
    assert (found.user, found.port) == ("deploy", 2200)
    assert settings(text, address="203.0.113.5").port == 2222


def test_jump_hosts_have_their_own_settings(settings: Callable[..., ClientSettings]) -> None:
    text = (
        "Host web\n  ProxyJump me@outer:2201,inner\nHost inner\n  HostName 10.0.0.2\n  User gate\n  ProxyCommand nc x\n"
        "Host outer\n  HostName 203.0.113.1\n"
    )
    assert settings(text).jumps == ("me@outer:2201", "inner")
    assert settings("Host web\n  ProxyJump %r@gate-%h\n").jumps == ("deploy@gate-web",)
    settings(text)
    inner = for_jump_host("inner", ["me@outer:2201"])
    assert (inner.address, inner.user, inner.jumps, inner.proxy_command) == ("10.0.0.2", "gate", ("me@outer:2201",), "")
    outer = for_jump_host("me@outer:2201", [])
    assert (outer.address, outer.user, outer.port, outer.jumps) == ("203.0.113.1", "me", 2201, ())
    six = for_jump_host("ssh://me@[2001:db8::1]:2202", [])
    assert (six.address, six.port) == ("2001:db8::1", 2202)
    assert [for_jump_host(f"ssh://{text}", []).address for text in ("gate", "gate/", "me@gate:22/")] == ["gate"] * 3
    with pytest.raises(UsageError, match="has the jump host 'a:b:c'"):
        for_jump_host("a:b:c", [])


def test_the_users(settings: Callable[..., ClientSettings]) -> None:
    settings("Host web\n  User admin\n")
    assert list(login_users(Host(name="web"))) == ["deploy", "admin", "root"]
    assert list(login_users(Host(name="web", bootstrap_user="ubuntu"))) == ["deploy", "ubuntu"]
    assert list(login_users(Host(name="other"))) == ["deploy", "root"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Host web\n  Colour red\n", "config: line 2: Bad configuration option: colour"),
        ("Host web\n  Port zz\n", "config line 2: Bad port 'zz'"),
        ('Host "web\n', "config line 1: "),
        ("Match weather sunny\n", "config line 1: Bad Match condition"),
    ],
)
def test_an_error_is_shown_in_the_words_of_ssh(settings: Callable[..., ClientSettings], home: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(text)
    assert f"{home}/.ssh/{said}" in caught.value.message and "stdin" not in caught.value.message
    assert "terminating" not in caught.value.message and caught.value.status == 2
    assert "`ssh -G web`" in caught.value.remedy


def test_one_process_for_each_host(fake_ssh: Callable[[str], Path], home: Path) -> None:
    del home
    log = fake_ssh("echo hostname 203.0.113.9; echo user me; echo port 22")
    openssh.forget()
    requests = [openssh.Request(name, "deploy") for name in ("a", "b", "a")]
    with openssh.asking(requests):
        pass
    calls = log.read_text().splitlines()
    assert for_host(Host(name="a"), "deploy").address == "203.0.113.9" and calls == log.read_text().splitlines()
    assert sorted(call.partition("-l")[2] for call in calls) == [" deploy -- a", " deploy -- b"]


def test_a_hanging_match_ends(fake_ssh: Callable[[str], Path], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    fake_ssh("exec sleep 30")
    openssh.forget()
    monkeypatch.setattr(openssh, "SECONDS", 0.2)
    with pytest.raises(UsageError, match=r"did not answer within 0\.2 s"):
        openssh.ask(openssh.Request("web"))


@pytest.mark.parametrize("program", ["none", "old"])
def test_without_ssh_paramiko_reads_what_it_can(
    fake_ssh: Callable[[str], Path], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (home / ".ssh/config").write_text("Host web\n  HostName 203.0.113.9\n  IdentityAgent ~/a.sock\n  UserKnownHostsFile ~/k_%h\n")
    fake_ssh("echo 'ssh: illegal option -- G' >&2; exit 1")
    if program == "none":
        monkeypatch.setenv("PATH", str(tmp_path))
    openssh.forget()
    found = for_host(Host(name="web", port=2222), "deploy")
    assert (found.address, found.user, found.port) == ("203.0.113.9", "deploy", 2222)
    assert (found.agent, found.user_known_hosts) == (f"{home}/a.sock", (home / "k_203.0.113.9",))
    assert "It ignores Include and the newer conditions of Match." in found.note
    (home / ".ssh/config").write_text("garbage\n")
    openssh.forget()
    with pytest.raises(UsageError, match="config is not readable: Unparsable line garbage"):
        for_host(Host(name="web"), "deploy")


def test_names_of_the_configuration(settings: Callable[..., ClientSettings], home: Path) -> None:
    (home / ".ssh/config.d/one").write_text("Host build db-*\n  User x\n")
    settings("Include config.d/*\nHost *\n  ServerAliveInterval 5\n  ControlMaster auto\n  ControlPath ~/.ssh/cm-%C\n")
    assert [openssh.configures(name) for name in ("build", "db-7", "other")] == [True, True, False]


def test_another_file(settings: Callable[..., ClientSettings], tmp_path: Path) -> None:
    settings("Host web\n  Port 1\n")
    (tmp_path / "own").write_text("Host web\n  Port 2\n")
    assert for_host(Host(name="web"), "deploy", str(tmp_path / "own")).port == 2
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (("none", "is missing"), ("pipe", "is a pipe"), ("/dev/zero", "is a device")):
        with pytest.raises(UsageError, match=f"web: -S: .* {problem}") as caught:
            for_host(Host(name="web"), "deploy", str(tmp_path / name))
        assert caught.value.status == 2


@pytest.mark.parametrize(
    ("lines", "ignored"),
    [
        ("", ()),
        ("  KnownHostsCommand /bin/true\n  VerifyHostKeyDNS ask\n", ("KnownHostsCommand", "VerifyHostKeyDNS")),
        ("  PKCS11Provider /usr/lib/opensc-pkcs11.so\n", ("PKCS11Provider",)),
        ("  KnownHostsCommand none\n  PKCS11Provider none\n  VerifyHostKeyDNS no\n  HostbasedAuthentication no\n", ()),
    ],
)
def test_options_that_are_not_used_are_known(
    settings: Callable[..., ClientSettings], lines: str, ignored: tuple[str, ...]
) -> None:
    assert settings(f"Host web\n{lines}").ignored == ignored


def test_a_user_without_a_name_and_a_home_folder(
    fake_ssh: Callable[[str], Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that runs with the number of any user."""
    (home / ".ssh/config").write_text("Host web\n  HostName 203.0.113.9\n")
    fake_ssh("echo 'No user exists for uid 12345' >&2; exit 255")
    openssh.forget()
    found = for_host(Host(name="web"), "deploy")
    assert found.address == "203.0.113.9" and found.note.startswith("Your user is not in the user database")
    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(*_: object) -> object:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    openssh.forget()
    assert for_host(Host(name="web"), "deploy").user_known_hosts[0] == Path("/.ssh/known_hosts")


def test_the_home_folder_of_the_user_database(monkeypatch: pytest.MonkeyPatch, fake_ssh: Callable[[str], Path]) -> None:
    log = fake_ssh("echo hostname web")
    monkeypatch.setenv("HOME", openssh.home_of_database())
    openssh.forget()
    openssh.ask(openssh.Request("web"))
    assert log.read_text() == "-G -- web\n"
    assert os.environ["HOME"] == openssh.home_of_database()
