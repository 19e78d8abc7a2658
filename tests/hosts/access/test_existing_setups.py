"""`fab harden` on servers that are configured already: it keeps their settings and locks no one out."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardening import Fresh, becomes_root, logs_in
from lab import Project
from observe import differences, snapshot_of_filesystem


def test_a_dry_run_writes_nothing(fresh: Fresh, project: Project) -> None:
    server = fresh()
    before = snapshot_of_filesystem(server)
    result = project.must("-H", server.name, "update", "harden", "--dry-run")
    assert "+PermitRootLogin no" in result.stdout
    assert differences(before, snapshot_of_filesystem(server)) == {}


def test_a_cloud_image_without_root_login(fresh: Fresh, project: Project) -> None:
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


def test_sshd_on_another_port(fresh: Fresh, project: Project, tmp_path: Path) -> None:
    server = fresh()
    server.run("echo 'Port 2222' >/etc/ssh/sshd_config.d/port.conf; systemctl restart ssh")
    known = tmp_path / "known_hosts"
    known.write_text("".join(f"[{server.address}]:2222 {key}\n" for key in server.host_keys))
    table = project.host_settings(server).replace("port = 22", "port = 2222")
    project.configure(table.replace(str(server.known_hosts), str(known)))
    result = project.must("-H", server.name, "harden")
    project.configure()
    assert "open port 2222, 80, 443" in result.stdout
    rules = server.run("ufw status").stdout
    assert "2222/tcp" in rules and "22/tcp" not in rules.replace("2222/tcp", "")
    assert "PermitRootLogin no" in server.run("cat /etc/ssh/sshd_config.d/00-selvedge.conf").stdout


def test_sshd_config_without_include(fresh: Fresh, project: Project) -> None:
    server = fresh()
    server.run(
        "printf 'PasswordAuthentication yes\\nUsePAM yes\\nSubsystem sftp internal-sftp\\n' >/etc/ssh/sshd_config; "
        "systemctl reload ssh"
    )
    project.must("-H", server.name, "harden")
    assert "passwordauthentication no" in server.run("sshd -T").stdout.splitlines()
    assert "nothing to change" in project.must("-H", server.name, "harden").stdout


@pytest.mark.parametrize("release", [pytest.param("bookworm", marks=pytest.mark.thorough), "trixie"])
def test_sshd_started_by_its_socket(fresh: Fresh, project: Project, release: str) -> None:
    server = fresh(release)
    server.run("systemctl disable --now ssh.service; systemctl enable --now ssh.socket")
    project.must("-H", server.name, "harden")
    assert becomes_root(server)
    assert not logs_in(server, "root")
    assert "nothing to change" in project.must("-H", server.name, "harden").stdout


def test_other_keys_and_firewall_rules_are_kept(fresh: Fresh, project: Project) -> None:
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


def test_a_port_removed_from_the_settings_is_closed(fresh: Fresh, project: Project) -> None:
    server = fresh()
    project.must("-H", server.name, "harden", env={"SELVEDGE_SERVER__OPEN_PORTS": "[8443]"})
    assert "8443/tcp" in server.run("ufw status").stdout
    project.must("-H", server.name, "harden")
    assert "8443/tcp" not in server.run("ufw status").stdout
