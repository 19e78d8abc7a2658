"""Timers on a server: they run in the live release, a release during a run does not disturb it, and `fab remove` leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from background import running
from lab import Lab, Project, until
from sandbox import Server
from traffic import get

TIMERS = """
[timers.tick]
command = 'echo "$RELEASE $(id -un) ${TMPDIR:-none}" >>"$APP_SHARED/ticks"'
schedule = "*:*:0/2"

[timers.fails]
command = "echo from the app; touch /srv/hello/x; exit 3"
schedule = "0 3 * * *"

[timers.long]
command = 'echo began in $RELEASE; until [ -e $APP_SHARED/go ]; do sleep 0.1; done; python -c "import main"; echo ended in $RELEASE'
schedule = "0 3 * * *"
"""
# A timer of another app, whose name begins in the same way.
OTHER = """cd /etc/systemd/system
printf '[Timer]\\nOnCalendar=daily\\n[Install]\\nWantedBy=timers.target\\n' >selvedge-timer-hello-b.tick.timer
printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' >selvedge-timer-hello-b.tick.service
systemctl enable --now selvedge-timer-hello-b.tick.timer"""


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server with an app whose timers are on."""
    found = lab.server("deployed", "trixie")
    project.configure(TIMERS, keep_releases=2)
    project.must("-H", found.name, "deploy")
    return found


def live(server: Server) -> str:
    return get(f"{server.url}/").headers["X-Release"]


def releases(server: Server) -> list[str]:
    return server.run("ls /srv/hello/instances").stdout.split()


def ticks(server: Server) -> list[str]:
    return server.run("cat /srv/hello/shared/ticks", check=False).stdout.splitlines()


def ran(server: Server, line: str) -> None:
    until(lambda: line in ticks(server), 20, f"{line} in {ticks(server)[-3:]}")


def test_a_timer_runs_in_the_live_release(server: Server, project: Project) -> None:
    ran(server, f"{live(server)} hello none")
    assert project.must("-H", server.name, "deploy").stdout.rstrip().endswith(f"nothing to change on {server.name}.")
    found = json.loads(project.must("-H", server.name, "timers", "--json").stdout)[server.name]["timers"]
    assert list(found) == ["tick", "fails", "long"]
    assert found["tick"]["last"]["release"] == live(server)
    assert found["fails"]["on"] and found["fails"]["last"] is None
    assert server.run("stat -c '%a %U %G' /var/log/hello/timer-tick.log").stdout == "640 root adm\n"


def test_a_failed_run_is_shown(server: Server, project: Project) -> None:
    done = project.fab("-H", server.name, "timers", "--run", "fails")
    assert done.status == 1
    assert "from the app\n" in done.stdout and "the timer fails failed: exit status 3." in done.stderr
    assert "from the app\n" in project.must("-H", server.name, "logs", "--timer", "fails").stdout
    status = project.must("-H", server.name, "status")
    assert "fails ran " in status.stdout and f"fab -H {server.name} timers --run fails" in status.stdout


def test_a_release_during_a_run_neither_ends_nor_moves_it(server: Server, project: Project, tmp_path: Path) -> None:
    first = live(server)
    instance = f"/srv/hello/instances/{first}"
    with running(project, tmp_path / "output", "-H", server.name, "timers", "--run", "long") as (process, output):
        until(lambda: output.has(f"began in {first}"), 30)
        again = project.fab("-H", server.name, "timers", "--run", "long")
        assert again.status == 1 and "is going already since" in again.stderr
        for number in (2, 3, 4):
            project.commit(f"release {number}")
            project.must("-H", server.name, "deploy")
        # Without the run, the live release and two others would be left.
        until(lambda: not server.run("systemctl list-units --plain --no-legend 'selvedge-drain-*'").stdout, 30)
        assert server.run(f"ls {instance}/run /srv/hello/releases/{first[:12]}/main.py").stdout
        ran(server, f"{live(server)} hello none")
        assert process.poll() is None
        server.run("touch /srv/hello/shared/go")
        assert process.wait(30) == 0
        until(lambda: output.has(f"ended in {first}"), 5)


def test_under_systemd_it_has_the_box_of_the_app(server: Server, project: Project) -> None:
    # The live release, two others, and the one in which the timer ran.
    assert len(releases(server)) == 4
    project.configure(TIMERS.replace("exit 3", "ls /home"), manager="systemd", keep_releases=2)
    project.must("-H", server.name, "deploy")
    ran(server, f"{live(server)} hello none")
    until(lambda: len(releases(server)) == 3, 30)
    done = project.fab("-H", server.name, "timers", "--run", "fails")
    assert "'/srv/hello/x': Read-only file system" in done.stdout and "'/home': Permission denied" in done.stdout
    assert "the timer fails failed: exit status 2." in done.stderr


def test_no_timer_runs_while_the_app_is_stopped(server: Server, project: Project) -> None:
    project.must("-H", server.name, "stop")
    before = ticks(server)
    assert not server.run("systemctl list-timers --plain --no-legend 'selvedge-timer-*'").stdout
    found = json.loads(project.must("-H", server.name, "timers", "--json").stdout)[server.name]["timers"]
    assert [timer["on"] for timer in found.values()] == [False, False, False]
    assert "nothing to change" in project.must("-H", server.name, "stop").stdout
    assert ticks(server) == before
    project.must("-H", server.name, "start")
    until(lambda: len(ticks(server)) > len(before), 20)
    assert "nothing to change" in project.must("-H", server.name, "start").stdout


@pytest.mark.thorough
def test_a_run_that_was_missed_is_made_up_for_after_the_boot(server: Server, project: Project) -> None:
    log = "/var/log/hello/timer-long.log"
    stamp = "/var/lib/systemd/timers/stamp-selvedge-timer-hello.long.timer"
    assert project.fab("-H", server.name, "timers", "--run", "fails").status == 1
    server.run(f"touch /srv/hello/shared/go; touch -d '2 days ago' {stamp}; : >{log}")
    server.reboot()
    until(lambda: "ended in" in server.run(f"cat {log}").stdout, 60)
    # The timer may have run before nginx listens.
    until(lambda: "x-release:" in server.run("curl -s -D - -o /dev/null http://127.0.0.1/", check=False).stdout.lower(), 30)
    assert ticks(server)[-1].startswith(live(server))
    found = json.loads(project.must("-H", server.name, "timers", "--json").stdout)[server.name]["timers"]
    assert found["long"]["last"]["ok"] and found["fails"]["last"]["ok"] is False


def test_removed_timers_leave_nothing_and_other_apps_keep_theirs(server: Server, project: Project) -> None:
    server.run(OTHER)
    project.configure(TIMERS.partition("[timers.long]")[0], manager="systemd", keep_releases=2)
    done = project.must("-H", server.name, "deploy", "--dry-run")
    assert "remove the timer long" in done.stdout and "-/etc/systemd/system/selvedge-timer-hello.long.timer" in done.stdout
    assert "remove the timer long" in project.must("-H", server.name, "deploy").stdout
    assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
    project.must("-H", server.name, "remove", "--yes")
    left = server.run("find /etc/systemd /var/lib/selvedge /var/lib/systemd/timers -name '*timer-hello*' -o -name 'hello.*'").stdout
    theirs = "selvedge-timer-hello-b.tick"
    assert sorted({Path(each).name for each in left.split()}) == [f"{theirs}.service", f"{theirs}.timer"]
    assert not server.run("systemctl list-units --all --plain --no-legend 'selvedge-timer-hello.*'").stdout
    assert not server.run("ls -d /srv/hello/timers", check=False).stdout
    assert server.run("systemctl is-active selvedge-timer-hello-b.tick.timer").stdout == "active\n"
