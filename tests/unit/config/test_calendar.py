"""Schedules: systemd's own opinion of them, and the times at which cron would run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selvedge.config.calendar import MACROS, WORDS, on_calendar

pytestmark = pytest.mark.programs

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")

CRON: list[tuple[str, tuple[str, ...]]] = [
    ("0 3 * * *", ("*-*-* 03:00:00",)),
    ("*/5 * * * *", ("*-*-* *:00,05,10,15,20,25,30,35,40,45,50,55:00",)),
    ("*/45 * * * *", ("*-*-* *:00,45:00",)),
    ("*/59 */12 * * *", ("*-*-* 00,12:00,59:00",)),
    ("* * * * *", ("*-*-* *:*:00",)),
    ("*/1 * * * *", ("*-*-* *:*:00",)),
    ("0,30 8-17 * * 1-5", ("Mon,Tue,Wed,Thu,Fri *-*-* 08..17:00,30:00",)),
    ("1-10/3 * * * *", ("*-*-* *:01,04,07,10:00",)),
    ("50-59/30 * * * *", ("*-*-* *:50:00",)),
    ("0 0 */2 * *", ("*-*-" + ",".join(f"{day:02}" for day in range(1, 32, 2)) + " 00:00:00",)),
    ("15 2 1 jan,JUL *", ("*-01,07-01 02:15:00",)),
    ("0 22 * * sun", ("Sun *-*-* 22:00:00",)),
    ("0 22 * * 0,7", ("Sun *-*-* 22:00:00",)),
    ("0 22 * * 5-7", ("Fri,Sat,Sun *-*-* 22:00:00",)),
    ("0 22 * * 0-7", ("*-*-* 22:00:00",)),
    ("0 4 1 * 1", ("*-*-01 04:00:00", "Mon *-*-* 04:00:00")),
    ("0 4 */7 * 1", ("Mon *-*-01,08,15,22,29 04:00:00",)),
    ("  0   3 * * *  ", ("*-*-* 03:00:00",)),
    ("@daily", ("*-*-* 00:00:00",)),
    ("@Weekly", ("Sun *-*-* 00:00:00",)),
]
SYSTEMD = [
    "daily", "Weekly", "hourly UTC", "*:0/2", "Mon..Fri", "mon-fri 12:00", "12:00", "*-*-*", "*-*~1", "*~1", "*-*",
    "1..5/2:00", "*:5..5", "*:0/59", "daily Europe/Berlin", "Mon *-*-* 12:00:00.5 Europe/Berlin", "*-*~28/7", "*-02-29",
    "Mon,Tue,wednesday..Fri 00:00", "2027-12-24 18:00", "00:00:00/5", "*-1", "*-*-01/2,05", "*:0,5", "*:*:*", "12:00:*",
    "Sat *-*-1..7 18:00", "*-1,7-1 00:00", "*:0..30/15", "1970-01-01", "2199-12-31", "*-*-* *:*:0/10", "Mon  12:00",
]  # fmt: skip
WRONG: list[tuple[str, str]] = [
    ("", "must be systemd's calendar form"),
    ("   ", "must be systemd's calendar form"),
    ("every day", "'day' is neither a weekday nor a time zone"),
    ("5m", "'5m' is not a date"),
    ("*:*/2", "the minute '*/2' is no number, range (1..5) or step (0/5); write 0/2 for that"),
    ("fri..mon", "the weekdays fri..mon are no range"),
    ("Mon..Wed..Fri", "are no range"),
    ("Modnay 12:00", "'modnay' is not a weekday; did you mean Monday?"),
    ("12", "'12' is not a date such as *-*-01"),
    ("*", "is not a date"),
    ("24:00", "the hour '24' is not from 0 to 23"),
    ("12:60", "the minute '60' is not from 0 to 59"),
    ("12:00:60", "the second '60'"),
    ("12:00:00:00", "is not a time"),
    ("12:00:00.1234567", "second"),
    ("2026-02-30", "there is no such date as 2026-02-30"),
    ("*-2,4,6-31 12:00", "there is no such date"),
    ("*-*~29", "the day '29' is not from 1 to 28"),
    ("*-*~1,28", "systemd refuses the days ~1,28 in one list, because of 28; use a timer for each"),
    ("*-*~2,1..2,23", "because of 23"),
    ("*-13-01", "the month '13'"),
    ("26-01-01", "the year '26' is not from 1970 to 2199"),
    ("2200-01-01", "the year '2200'"),
    ("@1700000000", "of cron's words"),
    ("*:5..3", "a range whose end is before its beginning"),
    ("*:0/60", "reaches no other minute"),
    ("*:0/0", "reaches no other minute"),
    ("12:00 Europe/Berlim", "did you mean Europe/Berlin?"),
    ("12:00 CEST", "neither a weekday nor a time zone"),
    ("*-*-* Mon", "'Mon' is not a time such as 03:00"),
    ("*-*-*T12:00", "the hour '*-*-*T12' is no number"),
    ("*-*-* 12:00 12:00", "'12:00' does not belong to it"),
    ("60 * * * *", "the minute '60' is not from 0 to 59"),
    ("* 24 * * *", "the hour '24'"),
    ("0 0 0 * *", "the day '0' is not from 1 to 31"),
    ("0 0 * 13 *", "the month '13'"),
    ("0 0 * * 8", "the weekday '8' is not from 0 to 7"),
    ("0 0 * * fri-mon", "a range whose end is before its beginning"),
    ("0 0 * * foo", "the weekday 'foo' is no number, and none of mon,"),
    ("foo * * * *", "the minute 'foo' is no number"),
    ("5/15 * * * *", "write 5-59/15"),
    ("*/0 * * * *", "the minute '*/0'"),
    ("0 0 30 feb *", "there is no such date as 30 in the month feb"),
    ("0 0 L * *", "the day 'l' is no number"),
    ("0 0 ? * *", "must be"),
    ("0 0 3 * * *", "it has 6 fields"),
    ("@reboot", "no @reboot"),
    ("@fortnightly", "of cron's words, there are @hourly"),
    ("@daily UTC", "of cron's words"),
    ("* * * * *\nOnBootSec=1", "must be"),
    ("12:00\n", "must be"),
    ("%n 12:00", "must be"),
    ("१२:00", "must be"),
]


def _analyzed(*texts: str, iterations: int = 1) -> str:
    command = ["systemd-analyze", "calendar", "--base-time=2026-02-27 23:58:30 UTC", f"--iterations={iterations}", *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"})
    assert done.returncode == 0, (texts, done.stderr)
    return done.stdout


@pytest.mark.parametrize(("text", "wanted"), CRON)
def test_the_fields_of_cron_become_systemds_form(text: str, wanted: tuple[str, ...]) -> None:
    assert on_calendar(text) == wanted


@pytest.mark.parametrize("text", [*SYSTEMD, *WORDS])
def test_systemds_form_is_kept(text: str) -> None:
    (found,) = on_calendar(text)
    assert found.lower() == " ".join(text.split()).lower()


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_another_text_is_refused_and_the_mistake_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        on_calendar(text)
    assert str(caught.value).startswith("must be ")


@needs_systemd
def test_systemd_takes_every_accepted_form() -> None:
    _analyzed(*(line for text in [*SYSTEMD, *WORDS, *MACROS, *(text for text, _ in CRON)] for line in on_calendar(text)))


def test_without_a_time_zone_database_a_name_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", missing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    assert on_calendar("12:00 Mars/Olympus") == ("12:00 Mars/Olympus",)
    with pytest.raises(ValueError, match="time zone"):
        on_calendar("12:00 Mars/../etc")


def _component(low: int, high: int, separator: str) -> st.SearchStrategy[str]:
    number = st.integers(low - 1, high + 1).map(str)
    part = st.one_of(
        number,
        st.tuples(number, number).map(separator.join),
        st.tuples(number, st.integers(0, 70)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.tuples(number, number, st.integers(0, 70)).map(lambda found: f"{found[0]}{separator}{found[1]}/{found[2]}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


_DAY = st.sampled_from(["Mon", "tue", "Wednesday", "Thu", "FRI", "sat", "Sun"])
_DAYS = st.lists(st.one_of(_DAY, st.tuples(_DAY, _DAY).map("..".join), st.tuples(_DAY, _DAY).map("-".join)), min_size=1, max_size=3)
_DATE = st.tuples(
    st.sampled_from(["", "*-", "2027-", "2026..2030/2-"]), _component(1, 12, ".."), st.sampled_from("--~"), _component(1, 31, "..")
).map("".join)
_TIME = st.tuples(_component(0, 23, ".."), _component(0, 59, ".."), st.one_of(st.none(), _component(0, 59, ".."))).map(
    lambda found: ":".join(part for part in found if part)
)
_TEXT = st.tuples(
    st.one_of(st.just(""), _DAYS.map(",".join)), st.one_of(st.just(""), _DATE), _TIME, st.sampled_from(["", "UTC", "Asia/Tokyo"])
).map(lambda found: " ".join(part for part in found if part))


@needs_systemd
@given(text=_TEXT)
@example(text="*-*~28/7 1:00")
@example(text="*:*:0..0")
@example(text="*-*~1,25,22 *:*")
@example(text="*-*~1,2,22 *:*")
@example(text="*-*~24,24,25 *:*")
@example(text="*-*~1,26 *:*")
@example(text="*-1..32/2 *:*")
def test_systemd_agrees_about_random_schedules(text: str) -> None:
    """What is accepted, systemd accepts. What is refused, systemd refuses, or it could never fire, or has a useless step or end."""
    command = ["systemd-analyze", "calendar", text]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"})
    try:
        on_calendar(text)
    except ValueError as error:
        ours = any(words in str(error) for words in ("there is no such date", "reaches no other", " is not from "))
        assert done.returncode != 0 or ours, (text, error)
    else:
        assert done.returncode == 0, (text, done.stderr)


def _cron_field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    part = st.one_of(
        number.map(str),
        st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}"),
        st.tuples(number, number, st.integers(1, 40)).map(lambda found: f"{min(found[:2])}-{max(found[:2])}/{found[2]}"),
        st.integers(1, 40).map(lambda step: f"*/{step}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=2).map(",".join))


def _numbers(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        ends = (low, high) if span == "*" else (int(first), int(last or first))
        found |= set(range(ends[0], ends[1] + 1, int(step or 1)))
    return found


def _cron_times(text: str, after: datetime) -> Iterator[datetime]:
    """Yield the times at which cron would run, as crontab(5) describes them, for 5 years."""
    minutes, hours, days, months, week = text.split()
    dates, weekdays = _numbers(days, 1, 31), {number % 7 for number in _numbers(week, 0, 7)}
    for day in (after.replace(hour=0, minute=0, second=0) + timedelta(days=number) for number in range(5 * 366)):
        date, weekday = day.day in dates, day.isoweekday() % 7 in weekdays
        starred = days[0] == "*" or week[0] == "*"
        if day.month in _numbers(months, 1, 12) and ((date and weekday) if starred else (date or weekday)):
            for hour in sorted(_numbers(hours, 0, 23)):
                for minute in sorted(_numbers(minutes, 0, 59)):
                    if (moment := day.replace(hour=hour, minute=minute)) > after:
                        yield moment


@needs_systemd
@given(text=st.tuples(*(_cron_field(*ends) for ends in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7)))).map(" ".join))
@example(text="*/7 */5 */3 */2 *")
@example(text="0 0 29 2 *")
@example(text="30 6 1,15 * 2-4")
@example(text="30 6 */2 * 2-4")
@example(text="* * 1 * 0-6")
@example(text="0 0 1-31 * 2")
def test_a_timer_runs_when_cron_would(text: str) -> None:
    after = datetime(2026, 2, 27, 23, 58, 30, tzinfo=UTC)
    wanted = list(islice(_cron_times(text, after), 3))
    try:
        lines = on_calendar(text)
    except ValueError as error:
        # cron would still run on the weekdays, if there are any.
        assert "there is no such date" in str(error)
        return
    said = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ ([\d-]+ [\d:]+) UTC", _analyzed(*lines, iterations=3))
    found = sorted({datetime.fromisoformat(f"{each}+00:00") for each in said})
    assert found[: len(wanted)] == wanted, lines
