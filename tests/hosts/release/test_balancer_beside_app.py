"""A live server with a domain becomes its own balancer, with a second server as a backend: no request is lost."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drills import QUICK
from https_site import request
from lab import Lab, Project
from sandbox import Server

pytestmark = pytest.mark.thorough
NAME = "hello.test"


@contextmanager
def visitors(server: Server, authority: Path) -> Iterator[list[object]]:
    """Request a page over HTTP and HTTPS until the end of the block. The list has the answers that visitors should not get."""
    wrong: list[object] = []
    end = threading.Event()

    def visit(ca: Path | None) -> None:
        while not end.wait(0.02):
            try:
                answer = request(server, "/health", NAME, ca)
                if answer.status not in (200, 301):
                    wrong.append((bool(ca), answer.status))
            except OSError as error:
                wrong.append((bool(ca), repr(error)))

    threads = [threading.Thread(target=visit, args=(ca,)) for ca in (None, authority)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        end.set()
        for thread in threads:
            thread.join()


def test_a_live_server_becomes_a_balancer_and_a_backend(lab: Lab, shared_project: Project) -> None:
    project, folder = shared_project, shared_project.folder
    one, two = lab.server("deployed"), lab.server("setup")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", f"/CN={NAME}"]
    command += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(folder / "key.pem"), "-out", str(folder / "own.pem")]
    subprocess.run(command, check=True, capture_output=True)
    tls = '[tls]\ncertificate = "own.pem"\ncertificate_key = "key.pem"\n'
    hosts = "\n".join(project.host_settings(server) for server in (one, two))
    app = {**QUICK, "domains": [NAME]}
    project.configure(f"{hosts}\n{tls}", **app)
    project.must("-H", one.name, "deploy")

    names = json.dumps([one.name, two.name])
    balancer = f'[balancer]\nhosts = ["{one.name}"]\nbackends = "web"\nport = 8080\n[groups]\nweb = {names}\n'
    project.configure(f"{hosts}\n{tls}{balancer}", **app)
    project.must("-H", two.name, "harden", "deploy")
    with visitors(one, folder / "own.pem") as wrong:
        project.must("-H", one.name, "harden", "deploy")
    assert wrong == []
    assert one.run("ls /etc/nginx/sites-enabled").stdout.split() == ["hello", "hello.balancer", "hello.balancer-tls"]
    again = project.must("-H", "web", "harden", "deploy").stdout
    assert again.count("nothing to change on") == 2, again
    seen = [server.run("grep -c /health /var/log/hello/nginx-access.log || true").stdout.strip() for server in (one, two)]
    for _ in range(8):
        assert request(one, "/health", NAME, folder / "own.pem").status == 200
    now = [server.run("grep -c /health /var/log/hello/nginx-access.log || true").stdout.strip() for server in (one, two)]
    assert seen[0] != now[0] and seen[1] != now[1], "both get requests"
