"""A folder of files over HTTP, on this machine."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path
from typing import Any


class Website:
    """Serves a folder. url: its address. asked: the paths of the requests."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(self._handler(), directory=str(folder)))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[http.server.SimpleHTTPRequestHandler]:
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_request(self, *_arguments: Any) -> None:
                asked.append(self.path)

            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler
