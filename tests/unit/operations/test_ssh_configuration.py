"""A run with the user's own ssh configuration: what is refused before any server is contacted, and what is a warning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fabric import Config

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError, UnreachableError, UsageError
from selvedge.release.commits import refused
from selvedge.resources.access.logins import login_keys
from selvedge.resources.code.access import alias_hint
from selvedge.run import Run
from selvedge.ssh import openssh
from tests.support.keys import pair
from tests.unit.operations.ssh_server import SshServer


def ssh_folder() -> Path:
    folder = Path("~/.ssh").expanduser()
    (folder / "config.d").mkdir(parents=True, exist_ok=True)
    return folder


def test_an_error_in_the_configuration_ends_the_run_before_a_login(
    project: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    project({"web": ""})
    (ssh_folder() / "config").write_text("Host web\n  Colour red\n")
    monkeypatch.setattr("socket.create_connection", lambda *_, **__: pytest.fail("contacted"))
    with pytest.raises(UsageError, match=r"web: ssh cannot use its configuration: .*Bad configuration option: colour") as caught:
        Run.load(["web"], Config())
    assert caught.value.status == 2


def test_a_name_of_an_included_file_is_a_host(project: Callable[..., Run]) -> None:
    project({"web": ""})
    (ssh_folder() / "config").write_text("Include config.d/*\n")
    (ssh_folder() / "config.d/one").write_text("Host build\n  HostName 203.0.113.9\n")
    assert [session.name for session in Run.load(["build"], Config()).fleet.sessions] == ["build"]
    with pytest.raises(UsageError, match="No host or group is named 'other'"):
        Run.load(["other"], Config())


def test_the_address_of_an_included_file_is_contacted(project: Callable[..., Run]) -> None:
    server = SshServer()
    project({"web": ""})
    (ssh_folder() / "config").write_text("Include config.d/*\n")
    (ssh_folder() / "config.d/one").write_text(f"Host web\n  HostName 127.0.0.1\n  Port {server.port}\n")
    run = Run.load(["web"], Config())
    with pytest.raises(UnreachableError, match="this server is not known yet"):
        run.fleet.sessions[0].remote.run("true")
    server.close()


@pytest.mark.parametrize(
    ("name", "lines", "shown"),
    [
        ("web", "HostName 203.0.113.9", "203.0.113.9"),
        ("web", "HostName 2001:db8::9", "[2001:db8::9]"),
        ("web", "HostName localhost\n  ProxyJump gate", "web"),
        ("web", "Port 2222", "web"),
        ("198.51.100.1", "HostName 10.0.0.5", "198.51.100.1"),
    ],
)
def test_a_visitor_gets_an_address_that_others_know(project: Callable[..., Run], name: str, lines: str, shown: str) -> None:
    project({"web": f'address = "{name}"'})
    (ssh_folder() / "config").write_text(f"Host {name}\n  {lines}\n")
    assert Run.load(["web"], Config()).fleet.sessions[0].target.url == f"http://{shown}/"


@pytest.mark.parametrize(
    ("repository", "lines", "hint"),
    [
        ("git@work:me/app.git", "HostName git.example.com\n  User other", "app.repository to git@git.example.com:me/app.git in"),
        ("work:me/app.git", "HostName git.example.com\n  User git", "app.repository to git@git.example.com:me/app.git in"),
        ("git@work:me/app.git", "HostName git.example.com\n  Port 443", "to ssh://git@git.example.com:443/me/app.git in"),
        ("git@work:me/app.git", "Port 443", ""),
        ("https://work/me/app.git", "HostName git.example.com", ""),
        ("git@work:me/app.git", "Colour red", ""),
    ],
)
def test_a_git_server_that_only_this_machine_knows_by_its_name(
    project: Callable[..., Run], repository: str, lines: str, hint: str
) -> None:
    run = project({"web": ""})
    session = run.fleet.sessions[0]
    session.target = session.target.model_copy(update={"repository": repository})
    (ssh_folder() / "config").write_text(f"Host work\n  {lines}\n")
    openssh.forget()
    assert (hint in alias_hint(session.target)) if hint else alias_hint(session.target) == ""
    said = "ssh: Could not resolve hostname work: Name or service not known"
    error = refused(session, f"refused {said}\tCheck app.repository in hosts.toml.\t")
    assert said in error.message and (hint or "Check app.repository") in error.remedy
    assert refused(session, "missing master dev ").message.endswith(" has no branch or tag main. Its branches: master, dev.")
    assert refused(session, "missing ").message.endswith(" has no branch or tag main. It has no branches.")


def test_a_damaged_line_is_one_warning_for_all_hosts(
    project: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    servers = [SshServer(), SshServer()]
    hosts = {f"web{number}": f'address = "127.0.0.1"\nport = {server.port}' for number, server in enumerate(servers)}
    run = project(hosts)
    (ssh_folder() / "known_hosts").write_text("damaged\n@cert-authority * ssh-rsa AAAA\n")
    for session in run.fleet.sessions:
        with pytest.raises(SelvedgeError):
            session.remote.run("true")
    shown = capsys.readouterr()
    first = f"{ssh_folder()}/known_hosts, line 1 was skipped: it does not have a name, a type and a key."
    assert (shown.out, shown.err) == ("", f"Warning: {first} Further damaged lines: 1.\n")
    for server in servers:
        server.close()


def test_without_ssh_a_sentence_says_what_is_not_known(
    project: Callable[..., Run], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project({"web": ""})
    (ssh_folder() / "config").write_text("Host web\n  HostName 127.0.0.1\n  Port 1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    run = Run.load(["web"], Config())
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 port 1 refused"):
        run.fleet.sessions[0].remote.run("true")
    assert "Your machine has no ssh program, so Selvedge reads" in capsys.readouterr().err


class TestKeysToInstall:
    """The keys that harden lets log in as the deploy user."""

    def test_they_are_those_of_the_configuration(self, project: Callable[..., Run], tmp_path: Path) -> None:
        project({"web": ""})
        folder = ssh_folder()
        work, usual = pair(tmp_path, "-N", ""), folder / "id_ed25519"
        usual.write_text(work.read_text())
        (folder / "config").write_text(f"Host web\n  IdentityFile {work}\n")
        run = Run.load(["web"], Config())
        (key,) = login_keys(run.fleet.sessions[0].target)
        assert key.comment == "made here"

    def test_flags_of_fabric_count_as_for_the_login(self, project: Callable[..., Run], tmp_path: Path) -> None:
        project({"web": ""})
        other = pair(tmp_path, "-N", "")
        (tmp_path / "own").write_text(f"Host web\n  IdentityFile {other}\n")
        run = Run.load(["web"], Config(runtime_ssh_path=str(tmp_path / "own")))
        (key,) = login_keys(run.fleet.sessions[0].target)
        assert key.comment == "made here"
        run = Run.load(["web"], Config(overrides={"connect_kwargs": {"key_filename": [str(other)]}}))
        (key,) = login_keys(run.fleet.sessions[0].target)
        assert key.comment == "made here"

    def test_a_key_of_the_configuration_without_its_public_half_is_named(
        self, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        """A cloud's key in PEM has no .pub file: only that of an encrypted one must be made."""
        project({"web": ""})
        for passphrase in ("", "secret"):
            file = pair(tmp_path, "-N", passphrase, "-m", "PEM", "-t", "ecdsa")
            public = file.with_name("id.pub")
            blob = public.read_text().split()[1]
            public.unlink()
            (ssh_folder() / "config").write_text(f"Host web\n  IdentityFile {file}\n")
            target = Run.load(["web"], Config()).fleet.sessions[0].target
            if not passphrase:
                assert [key.blob for key in login_keys(target)] == [blob]
                file.unlink()
                continue
            with pytest.raises(UsageError, match=f"IdentityFile in ssh's configuration: {public} is missing") as caught:
                login_keys(target)
            assert f"`ssh-keygen -y -f {file} > {public}`" in caught.value.remedy

    def test_they_are_those_of_the_configured_agent(self, project: Callable[..., Run]) -> None:
        project({"web": ""})
        (ssh_folder() / "config").write_text("IdentityAgent ~/none.sock\n")
        run = Run.load(["web"], Config())
        with pytest.raises(UsageError, match=r"no public key to install for deploy.* The SSH agent .*/none\.sock: No such file"):
            login_keys(run.fleet.sessions[0].target)


def test_one_question_for_each_host_of_a_run(project: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = openssh._parsed
    monkeypatch.setattr(openssh, "_parsed", lambda text: asked.append(text) or real(text))
    run = project({"a": "", "b": ""})
    assert len(asked) == 2
    for session in run.fleet.sessions:
        session.remote.logins.settings("deploy")
    assert len(asked) == 2 and isinstance(run.fleet.sessions[0].target.host, Host)
