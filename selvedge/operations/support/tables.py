"""Print tables and JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from selvedge.operations.support.text import clean, shorten, width
from selvedge.report import Report

LEAST = 16
"""Columns of a terminal that a shortened column of a table keeps."""


def print_table(
    report: Report, titles: Sequence[str], rows: Sequence[Sequence[str]], colors: Mapping[str, str], long: str = ""
) -> None:
    """Print rows in columns under their titles.

    colors: the color of a cell by its text. long: the title of the column that is shortened on a narrow terminal.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(width(row[index]) for row in [titles, *cells]) for index in range(len(titles))]
    if long and report.stream.isatty():
        column = titles.index(long)
        room = shutil.get_terminal_size().columns - (sum(widths) + 2 * len(widths) - 2 - widths[column])
        widths[column] = min(widths[column], max(room, LEAST))

    def padded(row: Sequence[str]) -> list[str]:
        cut = [shorten(cell, columns) for cell, columns in zip(row, widths, strict=True)]
        return [cell + " " * (columns - width(cell)) for cell, columns in zip(cut, widths, strict=True)]

    report.line(report.paint("  ".join(padded(titles)).rstrip(), "bold"))
    for row in cells:
        pairs = zip(row, padded(row), strict=True)
        colored = [report.paint(cell, colors[text]) if text in colors else cell for text, cell in pairs]
        report.line("  ".join(colored).rstrip())


def print_json(report: Report, data: Any) -> None:
    """Print one JSON document, in ASCII, so that it does not depend on the terminal's encoding."""
    report.line(json.dumps(data, indent=2))
