"""The time line of a run: a row for each step of a host, with bars in percent of the run's length."""

from __future__ import annotations

from collections.abc import Sequence

from selvedge.report.recording import Span
from selvedge.value import Value

ROUND = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds between two ticks."""
TICKS = 6
NARROWEST = 0.35
"""The least percent of a bar, so that a quick change can be seen."""


class Bar(Value):
    """A part of a row, in percent of the whole width. kind: done, failed or engine. title: what it is, with its seconds."""

    left: float
    width: float
    kind: str
    title: str


class Row(Value):
    """A row of the time line. name: the step."""

    name: str
    bars: tuple[Bar, ...]
    seconds: str


class Timeline(Value):
    """ticks: percent and label of each; the first one is the zero line. hosts: their rows by name."""

    ticks: tuple[tuple[float, str], ...]
    hosts: tuple[tuple[str, tuple[Row, ...]], ...]


def seconds(number: float) -> str:
    """Return seconds with their unit: "0.4 s", "12 s", "3 min 5 s"."""
    if number < 10:
        return f"{number:.1f} s"
    whole = round(number)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"


def timeline(spans: Sequence[Span], hosts: Sequence[str], length: float) -> Timeline:
    """Return the time line of these hosts. length: the seconds of the run."""
    whole = max(length, 0.1)
    rows = tuple((host, tuple(_rows([span for span in spans if span.host == host], whole))) for host in hosts)
    return Timeline(tuple(_ticks(whole)), rows)


def _ticks(length: float) -> list[tuple[float, str]]:
    gap = next((each for each in ROUND if length / each <= TICKS), ROUND[-1])
    found, number = [], 0
    # A label at the very end would be cut.
    while number * gap <= length * 0.96:
        at = number * gap
        label = f"{at:g} s" if gap < 60 else f"{at / 60:g} min"
        found.append((round(100 * at / length, 3), label))
        number += 1
    return found


def _rows(spans: Sequence[Span], length: float) -> list[Row]:
    found = []
    for name in dict.fromkeys(span.step or "connection" for span in spans):
        of_step = [span for span in spans if (span.step or "connection") == name]
        bars = tuple(_bar(span, length) for span in of_step)
        found.append(Row(name, bars, seconds(sum((span.ended or length) - span.began for span in of_step))))
    return found


def _bar(span: Span, length: float) -> Bar:
    ended = length if span.ended is None else span.ended
    kind = {"done": "done", "": "engine"}.get(span.state, "failed")
    left = min(100 * span.began / length, 100 - NARROWEST)
    width = max(100 * (ended - span.began) / length, NARROWEST)
    return Bar(round(left, 3), round(min(width, 100 - left), 3), kind, f"{span.text} ({seconds(ended - span.began)})")
