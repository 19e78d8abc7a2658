"""What a server shows of a run: the commands that came over ssh, and every file that is not as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox import Server

FOLDERS = (
    "/etc /srv /var/lib /var/www /usr /home /root /opt /boot /tmp /var/tmp /var/cache /var/backups /var/spool /var/log/selvedge"
    " /run/selvedge /run/systemd/system"
)
# What a server that nobody touches writes by itself.
VOLATILE = re.compile(
    r"/var/lib/systemd/|/var/lib/fail2ban/|/var/lib/logrotate/|/var/lib/private/systemd/|/var/lib/apt/periodic/"
    r"|/srv/[^/]+/shared/|/etc/(resolv\.conf|mtab|\.pwd\.lock|ld\.so\.cache)$"
)
LISTING = f"""
folders=
for folder in {FOLDERS}; do if [ -e "$folder" ]; then folders="$folders $folder"; fi; done
find $folders -printf '%p\\t%y %m %U:%G %s %T@ %C@ %l\\n'
"""
_SESSION = re.compile(r"Starting session: (\S+)")


def snapshot_of_filesystem(server: Server) -> dict[str, str]:
    """Path → kind, mode, owner, size, times of the last change (that of the inode is nobody's to set), link target.

    Folders are listed without size and times: that a file came and went is no trace worth a failed test, and what stays
    is listed itself.
    """
    found = {}
    for line in server.run(LISTING).stdout.splitlines():
        path, _, fact = line.partition("\t")
        if not VOLATILE.search(path):
            found[path] = " ".join(fact.split(" ")[:3]) if fact.startswith("d") else fact
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The paths that differ between two snapshots, with both facts ("" where there was or is nothing)."""
    paths = sorted(before.keys() | after.keys())
    pairs = {path: (before.get(path, ""), after.get(path, "")) for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


@dataclass
class Execs:
    """How many commands were run over ssh, by sshd's own log; known when the `with` block has ended."""

    count: int = -1
    logins: int = -1


@contextmanager
def count_execs(server: Server) -> Iterator[Execs]:
    """Count the sessions (commands, shells, file transfers) and logins that sshd starts inside the block."""
    server.run(
        "printf 'LogLevel VERBOSE\\n' >/etc/ssh/sshd_config.d/000-count.conf && systemctl reload ssh\n"
        # reload returns before the new configuration holds
        "sleep 0.3"
    )
    cursor = server.run("journalctl --lines=0 --show-cursor").stdout.rpartition("-- cursor: ")[2].strip()
    execs = Execs()
    try:
        yield execs
    finally:
        log = server.run(
            f"journalctl --sync; journalctl --after-cursor='{cursor}' --output=cat "
            "SYSLOG_IDENTIFIER=sshd + SYSLOG_IDENTIFIER=sshd-session"
        ).stdout
        execs.count = len(_SESSION.findall(log))
        execs.logins = len(re.findall(r"^Accepted \S+ for ", log, re.MULTILINE))
        server.run("rm -f /etc/ssh/sshd_config.d/000-count.conf && systemctl reload ssh")
