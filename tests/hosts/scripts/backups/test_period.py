"""How long the server waits from one backup to the next, by systemd's own calendar."""

from __future__ import annotations

import pytest

from selvedge.engine.script import script
from selvedge.shell.library import call
from tests.hosts.scripts.server import Server

DAY = 86400


@pytest.mark.parametrize(("times", "least", "most"), [
    (["*-*-* 03:30"], DAY, DAY),
    (["hourly"], 3600, 3600),
    (["Mon..Fri 22:00 Europe/Berlin"], 3 * DAY - 3600, 3 * DAY + 3600),
    (["monthly"], 31 * DAY, 31 * DAY),
    (["*-*-01 04:00:00", "Mon *-*-* 04:00:00"], 7 * DAY, 7 * DAY),
    (["2026-01-01 04:00"], 0, 0),
    ([], 0, 0),
])  # fmt: skip
def test_the_longest_time(server: Server, times: list[str], least: int, most: int) -> None:
    if times:
        unit = server.path("/etc/systemd/system/selvedge-hello-backup.timer")
        unit.parent.mkdir(parents=True)
        unit.write_text("[Timer]\n" + "".join(f"OnCalendar={each}\n" for each in times))
    output = server.run(script(call("backup_period", app="hello"), mark="@")).stdout.decode().strip()
    assert least <= int(output or 0) <= most, output
