"""Output that is not for a terminal: plain lines, without colors. It loads no module of rich."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

from selvedge.report.activities import Activities
from selvedge.report.text import Part, plain, width


class Lines:
    """Plain lines for a file, a pipe, CI or a terminal without colors. A slow change is printed now and then."""

    interval = 0.5
    """Seconds between two calls of `update`."""

    def __init__(self, stream: TextIO, activities: Activities) -> None:
        self._stream = stream
        self._activities = activities
        self._lock = threading.Lock()
        self.lost = ""
        """Why output could not be written; "" if all was, or if its reader has ended."""

    def print(self, parts: Sequence[Part], indent: int = 0) -> None:  # noqa: ARG002
        """Print a line. indent: for terminals, which wrap it."""
        self.raw(plain(parts))

    def raw(self, text: str) -> None:
        """Print a text unchanged."""
        with self._lock:
            try:
                print(text, file=self._stream, flush=True)
            except UnicodeEncodeError:
                # Only a script has characters that the terminal's encoding may lack. Its files are UTF-8.
                self._stream.flush()
                self._stream.buffer.write(text.encode("utf-8", "surrogateescape") + b"\n")
                self._stream.flush()
            except OSError as error:
                # The reader has ended, as in `fab … | head`, or a disk is full. The run continues, because a server may be in
                # the middle of a change.
                self.lost = "" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[Part]], long: str, secondary: Sequence[str]) -> None:  # noqa: ARG002
        """Print rows in columns under their titles, uncut, so that programs can search them."""
        cells = [list(titles), *([plain([cell]) for cell in row] for row in rows)]
        widths = [max(width(row[index]) for row in cells) for index in range(len(titles))]
        for row in cells:
            padded = [cell + " " * (columns - width(cell)) for cell, columns in zip(row, widths, strict=True)]
            self.raw("  ".join(padded).rstrip())

    def update(self, columns: int) -> None:
        """Print the changes that take long. columns: the width of the hosts' names."""
        for (host, step), activity in self._activities.running().items():
            current = activity.current
            if not activity.live_only and current.is_due():
                self.raw(plain([f"{host.ljust(columns)}  {step.ljust(10)}  … {current.text} ({current.seconds:.0f} s)"]))

    def paused(self) -> AbstractContextManager[None]:
        """Return a context in which other programs print; there is no live area to remove."""
        return nullcontext()

    lent = paused

    def stop(self) -> None:
        """End the live area; there is none."""
