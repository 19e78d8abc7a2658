"""A report that also keeps what it prints, for the page of a run (`--report`). Without that flag no run loads this module."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from selvedge.errors import SelvedgeError
from selvedge.report import Report
from selvedge.report.text import Part, Styled, visible

LONGEST = 20_000
"""Lines of output that a recording keeps: a page of more would be too large for a browser."""


@dataclass
class Span:
    """Something that took time on a host: a change of a step, or work of the engine such as reading the server.

    began, ended: seconds since the run began; ended is None while it lasts. state: running, done, failed or, for work of the
    engine, "". waits: what the change waited for, each with the second when that began.
    """

    host: str
    step: str
    text: str
    began: float
    diff: str = ""
    state: str = ""
    ended: float | None = None
    waits: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Layer:
    """A layer of the gate on a host. answer: "" until the release has passed it. seconds: how long that took."""

    host: str
    name: str
    began: float
    answer: str = ""
    ended: float | None = None
    failed: bool = False


class Recording(Report):
    """A report that keeps its events. Each host's events come from one thread at a time."""

    def __init__(self, stream: TextIO | None = None, *, terminal: bool | None = None) -> None:
        super().__init__(stream, terminal=terminal)
        self._zero = time.monotonic()
        self.began = time.time()
        """When the run began, in seconds since 1970."""
        self.spans: list[Span] = []
        self.layers: list[Layer] = []
        self.output: list[tuple[float, str]] = []
        self.errors: list[SelvedgeError] = []
        """The errors that were printed during the run: with several hosts, all but the first."""
        self.warnings: list[str] = []
        self.plans: dict[str, dict[str, Any]] = {}
        """The planned steps by host and name, as they were planned last."""
        self.first_plans: dict[str, Sequence[Any]] = {}

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._zero

    def _keep(self, parts: Sequence[Part]) -> None:
        if len(self.output) < LONGEST:
            text = "".join(part.text if isinstance(part, Styled) else part for part in parts)
            self.output.append((self.now, visible(text)))

    def _open_span(self, host: str, step: str) -> Span | None:
        found = (span for span in reversed(self.spans) if (span.host, span.step, span.ended) == (host, step, None))
        return next(found, None)

    def line(self, *parts: Part, indent: int = 0) -> None:
        """Print and keep a line."""
        self._keep(parts)
        super().line(*parts, indent=indent)

    def step(self, host: str, step: str, *parts: Part) -> None:
        """Print and keep a line about a step on a host."""
        self._keep([f"{host.ljust(self._width)}  {step.ljust(10)}  ", *parts])
        super().step(host, step, *parts)

    def begin(self, host: str, step: str, text: str, diff: str = "") -> None:
        """Keep that a change begins."""
        self.spans.append(Span(host, step, text, self.now, diff, "running"))
        super().begin(host, step, text, diff)

    def keep_plans(self, plans: Mapping[str, Sequence[Any]]) -> None:
        """Keep the planned steps of each host."""
        for host, items in plans.items():
            self.first_plans.setdefault(host, items)
            self.plans.setdefault(host, {}).update((item.name, item) for item in items)

    def wait(self, host: str, step: str, text: str) -> None:
        """Keep what the running change waits for."""
        span = self._open_span(host, step)
        if span and text and (not span.waits or span.waits[-1][1] != text):
            span.waits.append((self.now, text))
        super().wait(host, step, text)

    def gate(self, host: str, layer: str, answer: str) -> None:
        """Keep a layer of the gate, and its answer."""
        found = next((each for each in reversed(self.layers) if (each.host, each.name) == (host, layer)), None)
        # A release that goes back passes the gate, too.
        if found is None or (found.ended and not answer):
            found = Layer(host, layer, self.now)
            self.layers.append(found)
        if answer:
            found.answer, found.ended = answer, self.now

    def done(self, host: str, step: str, text: str) -> None:
        """Keep that a change is made."""
        self._end(host, step, "done")
        super().done(host, step, text)

    def failed(self, host: str, step: str, text: str) -> None:
        """Keep that a change failed, and with it the layers of the gate that had no answer."""
        self._end(host, step, "failed")
        for layer in self.layers:
            if layer.host == host and layer.ended is None:
                layer.failed, layer.ended = True, self.now
        super().failed(host, step, text)

    def _end(self, host: str, step: str, state: str) -> None:
        if span := self._open_span(host, step):
            span.ended, span.state = self.now, state

    @contextmanager
    def activity(self, host: str, step: str, text: str, *, live_only: bool = False) -> Iterator[None]:
        """Keep what a server is busy with during the context."""
        span = Span(host, step, text, self.now)
        self.spans.append(span)
        try:
            with super().activity(host, step, text, live_only=live_only):
                yield
        finally:
            span.ended = self.now

    def error(self, error: SelvedgeError) -> None:
        """Print and keep an error."""
        self.errors.append(error)
        super().error(error)

    def warning(self, sentence: str) -> None:
        """Print and keep a warning."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
        super().warning(sentence)
