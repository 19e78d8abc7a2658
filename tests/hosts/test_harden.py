"""`fab update harden` on real servers: what it leaves, and every way in which it could have shut its user out."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

import sandbox
from lab import Lab, Project, until
from observe import differences, snapshot_of_filesystem
from sandbox import Server

Fresh = Callable[..., Server]
UNDONE_WITHIN = 90
"""Seconds after which a server must be as it was when the client died (a minute, and time to see it)."""


def ssh(server: Server, user: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A command over a fresh ssh connection, with the sandbox's key."""
    program, *words = server.ssh_argv(user)
    return subprocess.run(
        [program, "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", *options, *words, command],
        capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)  # fmt: skip


def logs_in(server: Server, user: str, *options: str) -> bool:
    """Whether a fresh login as that user succeeds."""
    return ssh(server, user, "true", *options).returncode == 0


def becomes_root(server: Server) -> bool:
    """Whether deploy logs in freshly and is root by sudo."""
    return ssh(server, "deploy", "sudo -n id -u").stdout.strip() == "0"


def ssh_and_firewall(server: Server) -> str:
    """What harden changes and could shut somebody out by: sshd's files and the firewall's, with their sums."""
    return server.run(
        "cd /etc/ssh && find . -type f | sort | xargs sha256sum\n"
        "grep ENABLED /etc/ufw/ufw.conf 2>/dev/null; grep -h tuple /etc/ufw/user*.rules 2>/dev/null\n"
        "iptables -S INPUT 2>/dev/null | head -n 1; ls /etc/systemd/system | grep undo; true"
    ).stdout


def is_as_before(server: Server, before: str) -> bool:
    """Root logs in, sshd's files are those of before, no firewall is on, nothing of the undo is left."""
    after = ssh_and_firewall(server)
    same = [line for line in after.splitlines() if "/" in line and "ufw" not in line] == [
        line for line in before.splitlines() if "/" in line and "ufw" not in line
    ]
    off = "ENABLED=yes" not in after and "-P INPUT DROP" not in after and "undo" not in after
    return same and off and logs_in(server, "root")


def hurry(server: Server, seconds: int) -> None:
    """Let the undo fire after so many seconds instead of a minute."""
    folder = "/usr/local/lib/systemd/system/selvedge-undo.timer.d"
    text = f"[Timer]\\nOnActiveSec=\\nOnActiveSec={seconds}\\n"
    server.run(f"mkdir -p {folder}; printf '{text}' >{folder}/sooner.conf; systemctl daemon-reload")


def wrap(server: Server, program: str, case: str) -> None:
    """Put a program before the server's own one of that name; `case` are branches on its arguments ("$*")."""
    own = f'for folder in /usr/sbin /usr/bin; do [ ! -x $folder/{program} ] || exec $folder/{program} "$@"; done'
    text = f'#!/bin/sh\ncase "$*" in {case} esac\n{own}\n'
    server.run(f"cat >/usr/local/sbin/{program} <<'EOF'\n{text}EOF\nchmod +x /usr/local/sbin/{program}")


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    """One project for all tests here."""
    return shared_project


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Iterator[Fresh]:
    """Makes servers on which nothing was hardened; the packages are there already, which saves most of the time."""
    originals: dict[str, Server] = {}
    packages = "sudo nftables ufw fail2ban python3-systemd systemd-timesyncd libpam-pwquality"

    def make(release: str = "bookworm") -> Server:
        if release not in originals:
            originals[release] = lab.server("ready", release)
            lab.servers.remove(originals[release].name)  # it stays until the module has ended
            install = f"DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages}"
            # `hardened` sees one made anew; here it would only take time, now much and now little.
            key = "yes | ssh-keygen -q -t rsa -b 4096 -N '' -f /etc/ssh/ssh_host_rsa_key"
            originals[release].run(f"{install} >/dev/null 2>&1; {key} >/dev/null")
            originals[release].poweroff()
        name = f"{originals[release].name}-{next(number)}"
        lab.servers.append(name)
        return sandbox.copy(originals[release], name)

    number = itertools.count(1)
    yield make
    for original in originals.values():
        sandbox.down(original.name)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that does not wait long for a server that does not answer."""
    project = Project(tmp_path_factory.mktemp("impatient"))
    way = project.folder / "selvedge/way.py"
    way.write_text(way.read_text().replace("CONNECT_TIMEOUT = 15.0", "CONNECT_TIMEOUT = 3.0"))
    return project


@pytest.fixture(scope="module")
def untouched(fresh: Fresh) -> Server:
    """A server for drills that each leave it as it was."""
    return fresh()


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def hardened(request: pytest.FixtureRequest, lab: Lab, project: Project) -> Server:
    """A server after `fab update harden`, which had a cloud image's drop-in before."""
    server = lab.server("ready", request.param)
    server.run("echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-cloud-init.conf; systemctl reload ssh")
    project.must("-H", server.name, "update", "harden")
    return server


class TestAHardenedServer:
    """What `update harden` leaves behind."""

    def test_second_run_changes_nothing(self, hardened: Server, project: Project) -> None:
        before = snapshot_of_filesystem(hardened)
        again = project.must("-H", hardened.name, "update", "harden")
        assert again.stdout.count("nothing to change on") == 2, again
        assert differences(before, snapshot_of_filesystem(hardened)) == {}

    def test_score_card_is_full(self, hardened: Server, project: Project) -> None:
        shown = project.must("-H", hardened.name, "harden", "--check").stdout
        assert "✗" not in shown and "✓ sshd -T: permitrootlogin no" in shown, shown

    def test_login_user_gets_in_and_becomes_root(self, hardened: Server) -> None:
        assert becomes_root(hardened)

    def test_root_is_refused(self, hardened: Server) -> None:
        assert not logs_in(hardened, "root")

    def test_emptied_authorized_keys_end_the_run_before_anything_is_changed(self, hardened: Server, project: Project) -> None:
        hardened.run("cd ~deploy/.ssh && cp -p authorized_keys kept && : >authorized_keys")
        before = ssh_and_firewall(hardened)
        try:
            result = project.fab("-H", hardened.name, "harden")
        finally:
            hardened.run("cd ~deploy/.ssh && mv kept authorized_keys")
        assert result.status == 4 and "~/.ssh/authorized_keys" in result.stderr, result
        assert ssh_and_firewall(hardened) == before and becomes_root(hardened)

    def test_passwords_are_refused_whatever_the_cloud_image_says(self, hardened: Server) -> None:
        refused = ssh(hardened, "deploy", "true", "-o", "PreferredAuthentications=password,keyboard-interactive",
                      "-o", "PubkeyAuthentication=no")  # fmt: skip
        assert refused.returncode == 255
        assert re.search(r"Permission denied \(publickey\)", refused.stderr), refused.stderr
        assert "passwordauthentication no" in hardened.run("sshd -T").stdout.splitlines()

    def test_nothing_of_a_crash_is_kept_and_rare_modules_stay_out(self, hardened: Server) -> None:
        for sudo in ("", "sudo "):
            assert ssh(hardened, "deploy", f"{sudo}sh -c 'ulimit -H -c'").stdout.strip() == "0"
        hardened.run("apt-get install -y -qq --no-install-recommends kmod >/dev/null 2>&1")
        shown = hardened.run("modprobe --showconfig").stdout
        for module in ("dccp", "sctp", "rds", "tipc", "cramfs", "firewire_core"):
            assert f"install {module} /bin/false" in shown, module
        assert "usb_storage" not in shown
        before_login = hardened.run("cat /etc/issue /etc/issue.net").stdout
        assert "authorized" in before_login and "Debian" not in before_login

    def test_a_weak_password_is_refused_but_not_to_root(self, hardened: Server) -> None:
        hardened.run("echo 'deploy:Old-pass-of-mine-7' | chpasswd")
        change = "printf 'Old-pass-of-mine-7\\n12345\\n12345\\n' | LC_ALL=C passwd 2>&1"
        assert "BAD PASSWORD" in ssh(hardened, "deploy", change).stdout
        hardened.run("echo 'deploy:12345' | chpasswd")
        kind = hardened.run("getent shadow deploy | cut -d : -f 2 | cut -d '$' -f 2,3; passwd -l deploy >/dev/null").stdout
        # yescrypt's cost 7; the PAM of Debian 12 knows but the usual one.
        assert kind.strip() == ("y$j9T" if hardened.release == "bookworm" else "y$jBT")

    def test_a_login_ends_that_somebody_forgot_and_no_command_does(self, hardened: Server) -> None:
        assert ssh(hardened, "deploy", "echo ${TMOUT-none}; bash -lc 'echo $TMOUT'").stdout.split() == ["none", "1800"]

    def test_nothing_is_forwarded_but_files_are_copied(self, hardened: Server, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program, *words = hardened.ssh_argv("deploy")
        tunnel = subprocess.Popen(
            [program, "-N", "-L", f"{port}:127.0.0.1:22", "-o", "BatchMode=yes", *words], stderr=subprocess.PIPE)  # fmt: skip
        try:
            time.sleep(1.5)
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.settimeout(5)
                assert connection.recv(10) == b""
        finally:
            tunnel.terminate()
            tunnel.wait()
        (tmp_path / "file").write_text("over sftp")
        options = [word for word in words if not word.endswith(hardened.address)]
        options = ["-P" if word == "-p" else word for word in options]
        batch = f"put {tmp_path}/file /tmp/over-sftp\n"
        subprocess.run(["sftp", "-b", "-", *options, f"deploy@{hardened.address}"], input=batch, text=True,
                       capture_output=True, check=True, timeout=30)  # fmt: skip
        assert hardened.run("cat /tmp/over-sftp").stdout == "over sftp"

    def test_only_the_ports_asked_for_are_open(self, hardened: Server) -> None:
        listen = "import socket,time\nfor p in (80,443,8123):\n s=socket.create_server(('',p));globals()[f's{p}']=s\ntime.sleep(60)"
        hardened.run("apt-get install -y -qq --no-install-recommends python3-minimal >/dev/null 2>&1 || true")
        hardened.run(f"systemd-run --unit=listeners python3 -c {json.dumps(listen)!s}".replace("\\n", "\n"))
        time.sleep(1)

        def is_open(port: int) -> bool:
            try:
                socket.create_connection((hardened.address, port), timeout=2).close()
            except OSError:
                return False
            return True

        assert [port for port in (22, 80, 443, 8123) if is_open(port)] == [22, 80, 443]
        hardened.run("systemctl stop listeners")

    def test_fail2ban_shuts_out_a_stranger_and_not_the_owner(self, hardened: Server, lab: Lab) -> None:
        stranger = lab.server("ready")
        options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o ConnectTimeout=3"
        knock = f"timeout 10 ssh {options} nobody-$i@{hardened.address} true"
        stranger.run(f"for i in 1 2 3 4 5 6 7; do {knock}; done; true")
        banned = lambda: stranger.address in hardened.run("fail2ban-client get sshd banip").stdout  # noqa: E731
        until(banned, 20, "the stranger is shut out")
        assert "refused" in stranger.run(knock, check=False).stderr
        for number in range(7):  # this machine logged in with its key a moment ago
            ssh(hardened, f"nobody-{number}", "true")
        time.sleep(3)
        assert becomes_root(hardened)

    def test_unattended_upgrades_are_on_with_a_time_to_restart(self, hardened: Server) -> None:
        shown = hardened.run("apt-config dump").stdout
        assert 'APT::Periodic::Unattended-Upgrade "1";' in shown
        assert 'Unattended-Upgrade::Automatic-Reboot-Time "04:00";' in shown
        hardened.run("systemctl is-enabled apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service")

    @pytest.mark.parametrize("tool", [Path(sys.executable).with_name("ssh-audit")])
    def test_ssh_audit_finds_nothing_to_fail(self, hardened: Server, tool: Path) -> None:
        if not tool.is_file():
            pytest.fail("ssh-audit is not installed: pip install -r requirements-test.txt")
        report = subprocess.run([tool, "-n", "--skip-rate-test", hardened.address], capture_output=True, text=True)
        assert "[fail]" not in report.stdout, report.stdout
        policy = [tool, "-n", "-P", "Hardened Debian 12 (version 3)", hardened.address]
        found = subprocess.run(policy, capture_output=True, text=True).stdout
        if hardened.release == "bookworm":
            assert "Passed" in found
        else:  # docs/hardening.md names what differs
            assert re.findall(r"^  \* (.*) did not match", found, re.MULTILINE) == ["Key exchanges"], found

    def test_a_restart_keeps_it_all(self, hardened: Server) -> None:
        hardened.reboot()
        assert becomes_root(hardened)
        assert not logs_in(hardened, "root")
        assert "Status: active" in hardened.run("ufw status").stdout
        assert hardened.run("nft list table inet selvedge").stdout
        assert hardened.run("cat /proc/sys/net/ipv4/conf/*/log_martians").stdout.split()[:2] == ["1", "1"]
        until(lambda: hardened.run("fail2ban-client ping", check=False).returncode == 0, 20, "fail2ban runs")


class TestServersThatAreNotLikeOthers:
    """What stands on the server already must neither be lost nor shut anybody out."""

    def test_a_dry_run_writes_nothing(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        before = snapshot_of_filesystem(server)
        result = project.must("-H", server.name, "update", "harden", "--dry-run")
        assert "+PermitRootLogin no" in result.stdout
        assert differences(before, snapshot_of_filesystem(server)) == {}

    def test_a_cloud_image_without_root_login(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        server.run(
            "useradd -m -s /bin/bash admin && cp -r /root/.ssh ~admin/ && chown -R admin: ~admin/.ssh && "
            "echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/90-cloud-init-users && "
            "echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/10-cloud.conf && systemctl reload ssh"
        )
        table = project.host_settings(server).replace('bootstrap_user = "root"', 'bootstrap_user = "admin"')
        project.configure(table)
        project.must("-H", server.name, "harden")
        assert "nothing to change" in project.must("-H", server.name, "harden").stdout
        project.configure()
        assert becomes_root(server) and logs_in(server, "admin")

    def test_sshd_on_another_port(self, fresh: Fresh, project: Project, tmp_path: Path) -> None:
        server = fresh()
        server.run("echo 'Port 2222' >/etc/ssh/sshd_config.d/port.conf; systemctl restart ssh")
        known = tmp_path / "known_hosts"
        known.write_text("".join(f"[{server.address}]:2222 {key}\n" for key in server.host_keys))
        table = project.host_settings(server).replace("port = 22", "port = 2222")
        project.configure(table.replace(str(server.known_hosts), str(known)))
        result = project.must("-H", server.name, "harden")
        project.configure()
        assert "let in port 2222, 80, 443" in result.stdout
        rules = server.run("ufw status").stdout
        assert "2222/tcp" in rules and "22/tcp" not in rules.replace("2222/tcp", "")
        assert "PermitRootLogin no" in server.run("cat /etc/ssh/sshd_config.d/00-selvedge.conf").stdout

    def test_sshd_config_without_include(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        server.run(
            "printf 'PasswordAuthentication yes\\nUsePAM yes\\nSubsystem sftp internal-sftp\\n' >/etc/ssh/sshd_config; "
            "systemctl reload ssh"
        )
        project.must("-H", server.name, "harden")
        assert "passwordauthentication no" in server.run("sshd -T").stdout.splitlines()
        assert "nothing to change" in project.must("-H", server.name, "harden").stdout

    @pytest.mark.parametrize("release", ["bookworm", "trixie"])
    def test_ssh_started_by_a_socket(self, fresh: Fresh, project: Project, release: str) -> None:
        server = fresh(release)
        server.run("systemctl disable --now ssh.service; systemctl enable --now ssh.socket")
        project.must("-H", server.name, "harden")
        assert becomes_root(server)
        assert not logs_in(server, "root")
        assert "nothing to change" in project.must("-H", server.name, "harden").stdout

    def test_keys_and_rules_of_others_stay(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        server.run(
            "useradd -m -s /bin/bash deploy && mkdir -m 700 ~deploy/.ssh && "
            "printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUvXnYp2Xq2wQmXg5xjJw2aK8t1s2q9m0a7b6c5d4e3 colleague' "
            ">~deploy/.ssh/authorized_keys && chown -R deploy: ~deploy/.ssh\n"
            "ufw allow 5432/tcp"
        )
        project.must("-H", server.name, "harden")
        keys = server.run("cat ~deploy/.ssh/authorized_keys").stdout.splitlines()
        assert len(keys) == 2 and keys[0].endswith("colleague")
        assert "5432/tcp" in server.run("ufw status").stdout

    def test_a_port_that_is_asked_for_no_more_is_closed(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        project.must("-H", server.name, "harden", env={"SELVEDGE_SERVER__OPEN_PORTS": "[8443]"})
        assert "8443/tcp" in server.run("ufw status").stdout
        project.must("-H", server.name, "harden")
        assert "8443/tcp" not in server.run("ufw status").stdout


class TestSudoWithAPassword:
    """`server.sudo = "password"`."""

    PASSWORD = "correct horse"
    MODE: ClassVar = {"SELVEDGE_SERVER__SUDO": "password"}

    def test_refused_until_the_user_has_one_then_kept(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        result = project.fab("-H", server.name, "harden", env=self.MODE)
        assert result.status == 1
        assert "passwd deploy" in result.stderr
        assert logs_in(server, "root")
        server.run(f"echo 'deploy:{self.PASSWORD}' | chpasswd")
        without = project.fab("-H", server.name, "harden", env=self.MODE)
        assert without.status == 1
        assert "--prompt-for-sudo-password" in without.stderr
        assert logs_in(server, "root")
        known = {**self.MODE, "SELVEDGE_SUDO_PASSWORD": self.PASSWORD}
        done = project.must("-H", server.name, "harden", env=known)
        assert self.PASSWORD not in done.stdout + done.stderr
        assert not logs_in(server, "root")
        assert ssh(server, "deploy", "sudo -n true").returncode != 0
        assert "nothing to change" in project.must("-H", server.name, "harden", env=known).stdout

        # Back, and to a password once more: now sudo is what somebody could lose.
        project.must("-H", server.name, "harden", env={"SELVEDGE_SUDO_PASSWORD": self.PASSWORD})
        assert becomes_root(server)
        server.run("passwd -l deploy")
        result = project.fab("-H", server.name, "harden", env=self.MODE)
        assert result.status == 1 and "passwd deploy" in result.stderr, result
        assert becomes_root(server)
        server.run(f"echo 'deploy:{self.PASSWORD}' | chpasswd")
        hurry(server, 5)
        result = project.fab("-H", server.name, "harden", env=self.MODE)
        assert result.status == 1 and "--prompt-for-sudo-password" in result.stderr, result
        assert re.search("sudo (are|will be) as they were", result.stderr), result
        until(lambda: becomes_root(server), UNDONE_WITHIN, "sudo asks for no password")
        assert "undo" not in ssh_and_firewall(server)
        hurry(server, 30)
        project.must("-H", server.name, "harden", env=known)
        assert ssh(server, "deploy", "sudo -n true").returncode != 0


class TestNobodyIsShutOut:
    """Each way to lock oneself out ends with the server as it was."""

    def test_a_key_that_is_not_ours(self, untouched: Server, project: Project, tmp_path: Path) -> None:
        server = untouched
        before = ssh_and_firewall(server)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
        keys = json.dumps([str(tmp_path / "other.pub")])
        result = project.fab("-H", server.name, "harden", env={"SELVEDGE_SERVER__AUTHORIZED_KEYS": keys})
        assert result.status == 1
        assert "deploy" in result.stderr and "Traceback" not in result.stderr
        assert is_as_before(server, before)

    def test_a_sudo_that_asks_for_a_password_that_nobody_has(self, untouched: Server, project: Project) -> None:
        untouched.run("echo 'deploy ALL=(ALL:ALL) ALL' >/etc/sudoers.d/zz-others")
        before = ssh_and_firewall(untouched)
        result = project.fab("-H", untouched.name, "harden")
        untouched.run("rm /etc/sudoers.d/zz-others")
        assert result.status == 1 and "sudo asks deploy for a password" in result.stderr, result
        assert is_as_before(untouched, before)

    @pytest.mark.parametrize("line", ["AllowUsers root admin", "AllowGroups root", "DenyUsers dep*"])
    def test_an_sshd_that_leaves_the_login_user_out(self, untouched: Server, project: Project, line: str) -> None:
        untouched.run(f"echo '{line}' >/etc/ssh/sshd_config.d/others.conf; systemctl reload ssh")
        before = ssh_and_firewall(untouched)
        result = project.fab("-H", untouched.name, "harden")
        assert result.status == 1 and f"sshd would not let deploy in, by its line `{line}`" in result.stderr, result
        assert is_as_before(untouched, before)
        untouched.run("rm /etc/ssh/sshd_config.d/others.conf; systemctl reload ssh")

    def test_keys_that_are_gone_when_the_changes_are_made(self, untouched: Server, project: Project) -> None:
        before = ssh_and_firewall(untouched)
        wrap(untouched, "ufw", "*enable*) : >~deploy/.ssh/authorized_keys ;;")
        result = project.fab("-H", untouched.name, "harden")
        untouched.run("rm /usr/local/sbin/ufw")
        assert result.status == 1 and "taken back at once" in result.stderr, result
        assert is_as_before(untouched, before)

    def test_a_known_host_key_that_will_not_be_shown_any_more(
        self, fresh: Fresh, project: Project, tmp_path: Path
    ) -> None:
        server = fresh()
        known = tmp_path / "known_hosts"
        known.write_text("".join(f"{server.address} {key}\n" for key in server.host_keys if key.startswith("ecdsa")))
        project.configure(project.host_settings(server).replace(str(server.known_hosts), str(known)))
        before = ssh_and_firewall(server)
        result = project.fab("-H", server.name, "harden")
        assert result.status == 1 and "taken back at once" in result.stderr
        assert f"fab -H {server.name} trust" in result.stderr
        assert is_as_before(server, before)
        project.must("-H", server.name, "trust", "--yes")
        project.must("-H", server.name, "harden")
        project.configure()
        assert becomes_root(server)

    def test_a_firewall_that_forgets_the_port_of_ssh(self, untouched: Server, impatient: Project) -> None:
        before = ssh_and_firewall(untouched)
        wrap(untouched, "ufw", '"allow 22/tcp"*) exit ;;')
        result = impatient.fab("-H", untouched.name, "harden")
        untouched.run("rm /usr/local/sbin/ufw")
        assert result.status == 1, result
        assert "taken back at once: sshd, firewall and sudo are as they were" in result.stderr
        assert is_as_before(untouched, before)

    def test_a_firewall_with_a_rule_that_refuses_us(self, untouched: Server, impatient: Project) -> None:
        network = f"{untouched.address.rpartition('.')[0]}.0/24"
        untouched.run(f"ufw deny from {network}")  # it stands before whatever is allowed later
        before = ssh_and_firewall(untouched)
        result = impatient.fab("-H", untouched.name, "harden")
        assert result.status == 1 and "taken back at once" in result.stderr, result
        assert is_as_before(untouched, before)
        untouched.run(f"ufw delete deny from {network}")

    def test_a_match_block_that_says_otherwise(self, untouched: Server, project: Project) -> None:
        """For one user, or at one port, which is not the one that we come by."""
        untouched.run("printf 'Port 22\nPort 2222\n' >/etc/ssh/sshd_config.d/ports.conf")
        for block, where in (
            ("Match User root\n  PermitRootLogin yes", "'permitrootlogin yes' for root from"),
            ("Match LocalPort 2222\n  PasswordAuthentication yes", "at port 2222 and not 'passwordauthentication no'"),
        ):
            untouched.run(f"printf '{block}\n' >/etc/ssh/sshd_config.d/zz.conf; systemctl restart ssh")
            before = ssh_and_firewall(untouched)
            result = project.fab("-H", untouched.name, "harden")
            assert result.status == 1 and where in result.stderr, result
            assert is_as_before(untouched, before)
        untouched.run("rm /etc/ssh/sshd_config.d/ports.conf /etc/ssh/sshd_config.d/zz.conf; systemctl restart ssh")

    def test_score_card_of_a_bare_server_names_what_is_missing(self, untouched: Server, project: Project) -> None:
        server = untouched
        before = ssh_and_firewall(server)
        result = project.fab("-H", server.name, "harden", "--check")
        assert result.status == 1
        assert "✗ sshd -T: permitrootlogin" in result.stdout and f"`fab -H {server.name} harden`" in result.stdout
        assert ssh_and_firewall(server) == before

    def test_an_sshd_that_is_broken_already(self, untouched: Server, project: Project) -> None:
        server = untouched
        server.run("echo 'PortAndMore 22' >/etc/ssh/sshd_config.d/broken.conf")
        before = ssh_and_firewall(server)
        result = project.fab("-H", server.name, "harden")
        assert result.status == 1
        assert "broken already" in result.stderr and "PortAndMore" in result.stderr
        assert ssh_and_firewall(server).split("ENABLED")[0] == before.split("ENABLED")[0]
        server.run("rm /etc/ssh/sshd_config.d/broken.conf")

    def test_a_port_that_was_edited_and_never_loaded(self, untouched: Server, project: Project) -> None:
        server = untouched
        server.run("echo 'Port 2222' >/etc/ssh/sshd_config.d/port.conf")
        result = project.fab("-H", server.name, "harden")
        assert result.status == 1
        server.run("rm /etc/ssh/sshd_config.d/port.conf")
        assert "listens on port 22" in result.stderr
        assert logs_in(server, "root")

    def test_the_client_is_killed_and_runs_again_at_once(self, fresh: Fresh, project: Project) -> None:
        server = fresh()
        kill_when(project, server, "✓ firewall")
        assert "undo" in ssh_and_firewall(server)
        result = project.must("-H", server.name, "harden")
        assert "over the new rules" in result.stdout
        left = server.run("systemctl list-timers --all --no-legend; ls /var/lib/selvedge").stdout
        assert "undo" not in ssh_and_firewall(server) + left and "guard" not in left
        assert becomes_root(server)
        assert not logs_in(server, "root")
        assert "Status: active" in server.run("ufw status").stdout

    def test_the_power_fails_before_the_proof_and_again_in_the_middle_of_the_undo(
        self, fresh: Fresh, project: Project
    ) -> None:
        server = fresh()
        before = ssh_and_firewall(server)
        kill_when(project, server, "✓ firewall")
        wrap(server, "mv", "*'/etc/ssh /etc/.selvedge'*) /bin/mv \"$@\"; rm /usr/local/sbin/mv; sync; sleep 300 ;;")
        server.kill()
        server.boot()
        gone = lambda: server.run("[ ! -e /etc/ssh ] && [ ! -e /usr/local/sbin/mv ]", check=False).returncode == 0  # noqa: E731
        until(gone, UNDONE_WITHIN, "the undo has begun")
        hurry(server, 3)
        server.kill()
        server.boot()
        until(lambda: is_as_before(server, before), UNDONE_WITHIN, "the server is as it was")

    def test_the_client_is_killed_at_each_exec(self, fresh: Fresh, tmp_path: Path) -> None:
        """Each time from a bare server on: it is as it was, or, behind the proof, as it should be."""
        server, project = fresh(), Project(tmp_path)
        fabfile = project.folder / "fabfile.py"
        fabfile.write_text(fabfile.read_text() + KILLER)
        server.run("tar -C / -cpf /root/etc.tar etc")
        before = ssh_and_firewall(server)
        sent = execs(project, server)
        assert sent.count("guard_disarm") == 1 and len(sent) > 8, sent
        disarmed = sent.index("guard_disarm") + 1
        hurry(server, 12)
        for point in range(1, len(sent) + 1):
            server.run(BARE)
            # sshd takes its files anew in its own time, here and behind an undo.
            until(lambda: is_as_before(server, before), 20, f"before {point}: the server is bare")
            assert execs(project, server, point) == sent[:point]
            server.run("if [ -e /run/selvedge/hello.step ]; then flock -w 60 /run/selvedge/hello.step true; fi")
            until(lambda: "undo" not in ssh_and_firewall(server), UNDONE_WITHIN, f"killed at {point}: no undo is armed")
            if point < disarmed or not becomes_root(server):
                assert point <= disarmed, f"killed at exec {point} of {len(sent)}: root's right is gone"
                until(lambda: is_as_before(server, before), 20, f"killed at {point}: the server is as it was")


KILLER = """

import os, signal, time
from selvedge.remote import Remote

_start, _sent = Remote._start, []

def _counted(self, script):
    channel = _start(self, script)
    last = script.rstrip().splitlines()
    _sent.append(last[-2] if last[-1].startswith(")") else "")
    with open("sent", "w") as file:
        file.write("\\n".join(_sent))
    if len(_sent) == int(os.environ["KILL_AT"]):
        time.sleep(0.6)  # the server has begun
        os.kill(os.getpid(), signal.SIGKILL)
    return channel

Remote._start = _counted
"""
BARE = """ufw --force disable >/dev/null
userdel -rf deploy 2>/dev/null
find /etc -xdev -newer /root/etc.tar ! -type d -delete
rm -rf /var/lib/selvedge /run/selvedge /srv/hello
tar -C / -xpf /root/etc.tar
systemctl daemon-reload; systemctl reload ssh"""
"""Takes away what harden does; /root/etc.tar is /etc as it was."""


def execs(project: Project, server: Server, kill_at: int = 0) -> list[str]:
    """The commands that harden sends, by what KILLER knows of them; fab is killed as soon as that one is under way."""
    result = project.fab("-H", server.name, "harden", env={"KILL_AT": str(kill_at)})
    assert result.status == (-signal.SIGKILL if kill_at else 0), result
    return (project.folder / "sent").read_text().split("\n")


def kill_when(project: Project, server: Server, seen: str) -> None:
    """Run harden, and kill fab with all its threads as soon as it prints the words."""
    process = project.start("-H", server.name, "harden")
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if seen in line:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return
    pytest.fail(f"{seen!r} was not printed: {''.join(lines)}")
