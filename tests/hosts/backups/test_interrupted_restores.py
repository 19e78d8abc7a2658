"""Backups and restores around a running app: what pauses meanwhile, before a migration, and killed at each command."""

from __future__ import annotations

import itertools
import re
import signal
import time
from collections.abc import Callable

import pytest

from drills import serves
from killer import arm, commands_sent
from lab import Lab, Project, until
from sandbox import Server
from tests.hosts.backups.conftest import TOTAL
from tests.hosts.backups.test_backups import LOCAL, PROGRAM, clean, total
from traffic import get

pytestmark = pytest.mark.thorough
Configure = Callable[..., None]
JOBS = """
[processes.worker]
command = "while :; do date >>/srv/hello/shared/worker.log; sleep 0.2; done"

[timers.tick]
command = "date >>/srv/hello/shared/tick.log"
schedule = "*-*-* *:*:0/2"
"""
SEEN = "{ pgrep -u hello -fc worker.log; systemctl is-active selvedge-timer-hello.tick.timer; ls /run/hello; } 2>&1"
WATCH = f"""cat >/usr/local/sbin/restic <<'E'
#!/bin/sh
if [ "$1" = backup ] && [ -e /root/watch ]; then
  {SEEN} >/root/during
  sleep "$(cat /root/watch)"
fi
exec /usr/bin/restic "$@"
E
chmod 0755 /usr/local/sbin/restic"""


# The shell of the step and the program hold this lock.
KILL = """for each in /proc/[0-9]*/fd/6; do
  if [ "$(readlink "$each")" = /run/selvedge/hello.restoring ]; then each=${each#/proc/}; kill -9 "${each%%/*}"; fi
done
pkill -9 -x restic"""


def runs(server: Server) -> bool:
    """Return whether the worker works, the timer is on, and the app answers."""
    seen = server.run(SEEN, check=False).stdout.split()
    return seen[0] != "0" and seen[1] == "active" and get(f"{server.url}/health").status == 200


class TestJobs:
    @pytest.fixture(autouse=True)
    def _jobs(self, server: Server, project: Project, configure: Configure) -> None:
        configure(server, to=LOCAL, schedule="")
        hosts = project.folder / "hosts.toml"
        hosts.write_text(hosts.read_text() + JOBS)
        project.must("backup")
        project.must("deploy")
        server.run(WATCH)
        until(lambda: runs(server), 30, "the jobs run")

    def test_a_restore_pauses_processes_and_timers(self, server: Server, project: Project) -> None:
        server.run("echo 0 >/root/watch")
        project.must("restore", "--live", "--yes")
        during = server.run("cat /root/during").stdout.split()
        assert during[:2] == ["0", "inactive"], during
        until(lambda: runs(server), 30, "the jobs run again")
        assert project.must("status")
        assert "nothing to change" in project.must("deploy").stdout

    @pytest.mark.parametrize("cut", [False, True], ids=["killed", "power cut"])
    def test_a_killed_restore_is_finished_by_the_next(self, server: Server, project: Project, cut: bool) -> None:
        server.run("rm -f /root/during; echo 30 >/root/watch")
        process = project.start("restore", "--live", "--yes", pipe=False)
        until(lambda: server.run("test -s /root/during", check=False).returncode == 0, 60, "the app is stopped")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        if cut:
            server.kill()
            server.boot()
        else:
            server.run(KILL, check=False)
        server.run("rm -f /root/watch")
        status = project.fab("status")
        assert status.status == 1 and "a restore was interrupted" in status.stdout, status
        project.must("restore", "--live", "--yes", "--wait", "120")
        until(lambda: runs(server), 30, "the jobs run again")
        assert "a restore was interrupted" not in project.must("status").stdout
        clean(server)
        assert total(server) == (TOTAL, TOTAL)


class TestBeforeMigrations:
    def test_rollback_names_the_backup(self, server: Server, project: Project, configure: Configure) -> None:
        configure(server, to=LOCAL, before_migrate=True)
        project.must("backup")
        project.must("deploy")
        project.commit("after the migration")
        deployed = project.must("deploy")
        (taken,) = re.findall(r"backup ([0-9a-f]{8}): ", deployed.stdout)
        assert "before a migration" in project.must("backups").stdout
        server.run("echo later >/srv/hello/shared/later && chown hello:hello /srv/hello/shared/later")
        back = project.must("rollback").stdout
        assert f"is in a backup: `fab -H web restore --live --snapshot {taken}`" in back, back
        project.must("restore", "--live", "--yes", "--snapshot", taken)
        assert server.run("test -e /srv/hello/shared/later", check=False).returncode != 0
        assert total(server) == (TOTAL, TOTAL)
        serves(server)

    def test_a_backup_that_fails_stops_the_deploy(self, server: Server, project: Project, configure: Configure) -> None:
        configure(server, to=LOCAL, before_migrate=True)
        project.must("backup")
        project.commit("before")  # A commit that was rolled back is not released again.
        live = project.must("deploy").stdout
        server.run("mv /usr/bin/pg_dump /usr/bin/pg_dump.off")
        project.commit("never live")
        refused = project.fab("deploy")
        server.run("mv /usr/bin/pg_dump.off /usr/bin/pg_dump")
        assert refused.status == 1, (live, refused)
        assert "The backup before the migration failed (backup.before_migrate): pg_dump could not dump" in refused.stderr, refused
        assert "never live" not in get(f"{server.url}/").text
        # A visitor has uploaded a broken database.
        upload = "/srv/hello/shared/upload"
        server.run(f"printf 'SQLite format 3\\0rubbish' >{upload} && chown hello:hello {upload}")
        deployed = project.must("deploy").stdout
        assert f"was taken, but SQLite cannot read {upload}" in deployed, deployed
        server.run(f"rm {upload}")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("words", [["backup"], ["backup", "--rehearse"], ["restore"], ["restore", "--live", "--yes"]], ids=" ".join)
def test_killed_at_each_command(server: Server, project: Project, configure: Configure, words: list[str]) -> None:
    """Every second time with a power cut. The same command then succeeds, and nothing is left of the killed one."""
    configure(server, to=LOCAL)
    project.must("backup")
    fabfile = (project.folder / "fabfile.py").read_text()
    arm(project)
    try:
        assert commands_sent(project, "web", *words)
        for point in itertools.count(1):
            killed = project.fab(*words, env={"KILL_AT": str(point)})
            if killed.status == 0:  # It has fewer commands.
                break
            assert killed.status == -signal.SIGKILL, killed
            if point % 2 == 0:
                server.kill()
                server.boot()
            project.must(*words, "--wait", "120", env={"KILL_AT": "0"})
            if words == ["restore"]:
                server.run(f"{PROGRAM} discard")
            clean(server)
            assert total(server) == (TOTAL, TOTAL)
            until(lambda: get(f"{server.url}/health").status == 200, 60, f"killed at command {point}, it answers")
            project.must("status", env={"KILL_AT": "0"})
        assert point > 1
    finally:
        (project.folder / "fabfile.py").write_text(fabfile)


@pytest.mark.timeout(900)
def test_a_newer_restic_does_not_hang(lab: Lab, project: Project, configure: Configure) -> None:
    """Since 0.17 it repeats some failures for a quarter of an hour."""
    server = lab.server("deployed", "trixie")
    configure(server, to=LOCAL)
    project.must("backup")
    other = {"SELVEDGE_BACKUP__PASSWORD": "another long password"}
    for to, environment, reason in ((LOCAL, other, "has another password than"), ("/var/log/dpkg.log/apps", {}, "restic ")):
        configure(server, to=to)
        began = time.monotonic()
        refused = project.fab("backup", env=environment)
        assert refused.status == 1 and reason in refused.stderr, refused
        assert "Traceback" not in refused.stdout + refused.stderr
        assert time.monotonic() - began < 180
    lab.down(server.name)
