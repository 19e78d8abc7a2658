"""Visitors of a site that goes into maintenance: each request gets the app's answer, or the page with Retry-After."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Visits:
    """The answers; complete at the end of the `with` block.

    open: the app's. closed: the page's. wrong: a reason for each other answer, and for each request without one. releases: the
    values of X-Release. retry_after: those of the page.
    """

    open: int = 0
    closed: int = 0
    wrong: list[str] = field(default_factory=list)
    releases: set[str] = field(default_factory=set)
    retry_after: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Count an answer."""
        with self._lock:
            page = b"We are working on the site" in body
            if status == 200 and not page and headers.get("x-release"):
                self.open += 1
                self.releases.add(headers["x-release"])
            elif status == 503 and page and headers.get("retry-after"):
                self.closed += 1
                self.retry_after.add(headers["retry-after"])
            else:
                self.wrong.append(f"status {status}, {headers}, {body[:80]!r}")

    def lost(self, error: Exception) -> None:
        """Count a request without an answer."""
        with self._lock:
            self.wrong.append(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def visiting(address: str, path: str = "/", pause: float = 0.02) -> Iterator[Visits]:
    """Request a page while the block runs: over three kept connections, and over new ones from three visitors.

    A server may close a kept connection at any time (nginx does when it loads its configuration), and then the visitor asks
    again over a new one, as browsers do (RFC 9112, 9.3.1).

    pause: seconds between two requests of a visitor.
    """
    visits, end = Visits(), threading.Event()

    def visit(kept: bool) -> None:
        connection, used = http.client.HTTPConnection(address, timeout=30), False
        while not end.wait(pause):
            try:
                connection.request("GET", path, headers={} if kept else {"Connection": "close"})
                answer = connection.getresponse()
                visits.add(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
                used = kept and not answer.will_close
            except (OSError, http.client.HTTPException) as error:
                if not used or not isinstance(error, ConnectionError):
                    visits.lost(error)
                used = False
            if not used:
                connection.close()
        connection.close()

    threads = [threading.Thread(target=visit, args=(kept,)) for kept in (True, False) * 3]
    for thread in threads:
        thread.start()
    try:
        yield visits
        time.sleep(1)
    finally:
        end.set()
        for thread in threads:
            thread.join()
