"""HTTP requests to sandbox servers: single ones, and load during a run."""

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
"""Seconds between two requests of a connection. The tests count lost requests and do not measure throughput."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of any status."""

    status: int
    headers: Message
    text: str


def get(url: str, headers: dict[str, str] | None = None, timeout: float = 15) -> Answer:
    """Send a GET request without proxies. Raises OSError if there is no answer."""
    try:
        with _OPENER.open(urllib.request.Request(url, headers=headers or {}), timeout=timeout) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode(errors="replace"))


@dataclass
class Load:
    """The results of the requests; complete at the end of the `with` block.

    requests: how many were sent. failed: a reason for each lost request (no answer, or a status other than 2xx and
    3xx). releases: the values of X-Release in the order of their first answers. slowest: seconds. wrk_requests,
    wrk_failed: the same counts for wrk.
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
        """Return the number of all lost requests."""
        return len(self.failed) + self.wrk_failed


@contextlib.contextmanager
def load(url: str, seconds: float = 120, pause: float = PAUSE) -> Iterator[Load]:
    """Send requests to `url` while the block runs: from wrk, over one kept connection, and over new connections.

    seconds: how long at most. pause: seconds between two requests of a connection; wrk pauses four times as long.
    Raises TimeoutError if the block takes longer, because later requests were not counted.
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
        raise TimeoutError(f"the load ended after {seconds:.0f} s, before the block ended")


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
    """Run wrk with four connections and pauses, which leave processor time for the server."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return {round(4000 * pause)} end\n")
        script.flush()
        command = ["wrk", "--threads=1", "--connections=4", f"--duration={int(seconds)}s", "--timeout=30s",
                   f"--script={script.name}", url]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)  # wrk stops and prints its report.
            result.wrk_report = process.communicate(timeout=60)[0]
    result.wrk_requests, result.wrk_failed = wrk_counts(result.wrk_report)


def wrk_counts(report: str) -> tuple[int, int]:
    """Return wrk's number of requests, and how many of them got no answer, or not 2xx or 3xx."""
    done = re.search(r"(\d+) requests in ", report)
    assert done, f"wrk made no report: {report}"
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    return int(done[1]), sum(map(int, errors.groups() if errors else ())) + int(refused[1] if refused else 0)
