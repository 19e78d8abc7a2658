"""Schedules of timers in cron's five fields, for platforms that know only these."""

from __future__ import annotations

import re

from selvedge.config.calendar import DAYS
from selvedge.config.timers import Timer
from selvedge.value import Value

_WORDS = {
    "minutely": "* * * * *", "hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1", "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *", "semiannually": "0 0 1 1,7 *", "yearly": "0 0 1 1 *", "annually": "0 0 1 1 *",
}  # fmt: skip
_HIGHEST = {"minute": 59, "hour": 23, "day": 31, "month": 12}


class Cron(Value):
    """A schedule: cron's five fields, and the time zone, "Etc/UTC" for the server's own."""

    fields: str
    zone: str


def cron(timer: Timer) -> Cron:
    """Return a timer's schedule for cron. Raises ValueError with a clause that says what cron does not know."""
    found = [_cron(value.split()) for value in timer.on_calendar]
    if len(found) == 1:
        return found[0]
    # cron's "this day of the month, or this weekday" is two values for systemd, which differ in nothing else.
    (minute, hour, day, month, _), (*_, weekday) = (each.fields.split() for each in found)
    return Cron(" ".join([minute, hour, day, month, weekday]), found[0].zone)


def _cron(words: list[str]) -> Cron:
    zone = words.pop() if len(words) > 1 and words[-1][0].isalpha() and words[-1] not in _WORDS else "Etc/UTC"
    zone = "Etc/UTC" if zone == "UTC" else zone
    if words[0] in _WORDS:
        return Cron(_WORDS[words[0]], zone)
    weekday = _weekdays(words.pop(0)) if words[0][0].isalpha() else "*"
    day, month = _date(words.pop(0)) if words and ":" not in words[0] else ("*", "*")
    hour, minute, second = [*(words[0] if words else "00:00").split(":"), "00"][:3]
    if not re.fullmatch(r"0+(\.0+)?", second):
        raise ValueError("it begins at a second")
    if weekday != "*" and day != "*":
        raise ValueError("it needs both a day of the month and a weekday, and cron takes either")
    return Cron(" ".join([_field("minute", minute), _field("hour", hour), day, month, weekday]), zone)


def _date(word: str) -> tuple[str, str]:
    if "~" in word:
        raise ValueError("it counts days from the end of the month")
    *years, month, day = word.split("-")
    if years not in ([], ["*"]):
        raise ValueError("it has a year")
    return _field("day", day), _field("month", month)


def _field(name: str, text: str) -> str:
    """Return a part of systemd's form as a field of cron."""
    parts = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?(?:/(\d+))?", part)
        if not found:
            return "*"
        first, last, step = int(found[1]), found[2], found[3]
        end = int(last) if last else _HIGHEST[name] if step else first
        if step:
            parts.append(",".join(str(number) for number in range(first, end + 1, int(step))))
        else:
            parts.append(f"{first}-{end}" if end > first else str(first))
    return ",".join(parts)


def _weekdays(word: str) -> str:
    """Return systemd's weekdays as numbers; Sunday is 0."""
    numbers: set[int] = set()
    for part in word.lower().split(","):
        ends = [next(n for n, day in enumerate(DAYS) if end.startswith(day.lower())) for end in re.split(r"\.\.|-", part)]
        numbers |= set(range(ends[0], ends[-1] + 1))
    return "*" if len(numbers) == 7 else ",".join(str(number) for number in sorted((each + 1) % 7 for each in numbers))
