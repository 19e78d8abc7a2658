"""Unusual logins: other shells, noisy start files, a sudo that refuses, keys with a passphrase, ssh_config."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab, Project, until
from sandbox import Server


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    made = lab.server("deployed")
    made.run("apt-get install -y -qq --no-install-recommends tcsh fish >/dev/null 2>&1")
    return made


@pytest.fixture(autouse=True)
def _as_before(server: Server) -> Iterator[None]:
    """Restore the login after each test."""
    yield
    server.run(
        "chsh -s /bin/bash deploy; rm -f /etc/sudoers.d/99-test; cp /etc/skel/.bashrc /etc/skel/.profile ~deploy/"
    )


@pytest.mark.parametrize("shell", [
    "/usr/bin/tcsh", "/usr/bin/fish", *(pytest.param(shell, marks=pytest.mark.thorough) for shell in ("/bin/dash", "/bin/rbash")),
])
def test_any_login_shell_works(server: Server, project: Project, shell: str) -> None:
    server.run(f"chsh -s {shell} deploy")
    project.commit(shell)
    result = project.must("-H", server.name, "deploy")
    assert f"live        {project.head[:12]}" in result.stdout, result
    assert "nothing to change" in project.must("-H", server.name, "deploy").stdout


def test_a_user_without_a_login_shell_is_reported_at_once(server: Server, project: Project) -> None:
    server.run("chsh -s /usr/sbin/nologin deploy")
    result = project.fab("-H", server.name, "status", timeout=60)
    assert result.status != 0 and "Traceback" not in result.stderr, result
    assert "nologin" in result.stderr or "not available" in result.stderr, result


def test_shell_start_files_that_print_and_redefine_commands(server: Server, project: Project) -> None:
    noise = (
        "echo; echo 'Welcome! @selvedge end 0'; echo to-stderr >&2; export CDPATH=/tmp:/etc GREP_OPTIONS=--color=always\n"
        "export LC_ALL=de_DE.UTF-8 LANGUAGE=zh_CN; umask 000\ncd() { builtin cd \"$@\" && ls; }; alias cat='cat -n'\n"
    )
    server.run(
        f"cat >/tmp/noise <<'EOF'\n{noise}EOF\ncat /tmp/noise ~deploy/.bashrc >/tmp/both; cp /tmp/both ~deploy/.bashrc"
    )
    # On a server installed in Chinese, coreutils print translated messages.
    server.run("echo LANGUAGE=zh_CN:zh >>/etc/default/locale")
    project.commit("noise")
    project.must("-H", server.name, "deploy")
    assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
    found = server.run("find /srv/hello /run/hello /etc/nginx /etc/supervisor -perm /o=w ! -type l ! -type s")
    assert found.stdout == ""
    server.run("sed -i /^LANGUAGE/d /etc/default/locale")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("echo 'Defaults requiretty' >/etc/sudoers.d/99-test", "tty"),
        ("echo 'deploy ALL=(ALL) !ALL' >/etc/sudoers.d/99-test", "sudo"),
        ("mv /etc/sudoers.d/90-selvedge-deploy /root/; gpasswd -d deploy sudo", "sudo"),
        ("mv /usr/bin/sudo /usr/bin/sudo.away", "sudo"),
    ],
)
def test_a_sudo_that_refuses_is_reported_and_nothing_hangs(
    server: Server, project: Project, broken: str, says: str
) -> None:
    mend = (
        "[ ! -e /usr/bin/sudo.away ] || mv /usr/bin/sudo.away /usr/bin/sudo\n"
        "[ ! -e /root/90-selvedge-deploy ] || { mv /root/90-selvedge-deploy /etc/sudoers.d/; adduser -q deploy sudo; }"
    )
    server.run(broken)
    try:
        result = project.fab("-H", server.name, "deploy", timeout=60)
    finally:
        server.run(mend)
    assert result.status != 0 and says in result.stderr and "Traceback" not in result.stderr, result
    assert result.seconds < 30


def test_an_ssh_config_alias_and_a_key_with_a_passphrase(server: Server, project: Project, tmp_path: Path) -> None:
    key = tmp_path / "id"
    shutil.copy(server.key, key)
    key.chmod(0o600)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(key)], check=True, capture_output=True
    )
    folder = project.home / ".ssh"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text(
        f"Host by-name\n  HostName {server.address}\n  Port {server.port}\n  User deploy\n  IdentityFile {key}\n"
        "  IdentitiesOnly yes\n"
    )
    shutil.copy(server.known_hosts, folder / "known_hosts")
    try:
        refused = project.fab("-H", "by-name", "status", timeout=60)
        assert refused.status == 4 and "passphrase" in refused.stderr, refused
        agent = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
        names = dict(part.split("=", 1) for part in agent.replace("\n", ";").split(";") if "=" in part)
        try:
            add = ["ssh-add", "-q", str(server.key)]
            subprocess.run(
                add, check=True, env=project.environment(**names), stdin=subprocess.DEVNULL, capture_output=True
            )
            project.must("-H", "by-name", "status", env=names)
        finally:
            subprocess.run(["ssh-agent", "-k"], env=project.environment(**names), check=False, capture_output=True)
    finally:
        shutil.rmtree(folder)


def test_a_server_with_another_locale(server: Server, project: Project) -> None:
    server.run(
        "apt-get install -y -qq --no-install-recommends locales >/dev/null 2>&1; cp /etc/default/locale /root/locale\n"
        "localedef -i de_DE -f UTF-8 de_DE.UTF-8 && localedef -i zh_CN -f GB18030 zh_CN.GB18030"
    )
    try:
        for locale in ("de_DE.UTF-8", "zh_CN.GB18030"):
            server.run(f"echo LANG={locale} >/etc/default/locale")
            login = subprocess.run([*server.ssh_argv("deploy"), "locale"], check=True, capture_output=True, text=True)
            assert f"LANG={locale}" in login.stdout
            result = project.must("-H", server.name, "setup", "deploy")
            assert "setup: nothing to change" in result.stdout, result
        project.commit("\u90e8\u7f72")
        assert f"live        {project.head[:12]}" in project.must("-H", server.name, "deploy").stdout
    finally:
        server.run("mv /root/locale /etc/default/locale")


def test_a_jump_host_with_ipv6_and_other_ports(server: Server, project: Project) -> None:
    """The jump host is a second sshd of the server, on port 2222. The inner host is ::1."""
    server.run(
        "ufw allow 2222/tcp >/dev/null; systemd-run -q --unit=jump /usr/sbin/sshd -D -o Port=2222 -o AllowTcpForwarding=yes "
        "-o DisableForwarding=no -o PermitOpen=any"
    )
    folder = project.home / ".ssh"
    folder.mkdir()
    known = server.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.strip()
    names = (f"[{server.address}]:2222", "::1", "[::1]:2222")
    (folder / "known_hosts").write_text("".join(f"{name} {known}\n" for name in names))
    (folder / "config").write_text(
        f"Host jump\n  HostName {server.address}\n  Port 2222\n"
        "Host inner inner-port\n  HostName ::1\n  ProxyJump jump\nHost inner-port\n  Port 2222\n"
        f"Host *\n  User deploy\n  IdentityFile {server.key}\n  IdentitiesOnly yes\n"
    )
    try:
        until(lambda: b"SSH" in _banner(server.address, 2222), 20)
        project.commit("Through the jump host")
        project.must("-H", "inner", "deploy")
        for host in ("inner-port", "jump"):
            assert "nothing to change" in project.must("-H", host, "deploy").stdout
    finally:
        shutil.rmtree(folder)
        server.run("systemctl stop jump; ufw delete allow 2222/tcp >/dev/null")


def _banner(address: str, port: int) -> bytes:
    with socket.create_connection((address, port), timeout=5) as connection:
        return connection.recv(64)
