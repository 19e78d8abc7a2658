"""A package index and a git server on this machine, over HTTPS with a certificate of an authority that no system knows."""

from __future__ import annotations

import base64
import http.server
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.hosts.scripts.resources.repository import commit, git

LOGIN = "me:hunter2"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Index:
    """Serves the folder `www`. Repositories need a login. logins: those that clients sent."""

    def __init__(self, folder: Path) -> None:
        self.www, self.authority, self.other_authority = folder / "www", folder / "authority.pem", folder / "other.pem"
        self.www.mkdir(parents=True)
        self.logins: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._certificate(folder))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_wheel(self, wheel: Path) -> None:
        """Serve a wheel in the index /simple."""
        place = self.www / "simple" / wheel.name.partition("-")[0].replace("_", "-")
        place.mkdir(parents=True)
        shutil.copy2(wheel, place)
        (place / "index.html").write_text(f"<a href='{wheel.name}'>{wheel.name}</a>")

    def add_repository(self, source: Path) -> str:
        """Serve a repository with the files of a folder, and return its address."""
        git(source, "init", "-q", "-b", "main")
        commit(source)
        bare = self.www / "git" / f"{source.name}.git"
        git(source, "clone", "-q", "--bare", str(source), str(bare))
        git(bare, "update-server-info")
        return f"https://{self.host}/git/{source.name}.git"

    def _certificate(self, folder: Path) -> tuple[Path, Path]:
        """Return the files of the server's certificate and its key, signed by the authority."""
        key, request, signed = folder / "server.key", folder / "server.csr", folder / "server.pem"
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        for path in (self.other_authority, self.authority):
            own = ["-keyout", folder / "authority.key", "-out", path, "-subj", f"/CN={path.stem}", "-days", "2"]
            self._openssl("req", "-x509", *KEY, *own)
        self._openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", "/CN=server")
        by = ["-CA", self.authority, "-CAkey", folder / "authority.key", "-CAcreateserial", "-days", "2"]
        self._openssl("x509", "-req", "-in", request, *by, "-extfile", folder / "names", "-out", signed)
        return signed, key

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        index = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(index.www))

            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                if given:
                    index.logins.append(base64.b64decode(given.removeprefix("Basic ")).decode())
                if self.path.startswith("/git/") and (not given or index.logins[-1] != LOGIN):
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    super().do_GET()

            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler
