"""Schedules of timers in cron's form."""

from __future__ import annotations

import pytest

from selvedge.config.timers import Timer
from selvedge.exports.cron import cron

SAID = {
    "*-*-* 03:00": "0 3 * * *",
    "03:00": "0 3 * * *",
    "0 3 * * *": "0 3 * * *",
    "*/5 * * * *": "0,5,10,15,20,25,30,35,40,45,50,55 * * * *",
    "*:0/20": "0,20,40 * * * *",
    "0 8-18/5 * * *": "0 8,13,18 * * *",
    "hourly": "0 * * * *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "@daily": "0 0 * * *",
    "Mon..Fri 08:30": "30 8 * * 1,2,3,4,5",
    "Sun 00:00": "0 0 * * 0",
    "0 0 * * 7": "0 0 * * 0",
    "Mon..Sun 10:00": "0 10 * * *",
    "*-01,07-01 06:00:00": "0 6 1 1,7 *",
    "*-*-10..12 04:00": "0 4 10-12 * *",
    "Sat": "0 0 * * 6",
    "*-12-24": "0 0 24 12 *",
    "30 3 1 * mon": "30 3 1 * 1",
}
UNSAID = {
    "*:*:30": "begins at a second",
    "2030-01-01 00:00": "has a year",
    "*-*~01 02:00": "from the end of the month",
    "Mon *-*-01..07 09:00": "both a day of the month and a weekday",
    "0 0 */2 * mon": "both a day of the month and a weekday",
}


@pytest.mark.parametrize("schedule", SAID)
def test_a_schedule_that_cron_can_say(schedule: str) -> None:
    found = cron(Timer(command="x", schedule=schedule))
    assert (found.fields, found.zone) == (SAID[schedule], "Etc/UTC")


@pytest.mark.parametrize("schedule", UNSAID)
def test_a_schedule_that_cron_cannot_say(schedule: str) -> None:
    with pytest.raises(ValueError, match=UNSAID[schedule]):
        cron(Timer(command="x", schedule=schedule))


@pytest.mark.parametrize(("schedule", "zone"), [("08:30 Europe/Berlin", "Europe/Berlin"), ("daily UTC", "Etc/UTC")])
def test_the_time_zone(schedule: str, zone: str) -> None:
    assert cron(Timer(command="x", schedule=schedule)).zone == zone
