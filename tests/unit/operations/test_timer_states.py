"""How the last run of a timer ended, in words, in `fab timers`, `fab status` and JSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.operations.support.host_status import HostStatus
from selvedge.operations.support.status_checks import check_status
from selvedge.operations.support.timer_states import parse_timers

RELEASE = "0123456789ab-c0ffee"


@pytest.mark.parametrize(
    ("words", "outcome", "failed"),
    [
        ("on - 200 - - - - - -", "", False),
        (f"on - 200 100 103 success exited 0 {RELEASE}", "ok", False),
        (f"on - 200 100 103 exit-code exited 3 {RELEASE}", "exit status 3", True),
        (f"on - 200 100 103 exit-code exited 127 {RELEASE}", "a program of the command does not exist (exit status 127)", True),
        (f"on - 200 100 103 exit-code exited 126 {RELEASE}", "a file of the command cannot be executed (exit status 126)", True),
        (
            f"on - 200 100 103 exit-code exited 137 {RELEASE}",
            "killed by the signal KILL, perhaps because the server had no memory left (exit status 137)",
            True,
        ),
        (f"on - 200 100 103 exit-code exited 255 {RELEASE}", "exit status 255", True),
        (f"on - 200 100 160 timeout killed TERM {RELEASE}", "stopped, because it took longer than 60 s", True),
        (f"on - 200 100 103 oom-kill killed KILL {RELEASE}", "killed, because it used more memory than app.memory_max", True),
        (f"on - 200 100 103 core-dump dumped SEGV {RELEASE}", "killed by the signal SEGV", True),
        (
            f"on - 200 100 103 signal killed TERM {RELEASE}",
            "stopped by the signal TERM, for example by `fab stop` or a reboot",
            True,
        ),
        (f"on - 200 100 - - - - {RELEASE}", "interrupted: the server was switched off", True),
        (f"on running - 100 - - - - {RELEASE}", "", False),
        (f"on - 200 100 103 resources - - {RELEASE}", "resources", True),
    ],
)
def test_how_the_last_run_ended(words: str, outcome: str, failed: bool) -> None:
    (state,) = parse_timers([f"timer cleanup {words}", "timer", "", "timers x"]).values()
    assert (state.outcome(60), state.failed) == (outcome, failed)


def test_json() -> None:
    found = parse_timers(
        [
            f"timer a on - 1800000000 1795980291 1795980294 exit-code exited 3 {RELEASE}",
            "timer b off - - - - - - - -",
            f"timer c on running 1800000000 1795980291 - - - - {RELEASE}",
        ]
    )
    assert [each.as_dict() for each in found.values()] == [
        {
            "on": True,
            "running": False,
            "next": "2027-01-15T08:00:00Z",
            "last": {
                "began": "2026-11-29T19:24:51Z",
                "ended": "2026-11-29T19:24:54Z",
                "seconds": 3,
                "ok": False,
                "result": "exit status 3",
                "exit_status": 3,
                "release": RELEASE,
            },
        },
        {"on": False, "running": False, "next": None, "last": None},
        {
            "on": True,
            "running": True,
            "next": "2027-01-15T08:00:00Z",
            "last": {
                "began": "2026-11-29T19:24:51Z", "ended": None, "seconds": None, "ok": None, "result": None, "exit_status": None,
                "release": RELEASE,
            },
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "level", "text"),
    [
        ("on - 7000 - - - - - -", "ok", "cleanup has not run yet, runs in 1 h 40 min"),
        (f"on - 7000 400 403 success exited 0 {RELEASE}", "ok", "cleanup ran 10 min ago, runs in 1 h 40 min"),
        (f"on running 7000 970 - - - - {RELEASE}", "ok", "cleanup has been running for 30 s"),
        (f"on - 7000 400 403 timeout killed TERM {RELEASE}", "warning",
         "cleanup ran 10 min ago, and failed: stopped, because it took longer than 60 s"),
        (f"off - - 400 403 success exited 0 {RELEASE}", "warning", "cleanup is paused"),
    ],
)  # fmt: skip
def test_status_shows_timers(target: Callable[..., Target], words: str, level: str, text: str) -> None:
    app = target(timers={"cleanup": {"command": "x", "schedule": "daily", "timeout": 60}})
    status = HostStatus.parse(f"live {RELEASE}\nprocess 1 0 100 60\ntimer cleanup {words}\nnow 1000.0\n")
    (found,) = (each for each in check_status(app, status) if each.subject == "timer")
    assert (found.level, found.text) == (level, text)
    assert bool(found.remedy) == (level != "ok")


def test_the_remedy_of_a_failed_run_can_be_typed(target: Callable[..., Target]) -> None:
    status = HostStatus.parse(f"live {RELEASE}\ntimer cleanup on - 7000 400 403 exit-code exited 1 {RELEASE}\nnow 1000.0\n")
    (found,) = (each for each in check_status(target(), status) if each.subject == "timer")
    assert found.remedy == (
        "`fab -H server logs --timer cleanup` shows its output. `fab -H server timers --run cleanup` runs it again."
    )
