"""Charts as inline SVG. Texts are outside of the drawing, which is stretched to the width of the screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from selvedge.operations.pages.metrics import Points, Window
from selvedge.value import Value

GAPS = 4
"""Parts of the y axis."""
HEIGHT = 100
"""The height of the drawing in its own unit. Its width is the number of gaps between the points."""
UNITS = {
    "bytes": ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")),
    "bytes/s": ((2**30, "GiB/s"), (2**20, "MiB/s"), (2**10, "KiB/s"), (1, "B/s")),
    "s": ((1, "s"), (0.001, "ms")),
}
"""Units with their sizes, the largest first. Other units have one size."""


class Line(Value):
    """A series of a chart. number: its color, from 1. style: "", dashed or dotted, so that color is not all that tells it apart."""

    name: str
    points: Points
    number: int
    style: str = ""


class Shape(Value):
    """A part of the drawing: a path, and the classes of its style."""

    path: str
    classes: str


class Chart(Value):
    """A chart, ready to be drawn. ticks: labels of the y axis from above; the last one is 0. rows: the numbers as a table."""

    id: str
    title: str
    unit: str
    shapes: tuple[Shape, ...]
    legend: tuple[tuple[int, str, str, str], ...]
    ticks: tuple[str, ...]
    width: int
    rows: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    empty: bool
    summary: str
    filled: bool


def nice(most: float) -> float:
    """Return the end of a y axis from 0 with round ticks."""
    if most <= 0:
        return float(GAPS)
    power = 10 ** math.floor(math.log10(most / GAPS))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10, 20) if factor * power * GAPS >= most * 0.9999)
    return float(step * GAPS)


def scaled(unit: str, most: float) -> tuple[float, str]:
    """Return the size and the name of the unit that fits a value."""
    sizes = UNITS.get(unit, ((1, unit),))
    return next(((size, name) for size, name in sizes if most >= size), sizes[-1])


def shown(value: float | None, size: float, digits: int = 3) -> str:
    """Return a number with so many digits, "–" for none."""
    if value is None:
        return "–"
    found = value / size
    if found == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(found))))
    text = f"{found:,.{min(places, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_unit(value: float | None, unit: str) -> str:
    """Return a value with its unit, as in "1.2 GiB"; "–" for none."""
    size, name = scaled(unit, abs(value or 0))
    return f"{shown(value, size)} {name}" if value is not None else "–"


def chart(
    name: str, title: str, unit: str, lines: Sequence[Line], window: Window, end: int, *, kind: str = "lines", most: float = 0
) -> Chart:
    """Return a chart. kind: lines, stack (areas on each other) or bars. most: the end of the y axis, 0 for one that fits."""
    lines = [line for line in lines if any(point is not None for point in line.points)]
    stacked = kind in ("stack", "bars")
    tops = [sum(line.points[index] or 0 for line in lines) for index in range(window.count)] if stacked else []
    values = tops or [point for line in lines for point in line.points if point is not None]
    size, unit_name = scaled(unit, max(values, default=0))
    # A count has no fractions.
    least = GAPS if kind == "bars" else 0
    top = most or nice(max(least, *values, 0) / size) * size
    ticks = tuple(shown(top * part / GAPS, size) for part in range(GAPS, -1, -1))
    legend = tuple((line.number, line.style, line.name, _legend(line, size, unit_name, total=kind == "bars")) for line in lines)
    return Chart(
        id=name, title=title, unit=unit_name, shapes=tuple(_shapes(lines, top, kind)), legend=legend, ticks=ticks,
        width=max(window.count - 1, 1), rows=tuple(_rows(lines, window, end, size, total=kind == "bars")),
        names=tuple(line.name for line in lines), empty=not lines, filled=stacked,
        summary="; ".join(f"{each}: {said}" for _, _, each, said in legend),
    )  # fmt: skip


def _legend(line: Line, size: float, unit: str, *, total: bool) -> str:
    found = [point for point in line.points if point is not None]
    if total:
        return f"{shown(sum(found), size)} in all"
    last = next((point for point in reversed(line.points) if point is not None), None)
    return f"{shown(last, size)} {unit}, at most {shown(max(found), size)} {unit}"


def _shapes(lines: Sequence[Line], top: float, kind: str) -> list[Shape]:
    found = []
    base = [0.0] * len(lines[0].points) if lines else []
    for line in lines:
        if kind == "lines":
            found.append(Shape(_path(line.points, top), f"series line{line.number} {line.style}".strip()))
            continue
        upper = [low + (point or 0) for low, point in zip(base, line.points, strict=True)]
        draw = _bars if kind == "bars" else _area
        found.append(Shape(draw(base, upper, top), f"area fill{line.number}"))
        base = upper
    return found


def _y(value: float, top: float) -> str:
    return f"{HEIGHT - HEIGHT * min(value, top) / top:.2f}".rstrip("0").rstrip(".")


def _path(points: Points, top: float) -> str:
    """Return the path of a line, broken where there is no value."""
    pieces, before = [], False
    for index, point in enumerate(points):
        if point is None:
            before = False
            continue
        pieces.append(f"{'L' if before else 'M'}{index} {_y(point, top)}")
        alone = not before and (index + 1 == len(points) or points[index + 1] is None)
        # A point without neighbors would be invisible.
        pieces += ["h.5"] if alone else []
        before = True
    return "".join(pieces)


def _area(lower: Sequence[float], upper: Sequence[float], top: float) -> str:
    there = "".join(f"{'L' if index else 'M'}{index} {_y(value, top)}" for index, value in enumerate(upper))
    back = "".join(f"L{index} {_y(lower[index], top)}" for index in range(len(lower) - 1, -1, -1))
    return f"{there}{back}Z"


def _bars(lower: Sequence[float], upper: Sequence[float], top: float) -> str:
    """Return a bar for each value. Some are narrower than a pixel of a phone, so each is three points wide."""
    return "".join(
        f"M{index - 1.5} {_y(low, top)}V{_y(high, top)}h3V{_y(low, top)}Z"
        for index, (low, high) in enumerate(zip(lower, upper, strict=True))
        if high > low
    )


def _rows(lines: Sequence[Line], window: Window, end: int, size: float, *, total: bool) -> list[tuple[str, ...]]:
    """Return the numbers as rows: the beginning of some hours, and the average of each line in them; of bars their sum."""
    part = 3600 if window.seconds <= 86_400 else 6 * 3600
    each = part // window.step
    found = []
    for start in range(0, window.count - 1, each):
        at = datetime.fromtimestamp(end - (window.count - 1 - start) * window.step).astimezone()
        cells = []
        for line in lines:
            values = [point for point in line.points[start : start + each] if point is not None]
            number = sum(values) / (1 if total else len(values)) if values else None
            cells.append(shown(number, size))
        found.append((at.strftime("%a %H:%M"), *cells))
    return found
