"""A web server that keeps what is sent to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def webhook(
    status: int = 200, address: str = "127.0.0.1", meanwhile: Callable[[], object] = lambda: None
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve on a free port of this machine; yield its host and port, and the JSON documents that it has got.

    meanwhile: called before a request is answered.
    """
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            meanwhile()
            got.append(document)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer((address, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{address}:{server.server_port}", got
        server.shutdown()
