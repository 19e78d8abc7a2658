"""`fab timers` and `fab timers --run`, with a fake systemctl."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable

import pytest

from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.logs import Flags, logs
from selvedge.operations.timers import run_timer, timers
from tests.hosts.scripts.operations.fakes import Fake

UNITS = "/etc/systemd/system"
RELEASE = "0123456789ab-c0ffee"
SETTINGS = {
    "cleanup": {"command": "x", "schedule": "0 3 * * *", "timeout": 60},
    "report": {"command": "x", "schedule": "daily"},
}
# `systemctl start` is the run: it writes to the log and to the record.
SYSTEMCTL = f"""case $1 in
  is-active) if [ -e /run/going ]; then echo activating; else echo inactive; fi ;;
  show) printf 'ActiveState=active\\nUnitFileState=enabled\\nNextElapseUSecRealtime=Mon 2026-11-30 03:00:00 UTC\\n' ;;
  start)
    echo one >>/var/log/hello/timer-cleanup.log
    sleep 0.5
    printf 'two\\n\\n$(id) \\033[31mred' >>/var/log/hello/timer-cleanup.log
    printf 'TIMER_RELEASE={RELEASE}\\nTIMER_BEGAN=1795980291\\nTIMER_ENDED=1795980294\\n' >/var/lib/selvedge/timers/hello.cleanup
    cat /run/result >>/var/lib/selvedge/timers/hello.cleanup
    grep -q success /run/result ;;
esac"""
OK = "TIMER_RESULT=success\nTIMER_CODE=exited\nTIMER_STATUS=0\n"
FAILED = "TIMER_RESULT=exit-code\nTIMER_CODE=exited\nTIMER_STATUS=3\n"


@pytest.fixture
def one(fake: Callable[..., Fake]) -> Fake:
    found = fake("one", timers=SETTINGS)
    server = found.servers["one"]
    for folder in (UNITS, "/var/log/hello", "/var/lib/selvedge/timers"):
        server.path(folder).mkdir(parents=True, exist_ok=True)
    for kind in ("timer", "service"):
        server.path(f"{UNITS}/selvedge-timer-hello.cleanup.{kind}").write_text("")
    server.path("/var/log/hello/timer-cleanup.log").write_text("of yesterday\n")
    server.program("systemctl", SYSTEMCTL)
    server.path("/run/result").write_text(OK)
    found.run.settings.timers.update(found.run.fleet.sessions[0].target.timers)
    return found


def test_the_table(one: Fake) -> None:
    timers(one.run)
    titles, *rows = [re.split(" {2,}", line.strip()) for line in one.text.splitlines()]
    assert titles == ["host", "timer", "schedule", "next (UTC)", "last (UTC)", "took", "result"]
    assert rows == [
        ["one", "cleanup", "0 3 * * *", "2026-11-30 03:00:00", "-", "-", "-"],
        ["one", "report", "daily", "-", "-", "-", "not deployed"],
    ]


def test_json(one: Fake) -> None:
    timers(one.run, as_json=True)
    found = json.loads(one.text)["one"]
    assert found["app"] == "hello"
    assert found["timers"]["report"] == {"schedule": "daily", "deployed": False}
    assert found["timers"]["cleanup"]["next"] == "2026-11-30T03:00:00Z"


def test_no_timers(fake: Callable[..., Fake]) -> None:
    found = fake("one")
    timers(found.run)
    assert found.text == "one: no timers.\n"


def test_a_run_shows_its_own_output(one: Fake) -> None:
    run_timer(one.run, "cleanup")
    assert one.text.splitlines() == ["one", "two", "", "$(id) red"]


def test_a_failed_run_is_an_error(one: Fake) -> None:
    one.servers["one"].path("/run/result").write_text(FAILED)
    with pytest.raises(SelvedgeError, match="one: the timer cleanup failed: exit status 3") as caught:
        run_timer(one.run, "cleanup")
    assert caught.value.status == 1
    assert one.text.startswith("one\ntwo\n")
    timers(one.run)
    assert one.text.splitlines()[-2].endswith("exit status 3") and "2026-11-29 19:24:51" in one.text


def test_a_run_that_is_going_is_not_started_again(one: Fake) -> None:
    one.servers["one"].path("/run/going").write_text("")
    one.servers["one"].path("/var/lib/selvedge/timers/hello.cleanup").write_text(
        f"TIMER_RELEASE={RELEASE}\nTIMER_BEGAN=1795980291\n"
    )
    said = f"a run of the timer cleanup is going already since 2026-11-29 19:24:51 UTC, in the release {RELEASE}"
    with pytest.raises(SelvedgeError, match=said) as caught:
        run_timer(one.run, "cleanup")
    assert "fab -H one logs --timer cleanup --follow" in caught.value.remedy
    assert one.text == ""


@pytest.mark.parametrize(("mark", "lock", "problem"), [
    ("half-restored", False, "has replaced only a part of the live data"),
    ("stopped", True, "a restore is replacing the app's data, so the timer cleanup was not run"),
    ("not-started", True, "a restore is replacing the app's data"),
    ("stopped", False, ""),
    ("", True, ""),
])  # fmt: skip
def test_a_timer_does_not_run_on_data_that_is_being_replaced(one: Fake, mark: str, lock: bool, problem: str) -> None:
    """While the restore only prepares, or the app is stopped, a run may be wanted."""
    server = one.servers["one"]
    server.path("/run/result").write_text(OK)
    server.path("/srv/hello/backup/state").mkdir(parents=True)
    server.path("/run/selvedge").mkdir(exist_ok=True)
    if mark:
        server.path(f"/srv/hello/backup/state/{mark}").touch()
    with server.path("/run/selvedge/hello.restoring").open("w") as file:
        if lock:
            fcntl.flock(file, fcntl.LOCK_EX)
        if not problem:
            run_timer(one.run, "cleanup")
            assert "two" in one.text
            return
        with pytest.raises(SelvedgeError, match=f"one: .*{problem}"):
            run_timer(one.run, "cleanup")
    assert one.text == ""


def test_a_timer_that_is_not_on_the_server_yet(one: Fake) -> None:
    with pytest.raises(SelvedgeError, match="one: the timer report is not on the server yet") as caught:
        run_timer(one.run, "report")
    assert "fab -H one deploy" in caught.value.remedy


def test_an_unknown_timer_is_wrong_usage(one: Fake) -> None:
    with pytest.raises(UsageError, match="No timer is named 'clean'") as caught:
        run_timer(one.run, "clean")
    assert caught.value.remedy == "Did you mean cleanup?"


def test_its_log(one: Fake) -> None:
    logs(one.run, Flags(timer="cleanup"))
    assert one.text == "of yesterday\n"
    with pytest.raises(SelvedgeError, match=r"timer-report\.log does not exist yet") as caught:
        logs(one.run, Flags(timer="report"))
    assert "fab -H one timers" in caught.value.remedy
    for flags in (Flags(timer="cleanup", nginx=True), Flags(timer="../../etc/passwd"), Flags(timer="a b")):
        with pytest.raises(UsageError):
            logs(one.run, flags)
