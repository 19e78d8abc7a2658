"""The schedule of a timer: systemd's calendar form (systemd.time(7)) or cron's five fields (crontab(5)).

It is checked here, on any system, by the rules of systemd 252. What these do not allow is refused; so are three forms that
`systemd-analyze calendar` takes: years of two digits, moments such as @1700000000, and dates that do not exist.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from selvedge.config.types import Text

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
WORDS = (
    "minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually",
)  # fmt: skip
"""systemd's words for a whole schedule."""
MACROS: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""cron's words for a whole schedule, with their five fields."""
FORMS = 'must be systemd\'s calendar form, such as "*-*-* 03:00", or cron\'s five fields, such as "0 3 * * *"'

Parts = list[tuple[int, int, int]]
"""Parts of a field: first value, last value, step. An empty list is `*`: every value."""


def on_calendar(schedule: str) -> tuple[str, ...]:
    """Return the values of OnCalendar= for a schedule; cron's day of the month and of the week may need two.

    Raises ValueError, with the end of a sentence that begins with the name of the setting.
    """
    words = schedule.split()
    if not words or not re.fullmatch(r"[A-Za-z0-9*,./:~@_+ -]+", schedule):
        raise ValueError(FORMS)
    if words[0].startswith("@"):
        return _macro(words)
    if len(words) == 5:
        return _cron(words)
    if len(words) > 5:
        raise ValueError(f"{FORMS}: it has {len(words)} fields")
    return (_systemd(words),)


def _check(value: str) -> str:
    on_calendar(value)
    return value


def _no_switch(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError('must be a schedule in quotation marks, or "" for none')
    return value


Schedule = Annotated[Text, AfterValidator(_check)]
OptionalSchedule = Annotated[Text, BeforeValidator(_no_switch), AfterValidator(lambda value: _check(value) if value else value)]


def _wrong(problem: str) -> ValueError:
    return ValueError(f"{FORMS}: {problem}")


def _macro(words: Sequence[str]) -> tuple[str, ...]:
    word = words[0].lower()
    if word == "@reboot":
        raise ValueError("must be a time: systemd's timers have no @reboot. Add the command to the start of the app")
    if len(words) > 1 or word not in MACROS:
        raise _wrong(f"of cron's words, there are {', '.join(MACROS)}")
    return _cron(MACROS[word].split())


# systemd's form: [WEEKDAYS] [DATE] [TIME] [ZONE], or a word.


def _systemd(words: Sequence[str]) -> str:
    rest = list(words)
    zone = _zone(rest.pop()) if len(rest) > 1 and _is_zone(rest[-1]) else ""
    if len(rest) == 1 and rest[0].lower() in WORDS:
        return " ".join(filter(None, [rest[0].lower(), zone]))
    days = _weekdays(rest.pop(0)) if rest[0][0].isalpha() else ""
    date = _date(rest.pop(0)) if rest and ":" not in rest[0] else ""
    time = _time(rest.pop(0)) if rest else ""
    if rest:
        raise _wrong(f"{rest[0]!r} does not belong to it")
    return " ".join(filter(None, [days, date, time, zone]))


def _is_zone(word: str) -> bool:
    """Whether it must be a time zone: it has letters, and is no weekday."""
    return word[0].isalpha() and word.lower() not in WORDS and re.split(r"\.\.|[,-]", word.lower())[0] not in _day_names()


def _zone(word: str) -> str:
    if word.upper() == "UTC":
        return "UTC"
    valid = re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", word)
    if not valid or not _is_known(word):
        close = difflib.get_close_matches(word, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean {close[0]}?" if close else 'for example "Europe/Berlin" or "UTC"'
        raise _wrong(f"{word!r} is neither a weekday nor a time zone; {hint}")
    return word


def _is_known(zone: str) -> bool:
    try:
        return bool(zoneinfo.ZoneInfo(zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # A system without a time zone database knows none.
        return not zoneinfo.available_timezones()


def _day_names() -> dict[str, int]:
    return {name: number for names in (_LONG_DAYS, [day.lower() for day in DAYS]) for number, name in enumerate(names)}


def _weekdays(word: str) -> str:
    names = _day_names()
    for part in word.lower().split(","):
        ends = re.split(r"\.\.|-", part)
        for end in ends:
            if end not in names:
                close = difflib.get_close_matches(end, names, n=1)
                hint = f"did you mean {close[0].title()}?" if close else f"they are {', '.join(DAYS)}"
                raise _wrong(f"{end!r} is not a weekday; {hint}")
        if len(ends) > 2 or names[ends[0]] > names[ends[-1]]:
            raise _wrong(f"the weekdays {part} are no range: a week begins with Mon")
    return word


def _date(word: str) -> str:
    last = "~" in word
    fields = re.split("[-~]", word)
    if not re.fullmatch(r"[^~-]+(-[^~-]+)?[~-][^~-]+", word):
        raise _wrong(f"{word!r} is not a date such as *-*-01, and not a time such as 03:00")
    if len(fields) == 3:
        _component("year", fields[0], 1970, 2199)
    months = _component("month", fields[-2], 1, 12)
    days = _component("day", fields[-1], 1, 28 if last else 31, back=last)
    _check_days(word, months, [] if last else days)
    return word


def _check_days(said: str, months: Parts, days: Parts) -> None:
    """Raise ValueError if none of the months is long enough for one of the days."""
    longest = max(_MONTH_DAYS[month - 1] for month in _values(months, 1, 12))
    if days and min(day for day, *_ in days) > longest:
        raise _wrong(f"there is no such date as {said}")


def _values(parts: Parts, low: int, high: int) -> list[int]:
    return sorted({value for first, last, step in parts or [(low, high, 1)] for value in range(first, last + 1, step)})


def _time(word: str) -> str:
    fields = word.split(":")
    if len(fields) not in (2, 3):
        raise _wrong(f"{word!r} is not a time such as 03:00 or 03:00:30")
    for name, field, high in zip(("hour", "minute", "second"), fields, (23, 59, 59), strict=False):
        # Seconds may have up to six decimals.
        plain = re.sub(r"(?<=[0-9])\.[0-9]{1,6}(?![0-9.])", "", field) if name == "second" else field
        _component(name, plain, 0, high)
    return word


def _component(name: str, text: str, low: int, high: int, *, back: bool = False) -> Parts:
    """Return the parts of a field in systemd's form. back: the steps go from the end of the month. Raises ValueError."""
    if text == "*":
        return []
    parts, listed = [], set()
    for part in text.split(","):
        found = re.fullmatch(r"([0-9]{1,4})(?:\.\.([0-9]{1,4}))?(?:/([0-9]{1,4}))?", part)
        if not found:
            hint = f"; write {low}{part[1:]} for that" if part.startswith("*/") else ""
            raise _wrong(f"the {name} {part!r} is no number, range (1..5) or step (0/5){hint}")
        first, last = int(found[1]), int(found[2] or found[1])
        _check_range(name, part, (first, last), (low, high))
        if name == "second" and found[2] and not found[3] and first == last:
            # systemd takes such a range of hours, minutes and days, but not of seconds (systemd-analyze calendar '*:*:5..5').
            raise _wrong(f"the second {part!r} is a range of one; write {found[1]}")
        end = last if found[2] else high
        room = first - low if back and not found[2] else end - first
        if found[3] and not 0 < int(found[3]) <= room:
            raise _wrong(f"the {name} {part!r} has a step that reaches no other {name}")
        parts.append((first, end if found[3] else last, int(found[3] or 1)))
        listed.add((first, last))
    if back:
        _check_listed_days(text, sorted(listed))
    return parts


def _check_listed_days(said: str, ends: Sequence[tuple[int, int]]) -> None:
    """Raise ValueError for a list of days from the end of the month that systemd refuses: each next one may be three days less."""
    for number, (_, last) in enumerate(ends):
        if last > 28 - 3 * number:
            raise _wrong(f"systemd refuses the days ~{said} in one list, because of {last}; use a timer for each")


def _check_range(name: str, part: str, ends: tuple[int, int], limits: tuple[int, int]) -> None:
    if not limits[0] <= ends[0] <= limits[1] or not limits[0] <= ends[1] <= limits[1]:
        raise _wrong(f"the {name} {part!r} is not from {limits[0]} to {limits[1]}")
    if ends[0] > ends[1]:
        raise _wrong(f"the {name} {part!r} is a range whose end is before its beginning")


# cron's form: minute, hour, day of the month, month, day of the week.


def _cron(words: Sequence[str]) -> tuple[str, ...]:
    minute = _cron_field("minute", words[0], (0, 59))
    hour = _cron_field("hour", words[1], (0, 23))
    day = _cron_field("day", words[2], (1, 31))
    month = _cron_field("month", words[3], (1, 12), {name: number for number, name in enumerate(_MONTHS, 1)})
    week = _cron_field("weekday", words[4], (0, 7), {name[:3]: number % 7 for number, name in enumerate(_LONG_DAYS, 1)})
    _check_days(f"{words[2]} in the month {words[3]}", month, day)
    time = f"{_shown(hour)}:{_shown(minute)}:00"
    months, days, weekdays = _shown(month), _shown(day), _cron_weekdays(week)
    # cron runs on either of the two, unless one of them begins with `*`: then on days that are both.
    if not words[2].startswith("*") and not words[4].startswith("*"):
        if not day or not weekdays:
            return (f"*-{months}-* {time}",)
        return (f"*-{months}-{days} {time}", f"{weekdays} *-{months}-* {time}")
    return (" ".join(filter(None, [weekdays, f"*-{months}-{days} {time}"])),)


def _cron_weekdays(week: Parts) -> str:
    """Return systemd's weekdays, "" for all of them."""
    days = {(value - 1) % 7 for value in _values(week, 0, 7)}
    return "" if len(days) == 7 else ",".join(DAYS[day] for day in sorted(days))


def _cron_field(name: str, text: str, limits: tuple[int, int], names: Mapping[str, int] = MappingProxyType({})) -> Parts:
    """Return the parts of one of cron's fields. names: words for its numbers, in lower case. Raises ValueError."""
    parts = []
    for part in text.lower().split(","):
        found = re.fullmatch(r"(\*|[0-9]{1,2}|[a-z]+)(?:-([0-9]{1,2}|[a-z]+))?(?:/([0-9]{1,2}))?", part)
        if not found or (found[1] == "*" and found[2]) or (found[3] and int(found[3]) == 0):
            raise _wrong(f"the {name} {part!r} is no number, range (1-5) or step (*/5)")
        if found[3] and found[1] != "*" and not found[2]:
            raise _wrong(f"the {name} {part!r} is a step without a range; write {found[1]}-{limits[1]}/{found[3]}")
        ends = limits
        if found[1] != "*":
            ends = (_cron_number(name, found[1], names), _cron_number(name, found[2] or found[1], names))
        _check_range(name, part, ends, limits)
        parts.append((*ends, int(found[3] or 1)))
    return [] if (*limits, 1) in parts else parts


def _cron_number(name: str, text: str, names: Mapping[str, int]) -> int:
    if text.isdigit():
        return int(text)
    if text not in names:
        listed = f", and none of {', '.join(names)}" if names else ""
        raise _wrong(f"the {name} {text!r} is no number{listed}")
    return names[text]


def _shown(parts: Parts) -> str:
    """Return cron's field in systemd's form. Steps become lists, because systemd 252 misses the midnight run of `*:0/7`."""
    return ",".join(_shown_part(*part) for part in parts) or "*"


def _shown_part(first: int, last: int, step: int) -> str:
    if step == 1 and first < last:
        return f"{first:02}..{last:02}"
    return ",".join(f"{value:02}" for value in range(first, last + 1, step))
