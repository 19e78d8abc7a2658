"""Text for people: a server's text on one line, times and time spans."""

from __future__ import annotations

from datetime import UTC, datetime

from selvedge.report.text import printable


def clean(text: str) -> str:
    """Return a server's text as one line that is safe on a terminal. Text before a carriage return is overwritten."""
    return printable(text.rstrip("\r\n").rpartition("\r")[2]).replace("\t", "    ").replace("\n", " ")


def when(moment: str) -> str:
    """Return a time of a record for people: "2025-11-22T12:20:11Z" as "2025-11-22 12:20:11", an empty one as "-"."""
    return moment.replace("T", " ").rstrip("Z") or "-"


def iso(moment: int | str) -> str | None:
    """Return a time as ISO 8601 in UTC, to the second. moment: seconds since 1970, 0 for none; or text, as restic prints it."""
    if not moment:
        return None
    found = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else datetime.fromisoformat(moment)
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Return a time span in its two largest units: "42 s", "3 min 5 s", "2 h 10 min", "6 days 4 h"."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} day{'' if days == 1 else 's'}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    if minutes:
        return f"{minutes} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole} s"


def counted(number: int, noun: str) -> str:
    """Return "1 variable", "2 variables"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
