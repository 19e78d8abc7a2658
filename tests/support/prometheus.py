"""Answers of Prometheus, as its HTTP API gives them, for a server with two releases in the time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from selvedge.operations.pages.metrics import Window, now_queries, range_queries

END = 1_780_000_200 // 1800 * 1800
HOSTILE = "<script>alert(1)</script>\"'\x1b[31m"


def _matrix(window: Window, step: int, **series: tuple[dict[str, str], Callable[[float], float | None]]) -> dict[str, Any]:
    """Return a range: for each series its labels, and its values by the share of the time that is over."""
    count = window.seconds // step
    result = []
    for labels, value in series.values():
        values = [[END - window.seconds + index * step, value(index / count)] for index in range(count + 1)]
        result.append({"metric": labels, "values": [[at, str(found)] for at, found in values if found is not None]})
    return {"resultType": "matrix", "result": result}


def _wave(low: float, high: float, turns: float = 1.0) -> Callable[[float], float]:
    return lambda at: low + (high - low) * (1 - math.cos(2 * math.pi * at * turns)) / 2 * (1 + 0.08 * math.sin(at * 211))


def _vector(value: float | None, **labels: str) -> dict[str, Any]:
    return {"resultType": "vector", "result": [] if value is None else [{"metric": labels, "value": [END, str(value)]}]}


def answers(window: Window, app: str = "hello") -> list[str]:
    """Return all answers in the order in which a dashboard asks: alerts, releases, ranges, numbers."""
    name = {"app": app}
    switches = [END - window.seconds - 5, END - 0.6 * window.seconds, END - 0.25 * window.seconds]
    live = _matrix(window, window.fine, a=(name, lambda at: switches[sum(at >= share for share in (0.4, 0.75))]))
    ranges: dict[str, Any] = {
        "requests": _matrix(
            window, window.step, ok=({"class": "2xx"}, _wave(2, 42)), moved=({"class": "3xx"}, _wave(0.4, 6)),
            wrong=({"class": "4xx"}, _wave(0.1, 3, 3)), bad=({"class": "5xx"}, lambda at: 4.0 if 0.41 < at < 0.44 else 0.0),
        ),
        "p50": _matrix(window, window.step, a=({}, _wave(0.012, 0.03))),
        "p95": _matrix(window, window.step, a=({}, _wave(0.05, 0.21, 2))),
        "p99": _matrix(window, window.step, a=({}, lambda at: None if 0.2 < at < 0.25 else _wave(0.09, 0.62, 2)(at))),
        "up": _matrix(window, window.step, a=({}, lambda at: 0.5 if 0.41 < at < 0.42 else 1.0)),
        "cpu": _matrix(window, window.step, a=({}, _wave(4, 61))),
        "memory": _matrix(window, window.step, a=({}, _wave(9e8, 1.4e9, 0.5))),
        "memory_size": _matrix(window, window.step, a=({}, lambda _: 2.0e9)),
        "disk": _matrix(window, window.step, a=({}, lambda at: 52 + 4 * at)),
        "received": _matrix(window, window.step, a=({}, _wave(2e4, 9e5))),
        "sent": _matrix(window, window.step, a=({}, _wave(4e4, 2.4e6))),
        "restarts": _matrix(window, window.step, a=({"process": f"worker{HOSTILE}"}, lambda at: float(0.42 < at < 0.423))),
        "releases": _matrix(
            window, window.step,
            a=({**name, "release": "1f2e3d4c5b6a-02604d", "branch": "main"}, lambda at: 1 if at < 0.4 else None),
            b=({**name, "release": f"16d86fb00f4b-55421e{HOSTILE}", "branch": "main"}, lambda at: 1 if 0.4 <= at < 0.75 else None),
            c=({**name, "release": "7ad3ba2da8d1-55421e", "branch": "main"}, lambda at: 1 if at >= 0.75 else None),
        ),
    }  # fmt: skip
    numbers = {
        "total": _vector(1_804_223), "errors": _vector(5040), "certificate": _vector(END + 50 * 86_400),
        "backup": _vector(END - 4 * 3600), "timers": _vector(1, timer=f"cleanup{HOSTILE}", app=app),
    }  # fmt: skip
    alerts = {"alerts": [{"labels": {"alertname": f"ServerErrors{HOSTILE}"}, "state": "firing",
                          "annotations": {"summary": f"hello on web-1: 9 % of the requests fail {HOSTILE}"}}]}  # fmt: skip
    charts, single = range_queries(app, window), now_queries(app, window)
    found = [alerts, live, *(ranges[each] for each in charts), *(numbers[each] for each in single)]
    return [json.dumps({"status": "success", "data": each}) for each in found]
