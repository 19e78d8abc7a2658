"""What operations print: tables, JSON, and text of servers without what a terminal would obey."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from selvedge.report import Report

# ECMA-48: control sequences, then operating system commands and their like, which end with BEL or ESC \.
_SEQUENCE = re.compile(r"\033\[[0-?]*[ -/]*[@-~]|\033[\]PX^_].*?(?:\a|\033\\|$)|\033[ -/]*[0-~]?")
# Overrides of the writing direction could make a line read as another one (Unicode TR 36, 3.2).
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """One line of a server's text, safe on a terminal: no escape sequence, no control character, only the text itself.

    What a carriage return overwrote is dropped, as a terminal would show it.
    """
    line = _SEQUENCE.sub("", text.rstrip("\r\n").rpartition("\r")[2]).replace("\t", "    ")
    shown = _DIRECTION.sub("", line)
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char for char in shown)


def width(text: str) -> int:
    """How many columns of a terminal the text takes: wide letters, as in Chinese, take two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def shorten(text: str, columns: int) -> str:
    """The text, cut to so many columns with an ellipsis."""
    if width(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width(kept + char) >= columns:
            break
        kept += char
    return f"{kept}…"


def table(report: Report, titles: Sequence[str], rows: Sequence[Sequence[str]], colors: Mapping[str, str]) -> None:
    """Rows in columns below their titles. colors: the color of a cell by its text."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(width(row[index]) for row in [titles, *cells]) for index in range(len(titles))]

    def line(row: Sequence[str]) -> list[str]:
        return [cell + " " * (widths[index] - width(cell)) for index, cell in enumerate(row)]

    report.line(report.paint("  ".join(line(titles)).rstrip(), "bold"))
    for row in cells:
        padded = line(row)
        painted = [report.paint(cell, colors[text]) if text in colors else cell for text, cell in zip(row, padded, strict=True)]
        report.line("  ".join(painted).rstrip())


def document(report: Report, data: Any) -> None:
    """The data as one JSON document, in ASCII, so that no terminal's encoding can change it."""
    report.line(json.dumps(data, indent=2))


def when(moment: str) -> str:
    """A moment of a record, "2025-11-22T12:20:11Z", as a person reads it: "2025-11-22 12:20:11"; "-" where there is none."""
    return moment.replace("T", " ").rstrip("Z") or "-"


def duration(seconds: float) -> str:
    """A time span in its two largest units: "42 s", "3 min 5 s", "2 h 10 min", "6 days 4 h"."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} day{'' if days == 1 else 's'}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    if minutes:
        return f"{minutes} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole} s"
