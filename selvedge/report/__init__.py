"""Print plans, progress, tables and errors. Other modules do not print."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TextIO

from selvedge.errors import SelvedgeError
from selvedge.report.activities import Activities, Activity
from selvedge.report.lines import Lines
from selvedge.report.text import Part, Style, Styled, printable

if TYPE_CHECKING:
    from selvedge.report.terminal import Terminal

_DIFF_STYLES: dict[str, Style] = {"+": "green", "-": "red", "@": "dim"}


class Report:
    """The output of a run. Several threads may use it: a line is never torn.

    On a terminal, a live area below the lines shows what each server is doing; elsewhere there are only plain lines.
    """

    def __init__(self, stream: TextIO | None = None, *, terminal: bool | None = None) -> None:
        self._stream = stream or sys.stdout
        self._is_terminal = is_terminal(self._stream) if terminal is None else terminal
        self._activities = Activities()
        self._width = 0
        self._lock = threading.Lock()
        self._made: Lines | Terminal | None = None
        self._ticker: threading.Thread | None = None
        self._warned: set[str] = set()

    @property
    def _screen(self) -> Lines | Terminal:
        with self._lock:
            if self._made is None:
                self._made = self._make_screen()
            return self._made

    def _make_screen(self) -> Lines | Terminal:
        if not self._is_terminal:
            return Lines(self._stream, self._activities)
        # rich takes 25 ms to load. The ticker needs it first, while the run waits for its servers.
        from selvedge.report.terminal import Terminal

        return Terminal(self._stream, self._activities)

    def hosts(self, names: Sequence[str]) -> None:
        """Set the width of the first column to the longest name of a host."""
        self._width = max((len(name) for name in names), default=0)

    def line(self, *parts: Part, indent: int = 0) -> None:
        """Print a line, without control characters. indent: a terminal wraps it at words, and indents its other lines."""
        self._screen.print(parts, indent)

    def raw(self, text: str) -> None:
        """Print a text unchanged, e.g. a script for another program."""
        self._screen.raw(text)

    def step(self, host: str, step: str, *parts: Part) -> None:
        """Print a line about a step on a host. A terminal wraps it at words, below its text."""
        columns: list[Part] = [Styled(host.ljust(self._width), "blue"), f"  {step.ljust(10)}  "]
        self._screen.print([*columns, *parts], indent=self._width + max(len(step), 10) + 4)

    def diff(self, text: str) -> None:
        """Print a unified diff, indented, in colors."""
        for row in text.splitlines():
            style = _DIFF_STYLES.get(row[:1])
            self.line("    ", Styled(row, style) if style else row)

    def table(
        self, titles: Sequence[str], rows: Sequence[Sequence[Part]], long: str = "", secondary: Sequence[str] = ()
    ) -> None:
        """Print rows in columns under their titles.

        For narrow terminals: `long` is the title of the column that is shortened, `secondary` are those that are left out,
        the least important first.
        """
        self._screen.table(titles, rows, long, secondary)

    def plan(self, host: str, steps: Iterable[str]) -> None:
        """Add steps that this run is going to make on a host: the bar of the live area counts them."""
        self._activities.plan(host, steps)
        self._start_ticker()

    def finish(self, host: str, step: str) -> None:
        """Count a planned step as done."""
        self._activities.finish(host, step)

    def begin(self, host: str, step: str, text: str, diff: str = "") -> None:  # noqa: ARG002
        """Note that a change begins. It is printed if it takes long. diff: for a recording."""
        self._activities.begin(host, step, Activity(text))
        self._start_ticker()

    def wait(self, host: str, step: str, text: str) -> None:
        """Note what the running change waits for; an empty text ends the waiting. It is printed if it takes long."""
        self._activities.wait(host, step, text)
        self._start_ticker()

    def keep_plans(self, plans: Mapping[str, Sequence[Any]]) -> None:
        """Note the planned steps of each host: only a recording keeps them."""

    def gate(self, host: str, layer: str, answer: str) -> None:
        """Note that a layer of the gate begins or, with an answer, that a release has passed it: only a recording keeps that."""

    def done(self, host: str, step: str, text: str) -> None:
        """Print that a change is made."""
        seconds = self._activities.end(host, step)
        took = [Styled(f"  ({seconds:.1f} s)", "dim")] if seconds >= 1 else []
        self.step(host, step, Styled("✓", "green"), f" {text}", *took)

    def failed(self, host: str, step: str, text: str) -> None:
        """Print that a change failed."""
        self._activities.end(host, step)
        self.step(host, step, Styled("✗", "red"), f" {text}")

    @contextmanager
    def activity(self, host: str, step: str, text: str, *, live_only: bool = False) -> Iterator[None]:
        """Show what a server is busy with during the context, if that takes long.

        live_only: show it on a terminal only, because the output may be for another program.
        """
        self._activities.begin(host, step, Activity(text, live_only))
        self._start_ticker()
        try:
            yield
        finally:
            self._activities.end(host, step)

    def paused(self) -> AbstractContextManager[None]:
        """Return a context without a live area."""
        return self._screen.paused()

    def lent(self) -> AbstractContextManager[None]:
        """Return a context without a live area, in which another program may use the terminal."""
        return self._screen.lent()

    def handle_suspension(self) -> None:
        """Have Ctrl-Z remove the live area first, which otherwise overwrites the shell's lines after `fg`.

        Only the main thread may call this.
        """
        if self._is_terminal and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, lambda *_: self._suspend())

    def _suspend(self) -> None:
        # Not _screen: the main thread may hold its lock at this moment.
        with self._made.paused() if self._made else nullcontext():
            handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)
            # Here the run continues after `fg`.
            signal.signal(signal.SIGTSTP, handler)

    def stop(self) -> None:
        """Remove the live area, and forget what was running."""
        self._activities.clear()
        if self._made is not None:
            self._made.stop()

    def error(self, error: SelvedgeError) -> None:
        """Print an error to standard error: what happened, and below it what to do now."""
        message, remedy = printable(error.message), printable(error.remedy)
        with self.paused():
            sys.stdout.flush()
            if is_terminal(sys.stderr):
                from selvedge.report.terminal import print_error

                print_error(sys.stderr, message, remedy)
            else:
                _print_to_stderr(*filter(None, [message, remedy]))

    def check_written(self) -> None:
        """Raise SelvedgeError if a part of the output could not be written, for example because the disk is full."""
        if isinstance(self._made, Lines) and self._made.lost:
            raise SelvedgeError(
                f"A part of the output could not be written: {self._made.lost}. The rest of the command was carried out.",
                "Correct the cause. `fab status` shows the state of the servers.",
            )

    def warning(self, sentence: str) -> None:
        """Print a warning to standard error, once a run, whoever finds it."""
        with self._lock:
            new = sentence not in self._warned
            self._warned.add(sentence)
        if new:
            with self.paused():
                sys.stdout.flush()
                _print_to_stderr(f"Warning: {printable(sentence)}")

    def note(self, sentence: str) -> None:
        """Print a sentence to standard error, because a program may read the output."""
        with self.paused():
            sys.stdout.flush()
            _print_to_stderr(printable(sentence))

    def _start_ticker(self) -> None:
        with self._lock:
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()

    def _tick(self) -> None:
        screen = self._screen
        while True:
            time.sleep(screen.interval)
            screen.update(self._width)


def _print_to_stderr(*lines: str) -> None:
    """Print lines to standard error. If that fails, for example on a full disk, the exit status still says what happened."""
    with suppress(OSError):
        print(*lines, sep="\n", file=sys.stderr, flush=True)


def is_terminal(stream: TextIO) -> bool:
    """Return whether output to the stream may have colors and move the cursor."""
    if os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return False
    return stream.isatty() and (stream.encoding or "utf-8").lower().startswith("utf")
