"""Lines of logs for people: a line that is a JSON object, such as app.log_format = "json" gives, becomes a line of text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from selvedge.operations.support.text import clean
from selvedge.report.text import Part, Style, Styled
from selvedge.shell.server.logs import LEVELS, TIMES

WIDEST = 4_000
"""The most characters of a line that are shown."""
_MESSAGES = ("message", "msg", "event")
_STYLES: dict[str, Style] = {
    "ERROR": "red", "CRITICAL": "red", "FATAL": "red", "WARNING": "yellow", "WARN": "yellow", "DEBUG": "dim",
}  # fmt: skip
# The message has them, or they say who wrote the line.
_SAID = ("method", "path", "pid", "logger")
_ABOUT_REQUEST = ("address", "status", "duration")
_TRACEBACKS = ("exception", "exc_info", "stack", "stack_info")


def readable(text: str) -> list[Sequence[Part]]:
    """Return a line of a log as lines for people, each with its styled parts: several for a message of several lines."""
    found = _object(text)
    if found is None:
        return [[_cut(clean(text))]]
    time, level, message = (_first(found, names) for names in (TIMES, LEVELS, _MESSAGES))
    level = level.upper()
    start, *more = message.split("\n")
    if "status" in found and "address" in found:
        start = f'{found["address"]} "{start}" {found["status"]} {found.get("duration", "-")} s'
    used = {*TIMES, *LEVELS, *_MESSAGES, *_SAID, *_TRACEBACKS, "request_id"}
    used.update(_ABOUT_REQUEST if "status" in found else ())
    others = " ".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in found.items()
                      if name not in used and value not in ("", None))  # fmt: skip
    parts: list[Part] = [Styled(_time(time), "dim"), "  ", _leveled(level), "  ", _cut(clean(start))]
    parts += [Styled(_cut(clean(f"  {others}")), "dim")] if others else []
    parts += [Styled(clean(f"  [{found['request_id']}]"), "dim")] if found.get("request_id") else []
    for name in _TRACEBACKS:
        if isinstance(found.get(name), str):
            more += found[name].rstrip("\n").split("\n")
    return [parts, *([_cut(clean(line))] for line in more)]


def _object(text: str) -> dict[str, Any] | None:
    """Return the record that a line of JSON is, None for another line."""
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    known = isinstance(found, dict) and any(name in found for name in _MESSAGES) and any(name in found for name in LEVELS)
    return found if known else None


def _first(found: dict[str, Any], names: Sequence[str]) -> str:
    return next((str(found[name]) for name in names if name in found), "")


def _time(text: str) -> str:
    """Return a time as the log's text format has it, with the server's zone: "2026-11-29 10:00:00.123 +0000"."""
    day, _, clock = text.partition("T")
    if len(clock) > 6 and clock[-3] == ":" and clock[-6] in "+-":
        clock = f"{clock[:-6]} {clock[-6:-3]}{clock[-2:]}"
    return clean(f"{day} {clock}".strip())


def _leveled(level: str) -> Part:
    text = clean(level).ljust(7)
    style = _STYLES.get(level)
    return Styled(text, style) if style else text


def _cut(line: str) -> str:
    return line if len(line) <= WIDEST else f"{line[:WIDEST]}…"
