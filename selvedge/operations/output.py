"""What operations print: tables, JSON, and text of servers without what a terminal would obey."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from selvedge.report import Report, printable

LEAST = 16
"""Columns that a cut column keeps."""


def clean(text: str) -> str:
    """One line of a server's text, safe on a terminal and of a width that can be counted.

    What a carriage return overwrote is dropped, as a terminal would show it.
    """
    return printable(text.rstrip("\r\n").rpartition("\r")[2]).replace("\t", "    ").replace("\n", " ")


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


def table(
    report: Report, titles: Sequence[str], rows: Sequence[Sequence[str]], colors: Mapping[str, str], long: str = ""
) -> None:
    """Rows in columns below their titles.

    colors: the color of a cell by its text. long: the title of the column that is cut where a terminal is too narrow.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(width(row[index]) for row in [titles, *cells]) for index in range(len(titles))]
    if long and report.stream.isatty():
        column = titles.index(long)
        room = shutil.get_terminal_size().columns - (sum(widths) + 2 * len(widths) - 2 - widths[column])
        widths[column] = min(widths[column], max(room, LEAST))

    def line(row: Sequence[str]) -> list[str]:
        cut = [shorten(cell, columns) for cell, columns in zip(row, widths, strict=True)]
        return [cell + " " * (columns - width(cell)) for cell, columns in zip(cut, widths, strict=True)]

    report.line(report.paint("  ".join(line(titles)).rstrip(), "bold"))
    for row in cells:
        padded = zip(row, line(row), strict=True)
        report.line(
            "  ".join(report.paint(cell, colors[text]) if text in colors else cell for text, cell in padded).rstrip()
        )


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
