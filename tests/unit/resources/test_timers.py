"""Timers on the server: those that are no longer in hosts.toml, and those that are off."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.timers import FormerTimersRemoved, TimersRunning
from tests.support.tables import check, table

ONE = FormerTimersRemoved("hello", ("cleanup",))


@table(
    (ONE, "", None),
    (ONE, "cleanup\n", None),
    (ONE, "cleanup\nreport\n", "remove the timer report", "app=hello\nbase=/srv/hello\ntimers_remove report"),
    (FormerTimersRemoved("a-b", ()), "x\ny\n", "remove the timers x, y", "app=a-b\nbase=/srv/a-b\ntimers_remove x y"),
)
def test_former_timers(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_the_diff_names_the_units() -> None:
    change = ONE.plan("report\n")
    assert change and change.diff.splitlines() == [
        "-/etc/systemd/system/selvedge-timer-hello.report.service",
        "-/etc/systemd/system/selvedge-timer-hello.report.timer",
    ]


REST = "- - - - - - -"
ON, OFF = TimersRunning("hello"), TimersRunning("hello", running=False)


@table(
    (ON, "", None),
    (ON, f"timer a on - {REST}\n", None),
    (ON, f"timer a on - {REST}\ntimer b off - {REST}\n", "start the timer b", "app=hello\ntimers_start b"),
    # The last run of a removed timer is still going.
    (ON, f"timer a removed running {REST}\n", None),
    (OFF, f"timer a removed running {REST}\n", "stop the timer a", "app=hello\ntimers_stop a"),
    (OFF, "", None),
    (OFF, f"timer a off - {REST}\n", None),
    (OFF, f"timer a on - {REST}\ntimer b off running {REST}\n", "stop the timers a, b", "app=hello\ntimers_stop a b"),
)
def test_timers_of_an_app_that_is_started_or_stopped(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
