"""A row of `fab history` is a run."""

from __future__ import annotations

import pytest

from selvedge.operations.history import Event, table_row
from tests.support.releases import NEW, OLD


def event(why: str, result: str, old: str = "-", new: str = "-", second: int = 0) -> Event:
    return Event(f"2026-01-02T03:04:{second:02}Z", "r1", "me", why, old, new, result)


@pytest.mark.parametrize(("events", "row"), [
    ([event("clone", "3 changed"), event("venv", "1 changed"), event("deploy", "good", OLD, NEW),
      event("nginx", "2 changed", second=9)],
     ["2026-01-02 03:04:09", "me", "deploy", "clone 3, venv 1, nginx 2", OLD, NEW, "good"]),
    # A step is made again if the server still differs.
    ([event("update", "1 changed"), event("harden", "12 changed"), event("update", "2 changed")],
     ["2026-01-02 03:04:00", "me", "", "update 3, harden 12", "", "", "good"]),
    ([event("clone", "3 changed"), event("venv", "failed")], ["2026-01-02 03:04:00", "me", "", "clone 3, venv", "", "", "failed"]),
    ([event("deploy", "refused: no route", OLD, NEW), event("supervisor", "failed")],
     ["2026-01-02 03:04:00", "me", "deploy", "supervisor", OLD, NEW, "refused: no route"]),
    # after_switch failed: the release is live.
    ([event("deploy", "good", OLD, NEW), event("supervisor", "failed")],
     ["2026-01-02 03:04:00", "me", "deploy", "supervisor", OLD, NEW, "failed"]),
    ([event("deploy", "good", OLD, NEW), event("revert", "good", NEW, OLD)],
     ["2026-01-02 03:04:00", "me", "revert", "", NEW, OLD, "good"]),
    ([event("stop", "good", OLD)], ["2026-01-02 03:04:00", "me", "stop", "", OLD, "-", "good"]),
])  # fmt: skip
def test_a_row_is_a_run(events: list[Event], row: list[str]) -> None:
    assert table_row(events) == row
