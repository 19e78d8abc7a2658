"""Output on a terminal, by rich: colors, tables, lines that wrap at words, and the live area. Loading it takes 25 ms."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table
from rich.text import Text

from selvedge.report.activities import Activities
from selvedge.report.area import Area
from selvedge.report.text import Part, Styled, breaks, plain, printable, width

NARROWEST = 30
"""Columns that wrapped text needs below its first line; if there are fewer, it is indented by 2 columns only."""
LONG, SHORTEST, SECONDARY = 16, 8, 24
"""Columns of a table's long column beside secondary ones, without them, and the most columns of a secondary one."""


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002
        """Leave the cursor visible: no signal or crash can leave a terminal without one."""
        return False


class Terminal:
    """Lines on a terminal, and below them the live area while servers are busy."""

    interval = 0.125
    """Seconds between two calls of `update`."""

    def __init__(self, stream: TextIO, activities: Activities) -> None:
        self._console = _make_console(stream)
        self._activities = activities
        self._area = Area(activities)
        self._live: Live | None = None
        self._pauses = 0
        self._lock = threading.RLock()

    def print(self, parts: Sequence[Part], indent: int = 0) -> None:
        """Print a line. If it is wider than the terminal, wrap it at words, and indent its other lines; 0: do not wrap it."""
        with self._lock:
            columns = self._console.width
            if indent and width(plain(parts)) > columns:
                self._console.print(_wrapped(parts, indent if columns - indent >= NARROWEST else 2, columns), soft_wrap=True)
                return
            # rich's Text would replace tabs.
            segments = [Segment(printable(_text(part)), _style(part)) for part in parts]
            self._console.print(Segments([*segments, Segment.line()]), end="", soft_wrap=True)

    def raw(self, text: str) -> None:
        """Print a text unchanged."""
        with self.paused():
            print(text, file=self._console.file, flush=True)

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[Part]], long: str, secondary: Sequence[str]) -> None:
        """Print rows in columns under their titles; leave out secondary columns that do not fit, and say which."""
        widths = {
            title: max(width(title), *(width(plain([row[index]])) for row in rows)) for index, title in enumerate(titles)
        }
        widths |= {title: min(widths[title], SECONDARY) for title in secondary}
        shown, room = fitting(widths, self._console.width, long, secondary)
        widths = {title: room if title == long else widths[title] for title in shown}
        # With its whole width given, rich makes no column narrower on a narrow terminal.
        whole = sum(columns + 2 for columns in widths.values())
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", width=whole)
        for title, columns in widths.items():
            style = "dim" if title in secondary else ""
            table.add_column(title, no_wrap=True, overflow="ellipsis", min_width=columns, max_width=columns, style=style)
        for row in rows:
            cells = dict(zip(titles, row, strict=True))
            table.add_row(*(Text(plain([cells[title]]), style=_style(cells[title]) or "") for title in shown))
        with self._lock:
            self._console.print(table, crop=False)
            if left_out := [title for title in titles if title not in shown]:
                self.print([Styled(f"Not shown on a terminal of this width: {', '.join(left_out)}.", "dim")])

    def update(self, columns: int) -> None:
        """Draw the live area again, or remove it if nothing runs. columns: the width of the hosts' names."""
        with self._lock:
            self._area.columns = columns
            if self._pauses or not self._area:
                self._remove_area()
            else:
                self._draw_area()

    def _draw_area(self) -> None:
        if self._live is None:
            self._live = Live(
                self._area, console=self._console, auto_refresh=False, transient=True, redirect_stderr=sys.stderr.isatty()
            )
            self._live.start()
        self._live.refresh()

    def _remove_area(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the live area during the context."""
        with self._lock:
            self._pauses += 1
            self._remove_area()
        try:
            yield
        finally:
            with self._lock:
                self._pauses -= 1

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Remove the live area during the context, in which another program may use the terminal, and end its last line."""
        with self.paused():
            try:
                yield
            finally:
                # If the cursor is in the first column, it stays there. Otherwise the spaces move it to the next line.
                print(" " * self._console.width, end="\r", file=self._console.file, flush=True)

    def stop(self) -> None:
        """Remove the live area."""
        with self._lock:
            self._remove_area()


def fitting(widths: dict[str, int], columns: int, long: str, secondary: Sequence[str]) -> tuple[list[str], int]:
    """Return the titles of a table that fit into these columns, and the width of the long one.

    The secondary columns are left out one by one, the first of them first; the others are shown in any case.
    """
    shown = list(widths)
    for title in (*secondary, ""):
        room = columns - 2 - sum(widths[each] + 2 for each in shown if each != long)
        if room >= min(LONG, widths.get(long, 0)) or not title:
            break
        shown.remove(title)
    return shown, min(widths.get(long, 0), max(room, SHORTEST))


def print_error(stream: TextIO, message: str, remedy: str) -> None:
    """Print an error in red and what to do below it, wrapped at words."""
    console = _make_console(stream)
    for text, style in ((message, "red"), (remedy, "")):
        for row in text.splitlines():
            # A row that is indented is a command.
            places = [] if row.startswith("    ") else breaks(row, console.width)
            for part in Text(row, style=style).divide(places):
                part.rstrip()
                console.print(part, soft_wrap=True)


def _make_console(stream: TextIO) -> Console:
    return _Console(
        file=stream, force_terminal=True, color_system="standard", highlight=False, markup=False, emoji=False, legacy_windows=False
    )


def _text(part: Part) -> str:
    return part.text if isinstance(part, Styled) else part


def _style(part: Part) -> Style | None:
    return Style.parse(part.style) if isinstance(part, Styled) else None


def _wrapped(parts: Sequence[Part], indent: int, columns: int) -> Text:
    """Return the line, broken at words to fit into these columns, with all lines but the first indented."""
    text = Text.assemble(*((printable(_text(part)), _style(part) or "") for part in parts))
    lines = text.divide(breaks(text.plain, columns, indent))
    for line in lines:
        line.rstrip()
    return Text("\n" + " " * indent).join(lines)
