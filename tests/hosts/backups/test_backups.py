"""Backups on real servers: under load, to another server, killed, by the timer, and after the loss of the server."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lab import Lab, Project, until
from sandbox import Server
from tests.hosts.backups.conftest import POSTGRES, TOTAL, as_app
from traffic import get

Configure = Callable[..., None]
LOCAL = "/var/backups/apps"
PROGRAM = "python3 -BIS /srv/hello/backup/program"
WRITER = """
import random, sqlite3, subprocess, threading
MOVE = "update accounts set balance = balance - 7 where id = {}; update accounts set balance = balance + 7 where id = {};"
def pairs():
    while True:
        yield MOVE.format(*random.sample(range(20), 2))
def sqlite():
    bank = sqlite3.connect('/srv/hello/shared/bank.sqlite3', timeout=60)
    bank.execute('pragma journal_mode = wal')
    for move in pairs():
        bank.executescript('begin immediate;' + move + 'commit;')
def postgres():
    bank = subprocess.Popen(['psql', '-q', '-d', 'hello'], stdin=subprocess.PIPE, text=True)
    for move in pairs():
        bank.stdin.write('begin;' + move + 'commit;\\n')
        bank.stdin.flush()
threading.Thread(target=postgres, daemon=True).start()
sqlite()
"""


@contextmanager
def writing(server: Server) -> Iterator[None]:
    """Move money between the accounts of both databases while the block runs."""
    server.run(f"cat >/root/writer.py <<'E'\n{WRITER}\nE\nchmod 0644 /root/writer.py")
    unit = "--unit=writer --collect --property=User=hello --property=WorkingDirectory=/"
    server.run(f"systemd-run -q {unit} python3 -c \"$(cat /root/writer.py)\"")
    try:
        yield
        assert server.run("systemctl is-active writer", check=False).stdout.strip() == "active"
    finally:
        server.run("systemctl stop writer", check=False)


def total(server: Server, sqlite: str = "/srv/hello/shared/bank.sqlite3", database: str = "hello") -> tuple[int, int]:
    """Return the sums of the accounts in both databases."""
    python = f"import sqlite3; print(sqlite3.connect('{sqlite}').execute('select sum(balance) from accounts').fetchone()[0])"
    first = server.run(f'python3 -c "{python}"').stdout
    second = server.run(as_app(f"psql -XAt -d {database} -c 'select sum(balance) from accounts'")).stdout
    return int(first), int(second)


def clean(server: Server, place: Server | None = None, repository: str = f"{LOCAL}/hello/web") -> None:
    """Assert that no lock of restic is left, no copy of a database, and nothing that other users can read."""
    assert (place or server).run(f"ls {repository}/locks").stdout.split() == []
    left = server.run("ls /srv/hello/backup; ls /srv/hello/backup/scratch /srv/hello/backup/restored 2>/dev/null || true").stdout
    assert not {"scratch", "restored", "replaced"} & set(left.split()), left
    assert server.run("find /srv/hello/backup -mindepth 1 -perm /007 ! -type l").stdout == ""
    databases = server.run(as_app("psql -XAt -d hello -c 'select datname from pg_database'")).stdout.split()
    assert not [name for name in databases if name.startswith("hello_")]


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=[pytest.mark.thorough, pytest.mark.timeout(1200)])])
def test_a_backup_under_write_load_is_consistent(server: Server, project: Project, configure: Configure, rounds: int) -> None:
    configure(server, to=LOCAL, keep={"last": 5})
    project.must("backup")
    seen = set()
    with writing(server):
        for _ in range(rounds):
            server.run(f"{PROGRAM} take manual && {PROGRAM} restore '' kept")
            assert total(server, "/srv/hello/backup/restored/shared/bank.sqlite3", "hello_restored") == (TOTAL, TOTAL)
            seen.add(server.run(as_app("psql -XAt -d hello_restored -c 'select balance from accounts order by id'")).stdout)
        server.run(f"{PROGRAM} discard")
    assert len(seen) == rounds, "the load has changed the accounts between the backups"
    clean(server)


def test_a_backup_is_set_up_once(server: Server, project: Project, configure: Configure) -> None:
    configure(server, to=LOCAL)
    password = project.folder / ".env"
    first = project.must("backup")
    assert re.search(r"backup [0-9a-f]{8}: \d+ files?, 3 databases, ", first.stdout)
    assert password.stat().st_mode & 0o777 == 0o600
    secret = password.read_text().partition("=")[2].strip()
    assert secret and secret not in first.stdout + first.stderr
    project.must("deploy")
    again = project.must("deploy")
    assert "deploy: nothing to change on web." in again.stdout
    listed = json.loads(project.must("backups", "--json").stdout)["web"]["backups"]
    assert listed[-1]["why"] == "manual" and listed[-1]["bytes"] > 20_000
    dry = project.must("backup", "--dry-run")
    assert "take a backup of hello" in dry.stdout and "Dry run: nothing was changed." in dry.stdout
    script = project.must("backup", "--script").stdout
    assert secret not in script
    assert len(json.loads(project.must("backups", "--json").stdout)["web"]["backups"]) == len(listed)


def test_the_timer(server: Server, project: Project, configure: Configure) -> None:
    configure(server, to=LOCAL, schedule="*-*-* 04:15", rehearse="weekly")
    project.must("supervisor")
    assert "04:15:00" in server.run("systemctl list-timers --all selvedge-hello-backup.timer").stdout
    server.run("systemctl start selvedge-hello-backup.service selvedge-hello-rehearsal.service")
    assert "backup       ✓ the last good one is" in project.must("status").stdout
    sqlite = "/srv/hello/backup/program/backup/sqlite.py"
    for spoil, reason, repair in (
        ("mv /usr/bin/pg_dump /usr/bin/pg_dump.off", "pg_dump could not dump", "mv /usr/bin/pg_dump.off /usr/bin/pg_dump"),
        # Only as the program of the app's user. `fab backup` writes the file again.
        (f"sed -i '1i if __name__ == \"__main__\": raise OSError(5)' {sqlite}", "Could not read the SQLite databases", "true"),
    ):
        server.run(spoil)
        failed = server.run("systemctl start selvedge-hello-backup.service", check=False)
        assert failed.returncode != 0
        status = project.fab("status")
        assert status.status == 1 and "backup       ✗ failed" in status.stdout and reason in status.stdout, status
        server.run(repair)
    project.must("backup")
    project.must("status")
    configure(server)
    project.must("supervisor")
    assert server.run("ls -d /srv/hello/backup /etc/systemd/system/*hello-backup* 2>/dev/null || true").stdout == ""


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=[pytest.mark.thorough, pytest.mark.timeout(1800)])])
def test_killed_runs(server: Server, project: Project, configure: Configure, kills: int) -> None:
    """Kill the client, and every second time the work on the server, at points spread over a backup and a restore in place."""
    configure(server, to=LOCAL)
    project.must("backup")
    commands = (["restore", "--live", "--yes"], ["restore", "--live", "--yes"], ["backup"], ["backup"])
    for number in range(kills):
        words = commands[number % 4]
        process = project.start(*words, "--wait", "60", pipe=False)
        time.sleep(1.5 + (3 if number % 4 > 1 else 8) * (number // 4) * 4 / kills)
        if number % 2:
            server.run("pkill -9 -f 'backup/[p]rogram (take|restore|swap)'; pkill -9 -x restic", check=False)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        if kills > 2 and number % 4 == 3:
            if server.run("test -e /srv/hello/backup/state/half-restored", check=False).returncode == 0:
                project.must("restore", "--live", "--yes", "--wait", "60")
            project.must("backup", "--wait", "60")
    project.must("restore", "--live", "--yes", "--wait", "60")
    clean(server)
    assert total(server) == (TOTAL, TOTAL)
    until(lambda: get(f"{server.url}/health").status == 200, 30)
    assert "backup       ✓" in project.must("status").stdout


@pytest.mark.thorough
def test_to_s3(server: Server, project: Project, configure: Configure, s3: str) -> None:
    secrets = {"SELVEDGE_BACKUP__S3_ACCESS_KEY": "key-canary", "SELVEDGE_BACKUP__S3_SECRET_KEY": "secret-canary"}
    configure(server, to=f"s3:{s3}/bucket/apps")
    refused = project.fab("backup")
    assert refused.status == 2 and "SELVEDGE_BACKUP__S3_ACCESS_KEY" in refused.stderr, refused
    written = [project.must(*words, env=secrets) for words in (["backup"], ["backup", "--rehearse"], ["backups"])]
    assert not [each for each in written if "canary" in f"{each.stdout}{each.stderr}"]
    assert "by fab backup" in written[-1].stdout
    project.must("restore", "--live", "--yes", env=secrets)
    assert total(server) == (TOTAL, TOTAL)
    assert server.run("grep -rl canary /var/log /srv/hello/shared /etc/systemd || true").stdout == ""


@pytest.mark.thorough
@pytest.mark.parametrize("stage", ["deployed", pytest.param("bare", marks=pytest.mark.timeout(1200))])
def test_the_server_is_lost(
    lab: Lab, keeper: Server, project: Project, sftp: Configure, request: pytest.FixtureRequest, stage: str
) -> None:
    """A new server gets the app, and its data from the backup host, with the files of this machine alone.

    It has another release of Debian, and so other versions of restic and PostgreSQL.
    """
    if stage == "deployed":
        server: Server = request.getfixturevalue("server")
        sftp(server)
        refused = project.fab("backup")
        assert refused.status == 2 and f"The host key of {keeper.address} is unknown" in refused.stderr, refused
        server.run(as_app("sh -c 'mkdir -p /srv/hello/shared/uploads && echo photo >/srv/hello/shared/uploads/photo'"))
        assert "stored in" in project.must("backup", "--yes").stdout
        server.poweroff()
    fresh = lab.server(stage, "trixie")
    sftp(fresh)
    if stage == "bare":
        project.must("setup", "deploy")
        # The night comes before the restore.
        assert fresh.run("systemctl start selvedge-hello-backup.service", check=False).returncode != 0
        assert "is of another installation of the server, so no backup was taken" in project.fab("status").stdout
    fresh.run(POSTGRES)
    project.must("restore", "--live", "--yes")
    assert total(fresh) == (TOTAL, TOTAL)
    photo = "/srv/hello/shared/uploads/photo"
    assert fresh.run(f"stat -c '%U %a' {photo}; cat {photo}").stdout.split() == ["hello", "644", "photo"]
    until(lambda: get(f"{fresh.url}/health").status == 200, 30)
    clean(fresh, keeper, "/srv/backups/hello/web")
    assert "the newest backup can be restored" in project.must("backup", "--rehearse").stdout
    assert "nothing to change" in project.must("deploy").stdout
