"""Helpers for the tests of `fab harden`: logins, snapshots of what it changes, and programs that fail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from sandbox import Server

Fresh = Callable[..., Server]
UNDONE_WITHIN = 90
"""Seconds until the undo of a killed run must be complete: its timer of one minute, and time to notice."""


def ssh(server: Server, user: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command over a new ssh connection with the sandbox's key."""
    program, *words = server.ssh_argv(user)
    return subprocess.run(
        [program, "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", *options, *words, command],
        capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)  # fmt: skip


def logs_in(server: Server, user: str, *options: str) -> bool:
    """Return whether a new login as this user succeeds."""
    return ssh(server, user, "true", *options).returncode == 0


def becomes_root(server: Server) -> bool:
    """Return whether the user deploy can log in and become root with sudo."""
    return ssh(server, "deploy", "sudo -n id -u").stdout.strip() == "0"


def ssh_and_firewall(server: Server) -> str:
    """Return the state that can lock a user out: checksums of sshd's files, firewall rules, the undo timer."""
    return server.run(
        "cd /etc/ssh && find . -type f | sort | xargs sha256sum\n"
        "grep ENABLED /etc/ufw/ufw.conf 2>/dev/null; grep -h tuple /etc/ufw/user*.rules 2>/dev/null\n"
        "iptables -S INPUT 2>/dev/null | head -n 1; ls /etc/systemd/system | grep undo; true"
    ).stdout


def is_as_before(server: Server, before: str) -> bool:
    """Return whether root can log in, sshd's files are unchanged, and no firewall and no undo is active."""
    after = ssh_and_firewall(server)
    same = [line for line in after.splitlines() if "/" in line and "ufw" not in line] == [
        line for line in before.splitlines() if "/" in line and "ufw" not in line
    ]
    off = "ENABLED=yes" not in after and "-P INPUT DROP" not in after and "undo" not in after
    return same and off and logs_in(server, "root")


def undo_after(server: Server, seconds: int) -> None:
    """Start the undo after `seconds` instead of a minute."""
    folder = "/usr/local/lib/systemd/system/selvedge-undo.timer.d"
    text = f"[Timer]\\nOnActiveSec=\\nOnActiveSec={seconds}\\n"
    server.run(f"mkdir -p {folder}; printf '{text}' >{folder}/sooner.conf; systemctl daemon-reload")


def shadow(server: Server, program: str, case: str) -> None:
    """Shadow a program of the server with a script. `case` holds shell case branches on its arguments ("$*")."""
    own = f'for folder in /usr/sbin /usr/bin; do [ ! -x $folder/{program} ] || exec $folder/{program} "$@"; done'
    text = f'#!/bin/sh\ncase "$*" in {case} esac\n{own}\n'
    server.run(f"cat >/usr/local/sbin/{program} <<'EOF'\n{text}EOF\nchmod +x /usr/local/sbin/{program}")
