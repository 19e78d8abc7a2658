"""A site with HTTPS for tests, and an ACME authority that refuses every order."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from lab import Project, Result
from pebble import Pebble
from sandbox import Server, network

NAME, WWW = "hello.test", "www.hello.test"


class Site:
    """A server with the sample app, and the authority that issues its certificates."""

    def __init__(self, server: Server, project: Project, pebble: Pebble) -> None:
        self.server, self.project, self.pebble = server, project, pebble
        self.names: list[str] = []

    def configure(self, *domains: str, tls: str = "", authority: str = "", **app: object) -> None:
        """Write hosts.toml with these domains and with pebble (or the URL `authority`). `tls`: more lines of [tls]."""
        url = authority or self.pebble.directory
        lines = ["[tls]", 'email = "me@example.com"', f"acme_server = {json.dumps(url)}"]
        lines += [f"acme_ca = {json.dumps(str(self.pebble.ca))}", tls]
        self.project.configure("\n".join(lines), domains=list(domains), **app)

    def name(self, *names: str, address: str = "") -> None:
        """Resolve names to the server (or to `address`), for the authority and for the server itself."""
        for name in names:
            where = address or self.server.address
            self.pebble.resolve(name, where)
            self.server.run(f"sed -i '/ {name}$/d' /etc/hosts && echo '{where} {name}' >>/etc/hosts")

    def fab(self, *words: str) -> Result:
        return self.project.fab("-H", self.server.name, *words)

    def must(self, *words: str) -> Result:
        return self.project.must("-H", self.server.name, *words)

    def certificate(self, name: str = NAME) -> dict[str, object]:
        """Return the certificate that the server shows for a name. Raises ssl.SSLError unless pebble issued it."""
        return served(self.server, self.pebble.root, name)

    def serial(self, name: str = NAME) -> object:
        return self.certificate(name)["serialNumber"]

    def get(self, path: str, name: str = NAME) -> http.client.HTTPResponse:
        """Send a GET over HTTPS."""
        return request(self.server, path, name, self.pebble.root)

    def plain(self, path: str, name: str = NAME) -> http.client.HTTPResponse:
        """Send a GET over HTTP."""
        return request(self.server, path, name)

    def refuses_https(self) -> bool:
        """Return whether port 443 is closed."""
        try:
            self.certificate()
        except ConnectionRefusedError:
            return True
        return False

    def renew(self) -> None:
        """Run certbot's own service with a certificate that is due, as its timer does."""
        self.server.run("""cd /etc/letsencrypt/renewal
            sed -i '1i renew_before_expiry = 1000 days' hello.conf; systemctl start certbot.service || true
            sed -i '/^renew_before_expiry = 1000 days/d' hello.conf""")

    def asked(self) -> int:
        """Return how many certificates were ordered from the authority."""
        return (self.pebble.folder / "log").read_text().count("POST /order-plz")

    def repeat_changes_nothing(self) -> None:
        again = self.must("nginx", "certbot")
        assert "certbot: nothing to change" in again.stdout, again
        assert "nginx: nothing to change" in again.stdout, again


def served(server: Server, root: Path, name: str, port: int = 443) -> dict[str, object]:
    context = ssl.create_default_context(cafile=root)
    plain = socket.create_connection((server.address, port), timeout=10)
    with context.wrap_socket(plain, server_hostname=name) as secure:
        return dict(secure.getpeercert() or {})


class Pinned(http.client.HTTPSConnection):
    """HTTPS to an address, for a name that is not in the DNS."""

    address, at = "", 443

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.at), timeout=10)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]


def request(server: Server, path: str, name: str, root: Path | None = None, port: int = 0) -> http.client.HTTPResponse:
    connection: http.client.HTTPConnection
    if root is None:
        connection = http.client.HTTPConnection(server.address, port or 80, timeout=10)
    else:
        connection = Pinned(name, context=ssl.create_default_context(cafile=root), timeout=10)
        connection.address, connection.at = server.address, port or 443
    connection.request("GET", path, headers={"Host": name})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def gateway(server: Server) -> str:
    """Return this machine's address on the server's network."""
    return str(network.gateway(IPv4Network(f"{server.address}/24", strict=False)))


def in_files(server: Server, secret: str) -> list[str]:
    """Return the files of the server that have the secret."""
    return server.run(f"grep -rlsF -e {secret} /etc /var/log /var/lib /run /root /tmp /opt/selvedge || true").stdout.split()


class Watched:
    """A `with` block that records the arguments of all processes on a server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __enter__(self) -> Watched:
        self.server.run("systemd-run --quiet --unit=watch sh -c 'while :; do ps -eo args; sleep 0.02; done >/run/watched'")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.run("systemctl stop watch")

    @property
    def text(self) -> str:
        """Return what it recorded, and delete it."""
        return self.server.run("cat /run/watched; rm /run/watched").stdout


class RateLimited(http.server.BaseHTTPRequestHandler):
    """An ACME authority (RFC 8555) that refuses every order with the rate limit message of Let's Encrypt."""

    protocol_version = "HTTP/1.1"
    orders = 0
    DETAIL = ("too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, "
              "retry after 2031-05-06 07:08:09 UTC")  # fmt: skip

    def do_GET(self) -> None:
        base = f"https://{self.headers['Host']}"
        paths = ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")
        self._answer(200, {"meta": {}, **{path: f"{base}/{path}" for path in paths}})

    def do_HEAD(self) -> None:
        self._answer(200, None)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/newOrder":
            self._answer(201, {"status": "valid"})
            return
        type(self).orders += 1
        error = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": self.DETAIL, "status": 429}
        self._answer(429, error, "application/problem+json")

    def _answer(self, status: int, content: object, kind: str = "application/json") -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": len(body), "Replay-Nonce": "bm9uY2U", "Retry-After": 3600,
                   "Location": f"https://{self.headers['Host']}/account/1"}  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def rate_limited_authority(site: Site) -> Iterator[str]:
    """Run such an authority, and give the URL of its directory."""
    listener = http.server.ThreadingHTTPServer((gateway(site.server), 0), RateLimited)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.pebble.ca, site.pebble.folder / "acme-key.pem")
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"https://{gateway(site.server)}:{listener.server_port}/dir"
    listener.shutdown()
    listener.server_close()
