"""`fab harden` with `server.sudo = "password"`."""

from __future__ import annotations

import re

from hardening import UNDONE_WITHIN, Fresh, becomes_root, logs_in, ssh, ssh_and_firewall, undo_after
from lab import Project, until

PASSWORD = "correct horse"
MODE = {"SELVEDGE_SERVER__SUDO": "password"}


def test_harden_is_refused_until_the_user_has_a_password(fresh: Fresh, project: Project) -> None:
    server = fresh()
    result = project.fab("-H", server.name, "harden", env=MODE)
    assert result.status == 1
    assert "passwd deploy" in result.stderr
    assert logs_in(server, "root")
    server.run(f"echo 'deploy:{PASSWORD}' | chpasswd")
    without = project.fab("-H", server.name, "harden", env=MODE)
    assert without.status == 1
    assert "--prompt-for-sudo-password" in without.stderr
    assert logs_in(server, "root")
    known = {**MODE, "SELVEDGE_SUDO_PASSWORD": PASSWORD}
    done = project.must("-H", server.name, "harden", env=known)
    assert PASSWORD not in done.stdout + done.stderr
    assert not logs_in(server, "root")
    assert ssh(server, "deploy", "sudo -n true").returncode != 0
    assert "nothing to change" in project.must("-H", server.name, "harden", env=known).stdout

    # Back to sudo without a password, then to a password again: this time sudo could be lost.
    project.must("-H", server.name, "harden", env={"SELVEDGE_SUDO_PASSWORD": PASSWORD})
    assert becomes_root(server)
    server.run("passwd -l deploy")
    result = project.fab("-H", server.name, "harden", env=MODE)
    assert result.status == 1 and "passwd deploy" in result.stderr, result
    assert becomes_root(server)
    server.run(f"echo 'deploy:{PASSWORD}' | chpasswd")
    undo_after(server, 5)
    result = project.fab("-H", server.name, "harden", env=MODE)
    assert result.status == 1 and "--prompt-for-sudo-password" in result.stderr, result
    assert re.search("sudo (were|will be) undone", result.stderr), result
    until(lambda: becomes_root(server), UNDONE_WITHIN, "sudo asks for no password")
    assert "undo" not in ssh_and_firewall(server)
    undo_after(server, 30)
    project.must("-H", server.name, "harden", env=known)
    assert ssh(server, "deploy", "sudo -n true").returncode != 0
