"""Print tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from selvedge.operations.support.text import clean
from selvedge.report import Report
from selvedge.report.text import Style, Styled


def print_table(
    report: Report,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Mapping[str, Style],
    *,
    long: str = "",
    secondary: Sequence[str] = (),
) -> None:
    """Print rows in columns under their titles.

    styles: the style of a cell by its text. For narrow terminals: `long` is the title of the column that is shortened,
    `secondary` are those that are left out, the least important first.
    """
    cells = [[Styled(clean(cell), styles[cell]) if cell in styles else clean(cell) for cell in row] for row in rows]
    report.table(titles, cells, long, secondary)


def print_json(report: Report, data: Any) -> None:
    """Print one JSON document, in ASCII, so that it does not depend on the terminal's encoding."""
    report.raw(json.dumps(data, indent=2))
