"""Print plans, progress and failures. Other modules do not print."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from selvedge.errors import SelvedgeError

_COLORS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}
_RESET = "\033[0m"
_COLOR_CODES = {_RESET, *(f"\033[{code}m" for code in _COLORS.values())}
# ECMA-48: control sequences (5.4), control strings such as a terminal's title (5.6), other escape sequences (5.3).
_ESCAPES = (
    r"(?:\033\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\033[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\033\x9c\n]*(?:\x07|\033\\|\x9c)?"
    r"|\033[ -/]*[0-~]"
)
# Control characters, and those that change the direction of the text, so that it reads as another text.
_INVISIBLE = r"[^\n\t -~\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\U0010ffff]"
QUIET_SECONDS = 3.0
"""Seconds after which a running change is printed for the first time."""
REPEAT_SECONDS = 30.0
"""Seconds after which it is printed again."""


@dataclass
class _Running:
    text: str
    began: float = field(default_factory=time.monotonic)
    printed: float = 0.0


class Report:
    """Lines on the screen. Several threads may use it: a line is never torn."""

    def __init__(self, stream: TextIO | None = None, *, color: bool | None = None) -> None:
        self.stream = stream or sys.stdout
        self._color = color if color is not None else (self.stream.isatty() and "NO_COLOR" not in os.environ)
        self._lock = threading.Lock()
        self._width = 0
        self._running: dict[tuple[str, str], _Running] = {}
        self._ticker: threading.Thread | None = None

    def hosts(self, names: Sequence[str]) -> None:
        """Set the width of the first column to the longest name of a host."""
        self._width = max((len(name) for name in names), default=0)

    def paint(self, text: str, color: str) -> str:
        """Return the text in a color; unchanged if the terminal shows no colors."""
        return f"\033[{_COLORS[color]}m{text}{_RESET}" if self._color else text

    def line(self, text: str = "") -> None:
        """Print a line without its control characters, except the colors of `paint`."""
        self.raw(self._printable(text))

    def raw(self, text: str) -> None:
        """Print a text unchanged, e.g. a script for another program."""
        with self._lock:
            try:
                print(text, file=self.stream, flush=True)
            except BrokenPipeError:
                # The reader has ended, as in `fab … | head`. The run continues: a server may be in the middle of a change.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def _printable(self, text: str) -> str:
        # Only the codes of `paint` reach the terminal, and a color ends with its line.
        if not self._color:
            return printable(text)
        parts = re.split(f"({'|'.join(map(re.escape, sorted(_COLOR_CODES)))})", text)
        colors = [part for part in parts if part in _COLOR_CODES]
        clean = "".join(part if part in _COLOR_CODES else printable(part) for part in parts)
        return clean if not colors or colors[-1] == _RESET else clean + _RESET

    def step(self, host: str, step: str, text: str) -> None:
        """Print a line about a step on a host."""
        self.line(f"{self.paint(host.ljust(self._width), 'blue')}  {step.ljust(10)}  {text}")

    def diff(self, text: str) -> None:
        """Print a unified diff, indented, in colors."""
        for row in text.splitlines():
            color = {"+": "green", "-": "red", "@": "dim"}.get(row[:1], "")
            self.line("    " + (self.paint(printable(row), color) if color else printable(row)))

    def begin(self, host: str, step: str, text: str) -> None:
        """Note that a change begins. It is printed if it takes long."""
        with self._lock:
            self._running[host, step] = _Running(text)
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._print_slow_changes, daemon=True)
                self._ticker.start()

    def wait(self, host: str, step: str, text: str) -> None:
        """Note what the running change waits for, printed if it takes long; an empty text ends that."""
        self.begin(host, step, text)

    def done(self, host: str, step: str, text: str) -> None:
        """Print that a change is made."""
        seconds = self._end(host, step)
        took = self.paint(f"  ({seconds:.1f} s)", "dim") if seconds >= 1 else ""
        self.step(host, step, f"{self.paint('✓', 'green')} {text}{took}")

    def failed(self, host: str, step: str, text: str) -> None:
        """Print that a change failed."""
        self._end(host, step)
        self.step(host, step, f"{self.paint('✗', 'red')} {text}")

    def _end(self, host: str, step: str) -> float:
        """Return the seconds that the change took, 0 if it did not begin."""
        with self._lock:
            running = self._running.pop((host, step), None)
        return time.monotonic() - running.began if running else 0.0

    def _print_slow_changes(self) -> None:
        while True:
            time.sleep(0.5)
            with self._lock:
                due = [(key, item) for key, item in self._running.items() if self._due(item)]
            for (host, step), item in due:
                seconds = time.monotonic() - item.began
                self.step(host, step, self.paint(f"… {item.text} ({seconds:.0f} s)", "dim"))

    @staticmethod
    def _due(item: _Running) -> bool:
        now = time.monotonic()
        due = now - item.printed >= REPEAT_SECONDS if item.printed else now - item.began >= QUIET_SECONDS
        if due:
            item.printed = now
        return due

    def error(self, error: SelvedgeError) -> None:
        """Print an error to standard error: what happened, and below it what to do now."""
        with self._lock:
            sys.stdout.flush()
            message = printable(error.message)
            print(self.paint(message, "red") if sys.stderr.isatty() else message, file=sys.stderr, flush=True)
            if error.remedy:
                print(printable(error.remedy), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return the text without escape sequences and control characters, in the characters that this terminal has."""
    clean = text if text.isprintable() else re.sub(_INVISIBLE, "\N{REPLACEMENT CHARACTER}", re.sub(_ESCAPES, "", text))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return clean.encode(encoding, "replace").decode(encoding, "replace")


def last_lines(text: str, count: int) -> str:
    """Return the last non-empty lines of a text, joined, without escape sequences."""
    lines = [re.sub(_ESCAPES, "", row).strip() for row in text.splitlines()]
    return " | ".join([row for row in lines if row][-count:])
