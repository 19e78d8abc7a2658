"""Faults that could lock you out during `fab harden`: each one leaves the server as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hardening import UNDONE_WITHIN, Fresh, becomes_root, is_as_before, logs_in, shadow, ssh_and_firewall, undo_after
from killer import arm, commands_sent
from lab import Project, until
from sandbox import Server

UNDO_HARDEN = """ufw --force disable >/dev/null
userdel -rf deploy 2>/dev/null
find /etc -xdev -newer /root/etc.tar ! -type d -delete
rm -rf /var/lib/selvedge /run/selvedge /srv/hello
tar -C / -xpf /root/etc.tar
systemctl daemon-reload; systemctl reload ssh"""
"""Undo everything that harden does. /root/etc.tar holds the original /etc."""


def kill_when(project: Project, server: Server, seen: str) -> None:
    """Run harden and kill fab as soon as it prints `seen`."""
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


def test_authorized_keys_without_our_key(untouched: Server, project: Project, tmp_path: Path) -> None:
    server = untouched
    before = ssh_and_firewall(server)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    keys = json.dumps([str(tmp_path / "other.pub")])
    result = project.fab("-H", server.name, "harden", env={"SELVEDGE_SERVER__AUTHORIZED_KEYS": keys})
    assert result.status == 1
    assert "deploy" in result.stderr and "Traceback" not in result.stderr
    assert is_as_before(server, before)


def test_sudo_that_asks_for_a_password_no_one_knows(untouched: Server, project: Project) -> None:
    untouched.run("echo 'deploy ALL=(ALL:ALL) ALL' >/etc/sudoers.d/zz-others")
    before = ssh_and_firewall(untouched)
    result = project.fab("-H", untouched.name, "harden")
    untouched.run("rm /etc/sudoers.d/zz-others")
    assert result.status == 1 and "sudo asks deploy for a password" in result.stderr, result
    assert is_as_before(untouched, before)


@pytest.mark.parametrize("line", ["AllowUsers root admin", "AllowGroups root", "DenyUsers dep*"])
def test_an_sshd_line_that_excludes_the_login_user(untouched: Server, project: Project, line: str) -> None:
    untouched.run(f"echo '{line}' >/etc/ssh/sshd_config.d/others.conf; systemctl reload ssh")
    before = ssh_and_firewall(untouched)
    result = project.fab("-H", untouched.name, "harden")
    assert result.status == 1 and f"sshd would reject logins of deploy, because of its line `{line}`" in result.stderr, result
    assert is_as_before(untouched, before)
    untouched.run("rm /etc/ssh/sshd_config.d/others.conf; systemctl reload ssh")


def test_keys_that_are_deleted_while_the_changes_are_made(untouched: Server, project: Project) -> None:
    before = ssh_and_firewall(untouched)
    shadow(untouched, "ufw", "*enable*) : >~deploy/.ssh/authorized_keys ;;")
    result = project.fab("-H", untouched.name, "harden")
    untouched.run("rm /usr/local/sbin/ufw")
    assert result.status == 1 and "undone at once" in result.stderr, result
    assert is_as_before(untouched, before)


def test_a_known_host_key_that_harden_disables(fresh: Fresh, project: Project, tmp_path: Path) -> None:
    """Its connection stores the keys that stay, so that the next login knows them."""
    server = fresh()
    known = tmp_path / "known_hosts"
    known.write_text("".join(f"{server.address} {key}\n" for key in server.host_keys if key.startswith("ecdsa")))
    project.configure(project.host_settings(server).replace(str(server.known_hosts), str(known)))
    project.must("-H", server.name, "harden")
    assert "ssh-ed25519" in known.read_text(), "the server's other keys, which the checked connection has proved"
    assert "nothing to change" in project.must("-H", server.name, "harden").stdout
    project.configure()
    assert becomes_root(server)


def test_a_firewall_without_the_ssh_port(untouched: Server, impatient: Project) -> None:
    before = ssh_and_firewall(untouched)
    shadow(untouched, "ufw", '"allow 22/tcp"*) exit ;;')
    result = impatient.fab("-H", untouched.name, "harden")
    untouched.run("rm /usr/local/sbin/ufw")
    assert result.status == 1, result
    assert "The changes to sshd, firewall and sudo were undone at once." in result.stderr
    assert is_as_before(untouched, before)


def test_a_firewall_rule_that_blocks_this_machine(untouched: Server, impatient: Project) -> None:
    network = f"{untouched.address.rpartition('.')[0]}.0/24"
    untouched.run(f"ufw deny from {network}")  # It precedes all rules that harden adds.
    before = ssh_and_firewall(untouched)
    result = impatient.fab("-H", untouched.name, "harden")
    assert result.status == 1 and "undone at once" in result.stderr, result
    assert is_as_before(untouched, before)
    untouched.run(f"ufw delete deny from {network}")


def test_a_match_block_that_overrides_the_settings(untouched: Server, project: Project) -> None:
    """A block for another user, or for a port that we do not use."""
    untouched.run("printf 'Port 22\nPort 2222\n' >/etc/ssh/sshd_config.d/ports.conf")
    for block, where in (
        ("Match User root\n  PermitRootLogin yes", "sshd would use 'permitrootlogin yes' and not 'permitrootlogin no'"),
        (
            "Match LocalPort 2222\n  PasswordAuthentication yes",
            "on port 2222, sshd would use 'passwordauthentication yes' and not 'passwordauthentication no'",
        ),
    ):
        untouched.run(f"printf '{block}\n' >/etc/ssh/sshd_config.d/zz.conf; systemctl restart ssh")
        before = ssh_and_firewall(untouched)
        result = project.fab("-H", untouched.name, "harden")
        assert result.status == 1 and where in result.stderr, result
        assert is_as_before(untouched, before)
    untouched.run("rm /etc/ssh/sshd_config.d/ports.conf /etc/ssh/sshd_config.d/zz.conf; systemctl restart ssh")


def test_check_of_a_bare_server_lists_what_is_missing(untouched: Server, project: Project) -> None:
    server = untouched
    before = ssh_and_firewall(server)
    result = project.fab("-H", server.name, "harden", "--check")
    assert result.status == 1
    assert "✗ sshd -T: permitrootlogin" in result.stdout and f"`fab -H {server.name} harden`" in result.stdout
    assert ssh_and_firewall(server) == before


def test_an_sshd_configuration_that_is_broken_already(untouched: Server, project: Project) -> None:
    server = untouched
    server.run("echo 'PortAndMore 22' >/etc/ssh/sshd_config.d/broken.conf")
    before = ssh_and_firewall(server)
    result = project.fab("-H", server.name, "harden")
    assert result.status == 1
    assert "rejects its current configuration" in result.stderr and "PortAndMore" in result.stderr
    assert ssh_and_firewall(server).split("ENABLED")[0] == before.split("ENABLED")[0]
    server.run("rm /etc/ssh/sshd_config.d/broken.conf")


def test_a_port_that_sshd_has_not_loaded(untouched: Server, project: Project) -> None:
    server = untouched
    server.run("echo 'Port 2222' >/etc/ssh/sshd_config.d/port.conf")
    result = project.fab("-H", server.name, "harden")
    assert result.status == 1
    server.run("rm /etc/ssh/sshd_config.d/port.conf")
    assert "listens on port 22" in result.stderr
    assert logs_in(server, "root")


def test_a_killed_client_can_run_again_at_once(fresh: Fresh, project: Project) -> None:
    server = fresh()
    kill_when(project, server, "✓ change the firewall")
    assert "undo" in ssh_and_firewall(server)
    result = project.must("-H", server.name, "harden")
    assert "with sudo works after the changes" in result.stdout
    left = server.run("systemctl list-timers --all --no-legend; ls /var/lib/selvedge").stdout
    assert "undo" not in ssh_and_firewall(server) + left and "guard" not in left
    assert becomes_root(server)
    assert not logs_in(server, "root")
    assert "Status: active" in server.run("ufw status").stdout


def test_power_cuts_before_the_proof_and_during_the_undo(fresh: Fresh, project: Project) -> None:
    server = fresh()
    before = ssh_and_firewall(server)
    kill_when(project, server, "✓ change the firewall")
    shadow(server, "mv", "*'/etc/ssh /etc/.selvedge'*) /bin/mv \"$@\"; rm /usr/local/sbin/mv; sync; sleep 300 ;;")
    server.kill()
    server.boot()
    gone = lambda: server.run("[ ! -e /etc/ssh ] && [ ! -e /usr/local/sbin/mv ]", check=False).returncode == 0  # noqa: E731
    until(gone, UNDONE_WITHIN, "the undo has begun")
    undo_after(server, 3)
    server.kill()
    server.boot()
    until(lambda: is_as_before(server, before), UNDONE_WITHIN, "the server is as it was")


@pytest.mark.thorough
def test_the_client_is_killed_at_each_command(fresh: Fresh, tmp_path: Path) -> None:
    """From a bare server each time. A kill before the proof restores the server; a later one leaves it hardened."""
    server, project = fresh(), Project(tmp_path)
    arm(project)
    server.run("tar -C / -cpf /root/etc.tar etc")
    before = ssh_and_firewall(server)
    sent = commands_sent(project, server.name, "harden")
    assert sent.count("guard_disarm") == 1 and len(sent) > 8, sent
    disarmed = sent.index("guard_disarm") + 1
    undo_after(server, 12)
    for point in range(1, len(sent) + 1):
        server.run(UNDO_HARDEN)
        # sshd reloads its files asynchronously, here and after an undo.
        until(lambda: is_as_before(server, before), 20, f"before {point}: the server is bare")
        assert commands_sent(project, server.name, "harden", kill_at=point) == sent[:point]
        server.run("if [ -e /run/selvedge/hello.step ]; then flock -w 60 /run/selvedge/hello.step true; fi")
        until(lambda: "undo" not in ssh_and_firewall(server), UNDONE_WITHIN, f"killed at {point}: no undo is armed")
        if point < disarmed or not becomes_root(server):
            assert point <= disarmed, f"killed at command {point} of {len(sent)}: root cannot log in"
            until(lambda: is_as_before(server, before), 20, f"killed at {point}: the server is as it was")
