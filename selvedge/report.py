"""The one module that prints: plans, progress, failures; every line says which server and which step."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from selvedge.errors import SelvedgeError

_COLORS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}
QUIET_SECONDS = 3.0
"""A change that takes longer is announced while it runs, and again each half minute."""


@dataclass
class _Running:
    text: str
    began: float = field(default_factory=time.monotonic)
    announced: float = 0.0


class Report:
    """Lines on the screen. Several threads may call it; a line is never torn."""

    def __init__(self, stream: TextIO | None = None, *, color: bool | None = None) -> None:
        self.stream = stream or sys.stdout
        self._color = color if color is not None else (self.stream.isatty() and "NO_COLOR" not in os.environ)
        self._lock = threading.Lock()
        self._width = 0
        self._running: dict[tuple[str, str], _Running] = {}
        self._ticker: threading.Thread | None = None

    def hosts(self, names: Sequence[str]) -> None:
        """The hosts of this run: their longest name sets the width of the first column."""
        self._width = max((len(name) for name in names), default=0)

    def paint(self, text: str, color: str) -> str:
        """The text in a color, where the terminal shows colors."""
        return f"\033[{_COLORS[color]}m{text}\033[0m" if self._color else text

    def line(self, text: str = "") -> None:
        """A line as it is."""
        with self._lock:
            print(printable(text), file=self.stream, flush=True)

    def step(self, host: str, step: str, text: str) -> None:
        """A line about a step on a host."""
        self.line(f"{self.paint(host.ljust(self._width), 'blue')}  {step.ljust(10)}  {text}")

    def diff(self, text: str) -> None:
        """A unified diff, indented, in colors."""
        for row in text.splitlines():
            color = {"+": "green", "-": "red", "@": "dim"}.get(row[:1], "")
            self.line("    " + (self.paint(printable(row), color) if color else printable(row)))

    def begin(self, host: str, step: str, text: str) -> None:
        """A change begins; it is announced when it takes long."""
        with self._lock:
            self._running[host, step] = _Running(text)
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()

    def done(self, host: str, step: str, text: str) -> None:
        """A change is made."""
        seconds = self._stop(host, step)
        took = self.paint(f"  ({seconds:.1f} s)", "dim") if seconds >= 1 else ""
        self.step(host, step, f"{self.paint('✓', 'green')} {text}{took}")

    def failed(self, host: str, step: str, text: str) -> None:
        """A change failed."""
        self._stop(host, step)
        self.step(host, step, f"{self.paint('✗', 'red')} {text}")

    def _stop(self, host: str, step: str) -> float:
        with self._lock:
            running = self._running.pop((host, step), None)
        return time.monotonic() - running.began if running else 0.0

    def _tick(self) -> None:
        while True:
            time.sleep(0.5)
            with self._lock:
                late = [(key, item) for key, item in self._running.items() if self._due(item)]
            for (host, step), item in late:
                seconds = time.monotonic() - item.began
                self.step(host, step, self.paint(f"… {item.text} ({seconds:.0f} s)", "dim"))

    @staticmethod
    def _due(item: _Running) -> bool:
        now = time.monotonic()
        due = now - item.announced >= 30 if item.announced else now - item.began >= QUIET_SECONDS
        if due:
            item.announced = now
        return due

    def error(self, error: SelvedgeError) -> None:
        """What happened, and below it what to do now; to standard error."""
        with self._lock:
            sys.stdout.flush()
            print(self.paint(printable(error.message), "red"), file=sys.stderr)
            if error.remedy:
                print(printable(error.remedy), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """The text without control characters (a server's output may hold any), and encodable on this terminal."""
    clean = "".join(char if char >= " " or char in "\n\t\033" else "\N{REPLACEMENT CHARACTER}" for char in text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return clean.encode(encoding, "replace").decode(encoding, "replace")
