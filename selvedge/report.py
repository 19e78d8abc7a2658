"""The one module that prints: plans, progress, failures; every line says which server and which step."""

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
_OWN = {_RESET, *(f"\033[{code}m" for code in _COLORS.values())}
# ECMA-48: control sequences (5.4), strings such as a terminal's title up to their end (5.6), other escapes (5.3).
_ESCAPES = (
    r"(?:\033\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\033[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\033\x9c\n]*(?:\x07|\033\\|\x9c)?"
    r"|\033[ -/]*[0-~]"
)
# Control characters, and those that turn the direction of writing, so that a text reads otherwise than it is.
_UNSEEN = r"[^\n\t -~\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\U0010ffff]"
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
        return f"\033[{_COLORS[color]}m{text}{_RESET}" if self._color else text

    def line(self, text: str = "") -> None:
        """A line, without the control characters that it may hold."""
        self.raw(self._shown(text))

    def raw(self, text: str) -> None:
        """Text for another program, unchanged, e.g. a script."""
        with self._lock:
            try:
                print(text, file=self.stream, flush=True)
            except BrokenPipeError:
                # `fab … | head`: whoever read is gone; the run goes on, since a server may be half-way through it.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def _shown(self, text: str) -> str:
        # Of a server's escape sequences nothing may reach the terminal; our own colors do, and end with the line.
        parts = re.split(f"({'|'.join(map(re.escape, sorted(_OWN)))})", text) if self._color else [text]
        colors = [part for part in parts if part in _OWN]
        clean = "".join(part if part in _OWN else printable(part) for part in parts)
        return clean if not colors or colors[-1] == _RESET else clean + _RESET

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
            message = printable(error.message)
            print(self.paint(message, "red") if sys.stderr.isatty() else message, file=sys.stderr, flush=True)
            if error.remedy:
                print(printable(error.remedy), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """The text without escape sequences and control characters (a server's output may hold any), and encodable on this
    terminal."""
    clean = text if text.isprintable() else re.sub(_UNSEEN, "\N{REPLACEMENT CHARACTER}", re.sub(_ESCAPES, "", text))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return clean.encode(encoding, "replace").decode(encoding, "replace")


def last_lines(text: str, count: int) -> str:
    """Return the last non-empty lines of a text, joined, without escape sequences."""
    lines = [re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", row).strip() for row in text.splitlines()]
    return " | ".join([row for row in lines if row][-count:])
