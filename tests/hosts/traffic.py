"""Requests to the servers of the sandbox: single ones, and bounded load while something else happens."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import urlsplit

PAUSE = 0.005
"""Seconds between two requests of one connection: lost requests are counted, not how many a machine can make."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of any status."""

    status: int
    headers: Message
    text: str


def get(url: str, headers: dict[str, str] | None = None, timeout: float = 15) -> Answer:
    """GET without proxies. Raises OSError where no answer comes."""
    try:
        with _OPENER.open(urllib.request.Request(url, headers=headers or {}), timeout=timeout) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode(errors="replace"))


@dataclass
class Load:
    """What became of the requests; complete when the `with` block has ended.

    requests: those that were sent. failed: a reason for each that was lost (no answer, or a status that is not 2xx or
    3xx). releases: X-Release of the answers, in the order in which they first came. slowest: seconds. wrk_requests and
    wrk_failed: the same counts from wrk's connections.
    """

    requests: int = 0
    failed: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)
    slowest: float = 0.0
    wrk_requests: int = 0
    wrk_failed: int = 0
    wrk_report: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, seconds: float, release: str, reason: str) -> None:
        """Count a request; `reason` says why it was lost."""
        with self._lock:
            self.requests += 1
            self.slowest = max(self.slowest, seconds)
            if reason:
                self.failed.append(reason)
            if release and release not in self.releases:
                self.releases.append(release)

    @property
    def lost(self) -> int:
        """All requests that were lost."""
        return len(self.failed) + self.wrk_failed


@contextlib.contextmanager
def load(url: str, seconds: float = 120, pause: float = PAUSE) -> Iterator[Load]:
    """Requests to `url` while the block runs, at most so many seconds: by wrk, over a connection that is kept, and over
    a new one each time; `pause` seconds between two of a connection, of wrk's four times as long. Raises TimeoutError
    where the block outlasts them: what came later was not counted.
    """
    result, stop = Load(), threading.Event()
    deadline = time.monotonic() + seconds
    threads = [threading.Thread(target=_ask, args=(url, kept, result, stop, deadline, pause)) for kept in (True, False)]
    with _wrk(url, seconds, result, pause):
        for thread in threads:
            thread.start()
        try:
            yield result
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    if time.monotonic() > deadline:
        raise TimeoutError(f"the load ended after {seconds:.0f} s, before what it was for")


def _ask(url: str, kept: bool, result: Load, stop: threading.Event, deadline: float, pause: float) -> None:
    target = urlsplit(url)
    headers = {} if kept else {"Connection": "close"}
    connection: http.client.HTTPConnection | None = None
    while not stop.is_set() and time.monotonic() < deadline:
        connection = connection or http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=30)
        began = time.monotonic()
        release = reason = ""
        try:
            connection.request("GET", target.path or "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
            release = answer.headers.get("X-Release", "")
            reason = "" if 200 <= answer.status < 400 else f"status {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            reason = f"{type(error).__name__}: {error}"
        result.add(time.monotonic() - began, release, reason)
        if reason or not kept:
            connection.close()
            connection = None
        time.sleep(pause)
    if connection:
        connection.close()


@contextlib.contextmanager
def _wrk(url: str, seconds: float, result: Load, pause: float) -> Iterator[None]:
    """Four connections of wrk, with pauses too, so that two cores have time for what is measured."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return {round(4000 * pause)} end\n")
        script.flush()
        command = ["wrk", "--threads=1", "--connections=4", f"--duration={int(seconds)}s", "--timeout=30s",
                   f"--script={script.name}", url]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)  # wrk ends early and reports
            result.wrk_report = process.communicate(timeout=60)[0]
    result.wrk_requests, result.wrk_failed = wrk_counts(result.wrk_report)


def wrk_counts(report: str) -> tuple[int, int]:
    """How many requests wrk has sent, and how many of them got no answer, or one that is not 2xx or 3xx."""
    done = re.search(r"(\d+) requests in ", report)
    assert done, f"wrk made no report: {report}"
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    return int(done[1]), sum(map(int, errors.groups() if errors else ())) + int(refused[1] if refused else 0)
