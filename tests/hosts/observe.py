"""Observe the effects of a run on a server: its commands over ssh, and the files that it changed."""

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
# Files that an idle server writes, and the private /tmp of a service of the boot.
VOLATILE = re.compile(
    r"/var/lib/systemd/|/var/lib/fail2ban/|/var/lib/logrotate/|/var/lib/private/systemd/|/var/lib/apt/periodic/"
    r"|/srv/[^/]+/shared/|/etc/(resolv\.conf|mtab|\.pwd\.lock|ld\.so\.cache)$"
    r"|^(/var)?/tmp/systemd-private-[0-9a-f]+-e2scrub_reap\.service-"
)
LISTING = f"""
for attempt in $(seq 300); do
  [ -n "$(systemctl list-units --plain --no-legend 'selvedge-drain-*')" ] || break
  sleep 0.2
done
folders=
for folder in {FOLDERS}; do if [ -e "$folder" ]; then folders="$folders $folder"; fi; done
find $folders -printf '%p\\t%y %m %U:%G %s %T@ %C@ %l\\n'
"""
_SESSION = re.compile(r"Starting session: (\S+)")


def snapshot_of_filesystem(server: Server) -> dict[str, str]:
    """Return path → kind, mode, owner, size, mtime, ctime (which no program can set) and link target.

    First wait until no previous release drains, at most a minute: its end changes files. Folders have no size and no times:
    a temporary file is allowed, and a permanent one has its own entry.
    """
    found = {}
    for line in server.run(LISTING).stdout.splitlines():
        path, _, fact = line.partition("\t")
        if not VOLATILE.search(path):
            found[path] = " ".join(fact.split(" ")[:3]) if fact.startswith("d") else fact
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the paths that differ between two snapshots, with both entries ("" for a missing path)."""
    paths = sorted(before.keys() | after.keys())
    pairs = {path: (before.get(path, ""), after.get(path, "")) for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


@dataclass
class Execs:
    """The numbers of commands and logins over ssh, from sshd's log; complete at the end of the `with` block."""

    count: int = -1
    logins: int = -1


@contextmanager
def count_execs(server: Server) -> Iterator[Execs]:
    """Count the sessions (commands, shells, file transfers) and logins during the block."""
    server.run(
        "printf 'LogLevel VERBOSE\\n' >/etc/ssh/sshd_config.d/000-count.conf && systemctl reload ssh\n"
        # systemctl returns before sshd has loaded its configuration.
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
