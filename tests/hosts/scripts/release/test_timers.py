"""The timers of an app on its server, with a fake systemctl: which are its own, what they keep, and their records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from tests.hosts.scripts.release.managed import Managed
from tests.hosts.scripts.server import Server
from tests.support.declared import file
from tests.support.libraries import functions
from tests.support.releases import NEW, OLD

UNITS = "/etc/systemd/system"
RECORDS = "/var/lib/selvedge/timers"
# It notes what it was asked, and says that the runs in /run/active are going.
SYSTEMCTL = """echo "$*" >>/var/log/asked
case $1 in
  is-active) grep -q -s -x -F "$2" /run/active && echo activating || echo inactive ;;
  show) cat "/run/shown.$(for word; do last=$word; done; echo "$last")" 2>/dev/null ;;
esac"""


@pytest.fixture
def timers(managed: Managed) -> Managed:
    """Return an app with the timers cleanup and x, beside apps whose names begin in the same way."""
    managed.server.program("systemctl", SYSTEMCTL)
    state = ("/var/lib/systemd/timers", "/var/lib/selvedge/loaded")
    for folder in (f"{UNITS}/timers.target.wants", RECORDS, "/srv/hello/timers", *state):
        managed.server.path(folder).mkdir(parents=True, exist_ok=True)
    for name in ("hello.cleanup", "hello.x", "hello-b.cleanup", "hello-b.y", "hell.o", "a-hello.cleanup"):
        unit(managed.server, name)
    # Units of releases and of other parts of Selvedge.
    for name in (f"hello.{OLD}.service", "selvedge-hello-boot.service", f"selvedge-drain-hello.{OLD}.service"):
        managed.server.path(f"{UNITS}/{name}").write_text("")
    return managed


def unit(server: Server, name: str, release: str = OLD) -> None:
    for kind in ("timer", "service"):
        server.path(f"{UNITS}/selvedge-timer-{name}.{kind}").write_text("")
    server.path(f"{UNITS}/timers.target.wants/selvedge-timer-{name}.timer").symlink_to(f"{UNITS}/selvedge-timer-{name}.timer")
    server.path(f"{RECORDS}/{name}").write_text(f"TIMER_RELEASE={release}\nTIMER_BEGAN=100\n")
    server.path(f"/var/lib/systemd/timers/stamp-selvedge-timer-{name}.timer").write_text("")
    server.path(f"/var/lib/selvedge/loaded/selvedge-timer-{name}.timer").write_text("")


def active(managed: Managed, *names: str) -> None:
    managed.server.path("/run/active").write_text("".join(f"selvedge-timer-{name}.service\n" for name in names))


def asked(managed: Managed) -> list[str]:
    log = managed.server.path("/var/log/asked")
    return [line for line in log.read_text().splitlines() if not line.startswith("is-active")] if log.exists() else []


def left(managed: Managed, part: str) -> list[str]:
    return sorted(entry.name for entry in managed.server.entries() if part in entry.name)


def run(managed: Managed, shell: str) -> str:
    return managed.run(f"{functions('timers', 'prune', 'remove', 'stamp', 'service', 'collect')}\n{shell}")


def test_an_app_has_its_own_timers(timers: Managed) -> None:
    assert run(timers, "timers_names") == "cleanup\nx\n"
    assert run(timers, "app=hello-b\ntimers_names") == "cleanup\ny\n"
    assert run(timers, "app=nothing\ntimers_names") == ""


def test_removed_timers_leave_nothing_and_other_apps_keep_theirs(timers: Managed) -> None:
    active(timers, "hello.x")
    timers.server.path("/srv/hello/timers/x.sh").write_text("")
    before = set(left(timers, "timer-"))
    assert run(timers, "timers_remove x") == ""
    assert before - set(left(timers, "timer-")) == {"selvedge-timer-hello.x.timer", "stamp-selvedge-timer-hello.x.timer"}
    # The run that was going finishes in its release, and `fab stop` would end it.
    assert not [line for line in asked(timers) if line.startswith("stop") and ".service" in line]
    assert run(timers, "timers_listed; timers_running; timers_fact").splitlines() == [
        "cleanup", OLD, f"timer cleanup off - - 100 - - - - {OLD}", f"timer x removed running - 100 - - - - {OLD}",
    ]  # fmt: skip
    active(timers)
    assert run(timers, "timers_listed") == "cleanup\nx\n"
    run(timers, "timers_remove x")
    assert not timers.server.path("/srv/hello/timers/x.sh").exists() and not left(timers, "hello.x")
    run(timers, "timers_end")
    assert not left(timers, "timer-hello.")
    assert len(left(timers, "selvedge-timer-hello-b.")) == 10
    assert asked(timers)[-2:] == ["daemon-reload", "-q reset-failed selvedge-timer-hello.cleanup.service"]
    assert not [line for line in asked(timers) if "hello-b" in line or "drain" in line or OLD in line]


def test_a_stop_ends_the_runs_that_are_going(timers: Managed) -> None:
    active(timers, "hello.x", "hello-b.y")
    run(timers, "timers_stop cleanup x")
    assert asked(timers) == [
        "-q disable --now selvedge-timer-hello.cleanup.timer",
        "-q disable --now selvedge-timer-hello.x.timer",
        "stop selvedge-timer-hello.x.service",
    ]


@pytest.mark.parametrize(
    ("going", "kept"),
    [((), False), (("hello.x",), True), (("hello-b.cleanup",), False), (("hello.cleanup",), False)],
)
def test_a_release_in_which_a_timer_runs_is_not_removed(timers: Managed, going: tuple[str, ...], kept: bool) -> None:
    for name in ("cccccccccccc-000000", "dddddddddddd-000000"):
        timers.instance(name)
        (timers.server.path(f"/srv/hello/instances/{name}") / "state").write_text("good\n")
        timers.server.path(f"/srv/hello/releases/{name[:12]}").mkdir(parents=True)
    timers.server.path(f"{RECORDS}/hello.x").write_text("TIMER_RELEASE=cccccccccccc-000000\nTIMER_BEGAN=100\n")
    active(timers, *going)
    run(timers, f"keep=0 new={NEW}\nprune_releases 0")
    parts = ("instances/cccccccccccc-000000", "releases/cccccccccccc")
    assert [timers.server.path(f"/srv/hello/{each}").exists() for each in parts] == [kept, kept]
    assert not timers.server.path("/srv/hello/instances/dddddddddddd-000000").exists()
    assert run(timers, "releases_fact | sed -n 's/^timed //p'") == "".join(
        f"{'cccccccccccc-000000' if name == 'hello.x' else OLD}\n" for name in going if name.startswith("hello.")
    )


def test_the_fact_of_a_timer(timers: Managed) -> None:
    timers.server.path(f"{RECORDS}/hello.x").write_text(
        "TIMER_RELEASE=r\nTIMER_BEGAN=100\nTIMER_ENDED=103\nTIMER_RESULT=exit-code\nTIMER_CODE=exited\nTIMER_STATUS=3\n"
    )
    timers.server.path("/run/shown.selvedge-timer-hello.x.timer").write_text(
        "ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=Mon 2026-11-30 03:00:00 UTC\n"
    )
    timers.server.path("/run/shown.selvedge-timer-hello.cleanup.timer").write_text(
        "ActiveState=inactive\nUnitFileState=disabled\nNextElapseUSecRealtime=\n"
    )
    active(timers, "hello.cleanup")
    assert run(timers, "timers_fact").splitlines() == [
        f"timer cleanup off running - 100 - - - - {OLD}",
        "timer x on - 1796007600 100 103 exit-code exited 3 r",
    ]
    timers.server.path(f"{RECORDS}/hello.x").unlink()
    assert run(timers, "timers_fact").splitlines()[1] == "timer x on - 1796007600 - - - - - -"


class TestRecords:
    """The script that systemd calls before and after a run."""

    @pytest.fixture
    def record(self, server: Server, target: Callable[..., Target]) -> Callable[..., str]:
        """Call the script with these arguments and variables, and return its output."""
        app = target(timers={"x": {"command": "true", "schedule": "daily"}}, backup={"to": "/var/backups/apps"})
        script = server.path("/srv/hello/timers/record")
        script.parent.mkdir(parents=True)
        script.write_text(file("supervisor", app, "/srv/hello/timers/record").text)
        server.path(UNITS).mkdir(parents=True)
        server.path(f"{UNITS}/selvedge-timer-hello.x.timer").write_text("")
        server.path("/var/log/hello").mkdir()
        server.path("/var/log/hello/timer-x.log").write_text("no end")
        server.path("/srv/hello/live.sock").symlink_to(f"/run/hello/{OLD}.sock")

        def call(*words: str, before: str = "") -> str:
            done = server.run(f"{before}\n/bin/sh /srv/hello/timers/record {' '.join(words)}; echo status $?")
            return done.stdout.decode()

        return call

    def test_a_run_that_ended(self, record: Callable[..., str], server: Server) -> None:
        path = server.path(f"{RECORDS}/hello.x")
        assert f"[INFO] x began in the release {OLD}\nstatus 0\n" in record("begin", "x")
        assert path.read_text().startswith(f"TIMER_RELEASE={OLD}\nTIMER_BEGAN=")
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.path("/var/log/hello/timer-x.log").stat().st_mode & 0o777 == 0o640
        said = record("end", "x", before="export SERVICE_RESULT=timeout EXIT_CODE=killed EXIT_STATUS=TERM")
        assert said.startswith("\n[") and "[ERROR] x failed after " in said and said.endswith(" s: timeout (TERM)\nstatus 0\n")
        lines = path.read_text().splitlines()
        assert [line.partition("=")[0] for line in lines[:3]] == ["TIMER_RELEASE", "TIMER_BEGAN", "TIMER_ENDED"]
        assert lines[3:] == ["TIMER_RESULT=timeout", "TIMER_CODE=killed", "TIMER_STATUS=TERM"]
        record("begin", "x")
        assert len(path.read_text().splitlines()) == 2
        assert [each.name for each in path.parent.iterdir()] == ["hello.x"]

    @pytest.mark.parametrize("removed", [True, False])
    def test_the_end_of_a_run_removes_what_its_removed_timer_left(
        self, record: Callable[..., str], server: Server, removed: bool
    ) -> None:
        unit = f"{UNITS}/selvedge-timer-hello.x"
        paths = [f"{unit}.service", "/srv/hello/timers/x.sh", f"{RECORDS}/hello.x"]
        record("begin", "x")
        for path in paths[:2]:
            server.path(path).write_text("")
        if removed:
            server.path(f"{unit}.timer").unlink()
        assert record("end", "x", before="export SERVICE_RESULT=success").endswith(" s\nstatus 0\n")
        assert [server.path(path).exists() for path in paths] == [not removed] * 3

    def test_a_switch_while_it_begins(self, record: Callable[..., str], server: Server) -> None:
        """The release that has become live meanwhile runs it: nothing keeps the other one."""
        link = "/srv/hello/live.sock"
        switch = f": >/run/once; ln -sfn /run/hello/{NEW}.sock {link}"
        server.program("date", f'[ -e /run/once ] || {{ {switch}; }}; exec /bin/date "$@"')
        assert f"began in the release {NEW}\n" in record("begin", "x")
        assert server.path(f"{RECORDS}/hello.x").read_text().startswith(f"TIMER_RELEASE={NEW}\n")

    def test_without_a_live_release_it_fails(self, record: Callable[..., str], server: Server) -> None:
        server.path("/srv/hello/live.sock").unlink()
        assert record("begin", "x").endswith("[ERROR] x: no release is live\nstatus 1\n")


    @pytest.mark.parametrize(("mark", "restoring", "said"), [
        ("half-restored", "true", "x did not begin: a restore was interrupted, and has replaced only a part of the live data"),
        ("stopped", "exec 6>/run/selvedge/hello.restoring; flock 6", "x did not begin: a restore is replacing the app's data"),
        ("not-started", "exec 6>/run/selvedge/hello.restoring; flock 6", "x did not begin: a restore is replacing the app's data"),
        ("stopped", "exec 6>/run/selvedge/hello.restoring", ""),
        ("none", "exec 6>/run/selvedge/hello.restoring; flock 6", ""),
    ])  # fmt: skip
    def test_data_that_is_being_replaced(
        self, record: Callable[..., str], server: Server, mark: str, restoring: str, said: str
    ) -> None:
        server.path("/srv/hello/backup/state").mkdir(parents=True)
        server.path(f"/srv/hello/backup/state/{mark}").touch()
        found = record("begin", "x", before=f"mkdir -p /run/selvedge; {restoring}")
        assert found.endswith(f"[ERROR] {said}\nstatus 1\n" if said else "status 0\n"), found


class TestCommand:
    """The script of a timer. systemd calls it as root with `container`, then as the app's user."""

    @pytest.fixture(params=["supervisor", "systemd", "docker"])
    def command(self, server: Server, target: Callable[..., Target], request: pytest.FixtureRequest) -> Callable[[str], str]:
        """Call the script with this argument in a live release, and return its output."""
        app = target(manager=request.param, timers={"x": {"command": "echo 'a  b'; exit 3", "schedule": "daily"}})
        script = server.path("/srv/hello/timers/x.sh")
        script.parent.mkdir(parents=True)
        script.write_text(file("supervisor", app, "/srv/hello/timers/x.sh").text)
        run = server.path(f"/srv/hello/instances/{OLD}/run")
        run.parent.mkdir(parents=True)
        run.write_text('#!/bin/sh\nexec "$@"\n')
        run.chmod(0o755)
        server.program("docker", "echo docker $*")

        def call(argument: str) -> str:
            done = server.run(f"TIMER_RELEASE={OLD} /bin/sh /srv/hello/timers/x.sh {argument}; echo status $?")
            return done.stdout.decode()

        return call

    def test_a_release_outside_of_containers(self, command: Callable[[str], str]) -> None:
        assert (command(""), command("container")) == ("a  b\nstatus 3\n", "status 0\n")

    def test_a_release_in_a_container(self, command: Callable[[str], str], server: Server) -> None:
        container = server.path(f"/srv/hello/instances/{OLD}/container")
        container.write_text('#!/bin/sh\necho "$1"\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
        container.chmod(0o755)
        assert (command(""), command("container")) == ("status 0\n", "hello.timer-x\na  b\nstatus 3\n")

    def test_a_release_that_is_missing(self, command: Callable[[str], str], server: Server) -> None:
        server.path(f"/srv/hello/instances/{OLD}/run").unlink()
        assert command("") == f"The release {OLD} is missing.\nstatus 1\n"


@pytest.mark.parametrize(
    ("result", "status", "failed"),
    [
        ("success", "0", 0), ("exit-code", "3", 1), ("timeout", "TERM", 1), ("signal", "KILL", 1), ("signal", "TERM", 0),
        ("", "", 0),
    ],
)  # fmt: skip
def test_a_stopped_run_is_no_failure_in_the_metrics(timers: Managed, result: str, status: str, failed: int) -> None:
    ended = [f"TIMER_RESULT={result}", f"TIMER_STATUS={status}"] if result else []
    lines = [f"TIMER_RELEASE={OLD}", "TIMER_BEGAN=100", *ended]
    timers.server.path(f"{RECORDS}/hello.x").write_text("".join(f"{line}\n" for line in lines))
    assert f'selvedge_timer_failed{{app="hello",timer="x"}} {failed}' in run(timers, "collect_timers").splitlines()
