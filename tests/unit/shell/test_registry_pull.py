"""The program that pulls an image by its digest, and what it says of a registry that refuses."""

from __future__ import annotations

import base64
import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.image_names import HUB_LOGIN, ImageReference
from selvedge.shell.server import registry_pull
from selvedge.shell.server.registry_pull import explain, server_of

pytestmark = pytest.mark.programs

IMAGE = f"registry.example.com:5443/team/blog@sha256:{'b' * 64}"
LOGIN = {"username": "me", "password": 'c4nary"ü', "serveraddress": "registry.example.com:5443"}
# The words of Docker 20.10 and 26.1.
SAID = {
    'Get "https://r/v2/": dial tcp 192.0.2.1:5443: connect: connection refused': "does not answer",
    'Get "https://r/v2/": dial tcp: lookup r: no such host': "can resolve",
    'Get "https://r/v2/": dial tcp: lookup r on 192.0.2.53:53: server misbehaving': "can resolve",
    'Get "https://r/v2/": dial tcp: lookup r: Temporary failure in name resolution': "can resolve",
    'Get "https://r/v2/": dial tcp: lookup r on 192.0.2.53:53: read udp 192.0.2.1:41: i/o timeout': "can resolve",
    "failed to register layer: write /usr/lib/libdenied.so: no space left on device": "is full",
    "write /var/lib/docker/tmp/GetImageBlob1: disk quota exceeded": "is full",
    "permission denied while trying to connect to the Docker daemon socket at unix:///run/docker.sock: Post": "let you use it",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock": "let you use it",
    "error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: \"<html>Access denied": "A proxy",
    'Get "https://r/v2/": proxyconnect tcp: dial tcp 192.0.2.9:3128: connect: connection refused': "A proxy",
    'Get "https://r/v2/": Proxy Authentication Required': "A proxy",
    "unexpected status from HEAD request to https://r/v2/blog/manifests/1: 403 Forbidden": "asks for a login",
    'Get "https://r/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)': "does not answer",
    'received unexpected HTTP status: 503 Service Unavailable': "does not answer",
    'Get "https://r/v2/blog/manifests/sha256:b": no basic auth credentials': "asks for a login",
    "pull access denied for blog, repository does not exist or may require 'docker login': denied": "asks for a login",
    "unauthorized: authentication required": "asks for a login",
    'Get "https://r/v2/": x509: certificate signed by unknown authority': "does not trust",
    'Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority': "does not trust",
    'Get "https://r/v2/": http: server gave HTTP response to HTTPS client': "answers without TLS",
    "no matching manifest for linux/amd64 in the manifest list entries": "another architecture",
    "manifest for r/blog@sha256:b not found: manifest unknown: manifest unknown": "has no such image",
    "toomanyrequests: You have reached your pull rate limit.": "refuses more requests",
    "something new": "something new",
}


@pytest.mark.parametrize(("said", "why"), SAID.items())
def test_each_refusal_has_its_cause_and_a_remedy(said: str, why: str) -> None:
    found, remedy = explain(said, "r", "")
    assert why in found and said in found and remedy
    assert ("SELVEDGE_DOCKER__USER" in remedy) == ("asks for a login" in why)


@pytest.mark.parametrize("said", ["no basic auth credentials", "unauthorized: incorrect username or password", "denied: access"])
def test_a_login_that_was_given_is_refused_by_its_user(said: str) -> None:
    assert "r refused the login of me" in explain(said, "r", "me")[0]
    assert "Docker Hub asks for a login" in explain(said, HUB_LOGIN, "")[0] and "`docker login`" in explain(said, HUB_LOGIN, "")[1]


@pytest.mark.parametrize("name", ["blog", "me/blog", "docker.io/me/blog", "localhost/x", "r.example.com/x", "r:5000/x", "a.b/c/d"])
def test_the_program_and_the_settings_name_the_same_registry(name: str) -> None:
    reference = f"{name}@sha256:{'b' * 64}"
    assert server_of(reference) == ImageReference.parse(reference).server


class Engine(socketserver.ThreadingUnixStreamServer):
    """An engine that answers a pull with these lines. asked: the path and the login of each request."""

    def __init__(self, path: str, status: int, lines: list[dict[str, Any]]) -> None:
        self.asked: list[tuple[str, Any]] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                login = self.headers.get("X-Registry-Auth")
                engine.asked.append((self.path, json.loads(base64.urlsafe_b64decode(login)) if login else None))
                self.send_response(status)
                self.end_headers()
                self.wfile.write("".join(json.dumps(line) + "\r\n" for line in lines).encode())

            def address_string(self) -> str:
                return ""

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(path, Handler)


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Callable[..., tuple[int, str, Engine]]]:
    """Pull from an engine that answers so; return the exit status, the output, and the engine."""
    engines = []

    def run(lines: list[dict[str, Any]], login: Any = None, status: int = 200) -> tuple[int, str, Engine]:
        path = str(tmp_path / f"socket{len(engines)}")
        engine = Engine(path, status, lines)
        engines.append(engine)
        threading.Thread(target=engine.serve_forever, args=(0.01,), daemon=True).start()
        program = Path(registry_pull.__file__).read_text().replace("/run/docker.sock", path)
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, "@m", IMAGE], input=json.dumps(login) if login else "", capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr, engine

    yield run
    for engine in engines:
        engine.shutdown()
        engine.server_close()


def test_an_image_is_pulled_with_the_login_and_its_progress_is_shown(pull: Callable[..., tuple[int, str, Engine]]) -> None:
    detail = {"progressDetail": {"current": 3_000_000, "total": 40_000_000}}
    lines = [{"status": "Pulling"}, {"status": "Downloading", "id": "a", **detail}, {"status": "Done"}]
    status, output, engine = pull(lines, LOGIN)
    assert (status, output) == (0, "@m wait pulling the image: 3 of 40 MB\n")
    path = f"/images/create?fromImage=registry.example.com%3A5443%2Fteam%2Fblog&tag=sha256:{'b' * 64}"
    assert engine.asked == [(path, LOGIN)]
    assert pull([{"status": "Done"}])[2].asked == [(path, None)]


@pytest.mark.parametrize(("status", "line"), [
    (200, {"error": "unauthorized: \x1b[31mc4nary\"ü\nrefused", "errorDetail": {}}),
    (500, {"message": "unauthorized: c4nary\"ü refused"}),
])  # fmt: skip
def test_a_refusal_is_one_line_without_the_password(
    pull: Callable[..., tuple[int, str, Engine]], status: int, line: dict[str, Any]
) -> None:
    code, output, _ = pull([line], LOGIN, status)
    assert code == 1 and "c4nary" not in output and "\x1b" not in output
    rows = output.splitlines()
    assert rows[-1].startswith("@m error registry.example.com:5443 refused the login of me: unauthorized")
    assert rows[-2].startswith("@m remedy Check user and password") and len(rows) == 3


@pytest.mark.parametrize(("error", "said"), [
    (f"manifest for {IMAGE} not found: manifest unknown", "has no such image: manifest unknown."),
    ('Get "https://registry.example.com:5443/v2/": dial tcp: connection refused', "does not answer: dial tcp: connection refused."),
])  # fmt: skip
def test_the_name_of_the_image_is_not_repeated(pull: Callable[..., tuple[int, str, Engine]], error: str, said: str) -> None:
    assert pull([{"error": error}])[1].endswith(f"@m error registry.example.com:5443 {said}\n")


def test_an_engine_that_does_not_run_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", Path(registry_pull.__file__).read_text().replace("/run/docker.sock", "/nosuch"), "@m", IMAGE],
        input="", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "@m error Docker on the server does not answer" in done.stdout
