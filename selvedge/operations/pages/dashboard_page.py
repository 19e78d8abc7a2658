"""The values of the dashboard: for each server its numbers, charts, releases and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from selvedge.operations.pages.chart import Chart, Line, chart, shown, with_unit
from selvedge.operations.pages.metrics import Points, Series, Window
from selvedge.operations.support.text import duration
from selvedge.report.text import visible
from selvedge.value import Value

CLASSES = {"2xx": 2, "3xx": 1, "4xx": 3, "5xx": 4, "1xx": 5}
"""The color of each class of status."""
SOON = 14 * 86_400
"""Seconds before the end of a certificate that are shown as a problem."""


class Measured(Value):
    """What a server's Prometheus has answered. series, numbers: by the names of the queries. end: the last point of time."""

    host: str
    app: str
    window: Window
    end: int
    series: Mapping[str, Sequence[Series]]
    numbers: Mapping[str, float | None]
    failed_timers: tuple[str, ...]
    switches: tuple[int, ...]
    alerts: tuple[Mapping[str, Any], ...]


class Tile(Value):
    """A number. about: what it is. state: "" or bad."""

    about: str
    number: str
    detail: str = ""
    state: str = ""


class Release(Value):
    """A release in the charts. at: percent of the width."""

    number: int
    at: float
    when: str
    name: str


class Server(Value):
    """A server's part of the page. times: the percent and the label of each mark of the x axis."""

    host: str
    app: str
    tiles: tuple[Tile, ...]
    charts: tuple[Chart, ...]
    releases: tuple[Release, ...]
    alerts: tuple[tuple[str, str, str], ...]
    times: tuple[tuple[float, str], ...]


def server(measured: Measured) -> Server:
    """Return the values of a server's part."""
    return Server(
        measured.host, measured.app, tuple(_tiles(measured)), tuple(_charts(measured)), tuple(_releases(measured)),
        tuple(_alert(each) for each in measured.alerts), tuple(_times(measured)),
    )  # fmt: skip


def _one(measured: Measured, name: str) -> Points:
    """Return the points of the only series of a query."""
    found = measured.series.get(name, ())
    return found[0].points if found else (None,) * measured.window.count


def _charts(measured: Measured) -> list[Chart]:
    window, end = measured.window, measured.end

    def made(name: str, title: str, unit: str, lines: Sequence[Line], kind: str = "lines", most: float = 0) -> Chart:
        return chart(f"{measured.host}-{name}", title, unit, lines, window, end, kind=kind, most=most)

    parts = (("50 %", "p50", 2, ""), ("95 %", "p95", 1, "dashed"), ("99 %", "p99", 5, "dotted"))
    latency = [Line(f"{part} of the requests", _one(measured, name), number, style) for part, name, number, style in parts]
    memory = [Line("used", _one(measured, "memory"), 1), Line("all", _one(measured, "memory_size"), 3, "dashed")]
    network = [Line("received", _one(measured, "received"), 1), Line("sent", _one(measured, "sent"), 3, "dashed")]
    restarts = [
        Line(visible(each.labels.get("process", "web")), each.points, 1 + index % 5)
        for index, each in enumerate(measured.series.get("restarts", ()))
    ]
    return [
        made("requests", "Requests by status", "req/s", _requests(measured), "stack"),
        made("errors", "Server errors, 5xx", "%", [Line("errors", error_share(_classes(measured)), 4)]),
        made("latency", "Answered within", "s", latency),
        made("cpu", "Processor in use", "%", [Line("in use", _one(measured, "cpu"), 1)], most=100),
        made("memory", "Memory", "bytes", memory),
        made("disk", "Disk / in use", "%", [Line("in use", _one(measured, "disk"), 1)], most=100),
        made("network", "Network", "bytes/s", network),
        made("restarts", "Restarts after a crash", "number", restarts, "bars"),
    ]


def _classes(measured: Measured) -> dict[str, Points]:
    return {each.labels.get("class", ""): each.points for each in measured.series.get("requests", ())}


def _requests(measured: Measured) -> list[Line]:
    found = _classes(measured)
    return [Line(name, found[name], number) for name, number in CLASSES.items() if name in found]


def error_share(classes: Mapping[str, Points]) -> Points:
    """Return the percent of requests that failed at each point; None where there were no requests."""
    found: list[float | None] = []
    for values in zip(*classes.values(), strict=True):
        whole = sum(value or 0 for value in values)
        failed = dict(zip(classes, values, strict=True)).get("5xx") or 0
        found.append(100 * failed / whole if whole > 0 else None)
    return tuple(found)


def _last(points: Points) -> float | None:
    return next((point for point in reversed(points) if point is not None), None)


def _tiles(measured: Measured) -> list[Tile]:
    total, errors = measured.numbers.get("total"), measured.numbers.get("errors")
    share = 100 * (errors or 0) / total if total else None
    up = [point for point in _one(measured, "up") if point is not None]
    answered = 100 * sum(up) / len(up) if up else None
    memory, size = _last(_one(measured, "memory")), _last(_one(measured, "memory_size"))
    used = f"{100 * memory / size:.0f} % of {with_unit(size, 'bytes')}" if memory is not None and size else ""
    disk = _last(_one(measured, "disk"))
    tiles = [
        Tile("Requests", shown(round(total), 1, 9) if total is not None else "–"),
        Tile("Server errors", f"{shown(share, 1, 2)} %" if share is not None else "–", state="bad" if (share or 0) >= 1 else ""),
        Tile("95 % answered within", with_unit(_last(_one(measured, "p95")), "s"), "at the end"),
        Tile("App answered", f"{shown(answered, 1, 4)} %" if answered is not None else "–", "of the health checks",
             "bad" if answered is not None and answered < 99 else ""),
        Tile("Processor", with_unit(_last(_one(measured, "cpu")), "%"), "at the end"),
        Tile("Memory", with_unit(memory, "bytes"), used),
        Tile("Disk /", with_unit(disk, "%"), "in use", "bad" if (disk or 0) > 90 else ""),
    ]  # fmt: skip
    return [*tiles, *_deadlines(measured)]


def _deadlines(measured: Measured) -> list[Tile]:
    """Return the tiles of what the server has: a certificate, backups, timers that failed."""
    found = []
    until, backup = measured.numbers.get("certificate"), measured.numbers.get("backup")
    if until is not None:
        # A time, or the seconds that are left.
        left = until - measured.end if until > 10**9 else until
        found.append(Tile("Certificate", duration(left) if left > 0 else "expired", "left", "bad" if left < SOON else ""))
    if backup is not None:
        age = measured.end - backup if backup > 10**9 else backup
        found.append(Tile("Last backup", duration(max(age, 0)), "ago", "bad" if age > 2 * 86_400 else ""))
    if measured.failed_timers:
        names = visible(", ".join(measured.failed_timers))
        found.append(Tile("Timers that failed", str(len(measured.failed_timers)), names, "bad"))
    return found


def _releases(measured: Measured) -> list[Release]:
    window, found = measured.window, []
    begin = measured.end - window.seconds
    for number, at in enumerate(sorted(each for each in set(measured.switches) if begin <= each <= measured.end), 1):
        share = 100 * (at - begin) / window.seconds
        found.append(Release(number, round(share, 2), _clock(at), _name_of(measured, at)))
    return found


def _name_of(measured: Measured, at: int) -> str:
    """Return the release that was live at the first point after a time, with its branch."""
    begin = measured.end - measured.window.seconds
    first = -(-(at - begin) // measured.window.step)
    for index in (first, first + 1, first + 2):
        for each in measured.series.get("releases", ()):
            if index < len(each.points) and each.points[index] is not None:
                branch = each.labels.get("branch", "")
                return visible(" ".join(filter(None, [each.labels.get("release", ""), f"({branch})" if branch else ""])))
    return ""


def _alert(alert: Mapping[str, Any]) -> tuple[str, str, str]:
    labels, notes = alert.get("labels", {}), alert.get("annotations", {})
    text = f"{notes.get('summary') or notes.get('description') or ''} {notes.get('remedy', '')}".strip()
    return visible(str(labels.get("alertname", "alert"))), str(alert.get("state", "")), visible(text)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%a %d %b, %H:%M")


def _times(measured: Measured) -> list[tuple[float, str]]:
    """Return the marks of the x axis: each fourth hour of a day, or each midnight of a week, by this machine's clock."""
    day = measured.window.seconds <= 86_400
    gap = timedelta(hours=4 if day else 24)
    begin = datetime.fromtimestamp(measured.end - measured.window.seconds).astimezone()
    at, found = begin.replace(hour=0, minute=0, second=0), []
    while (share := 100 * (at - begin).total_seconds() / measured.window.seconds) <= 98:
        if share >= 2:
            found.append((round(share, 2), at.strftime("%H:%M" if day else "%a %d")))
        at += gap
    return found
