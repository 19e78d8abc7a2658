"""The maintenance of one app among several, behind a proxy and over HTTPS. Each test starts from the previous one's state."""

from __future__ import annotations

import socket
import subprocess

import pytest

from https_site import gateway, request
from lab import Project
from nginx_site import FOLDERS, UPGRADE, ask, exists, raw, status
from sandbox import Server

pytestmark = pytest.mark.thorough
OWN_LINES = """rewrite ^/moved/ /static/style.css last;
location = /own { return 200 "own"; }
location ~ \\.css$ { return 200 "css"; }
error_page 503 /own;
"""


PATHS = {"hello": "", "api": "/api", "deep": "/api/v2"}


class Apps:
    """hello at /, and on the same server `api` at /api and `deep` at /api/v2, below it."""

    def __init__(self, server: Server, hello: Project, other: Project) -> None:
        self.server, self.hello, self.other = server, hello, other

    def fab(self, app: str, *words: str) -> str:
        if app == "hello":
            return self.hello.must("-H", self.server.name, *words).stdout
        more = '\nstatic = {"/static" = "static"}\nredirects = {"/old" = "/new"}' if app == "api" else ""
        self.other.configure(f'[nginx]\npath = "{PATHS[app]}"{more}\n', name=app)
        return self.other.must("-H", self.server.name, *words).stdout

    def statuses(self) -> dict[str, int]:
        """Return the status of each app's home page."""
        return {app: status(ask(self.server, f"{path}/")) for app, path in PATHS.items()}


@pytest.fixture(scope="module")
def apps(server: Server, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Apps:
    found = Apps(server, project, Project(tmp_path_factory.mktemp("other")))
    (project.folder / "own.conf").write_text(OWN_LINES)
    project.configure(FOLDERS + 'include = "own.conf"\n')
    project.must("-H", server.name, "deploy")
    for app in ("api", "deep"):
        found.fab(app, "deploy")
    return found


def test_the_app_of_the_address_leaves_the_paths_alone(server: Server, apps: Apps) -> None:
    assert apps.statuses() == {"hello": 200, "api": 200, "deep": 200} and ask(server, "/own").endswith(b"own")
    apps.fab("hello", "maintenance", "--on")
    assert apps.statuses() == {"hello": 503, "api": 200, "deep": 200}
    for path in ("/own", "/moved/", "/x.css", "/static/style.css", "/apis", "/api2/", "/API/"):
        answer = ask(server, path)
        assert status(answer) == 503 and b"We are working on the site" in answer, answer
    apps.fab("deep", "deploy", "--force")
    assert apps.statuses() == {"hello": 503, "api": 200, "deep": 200}


def test_a_path_has_a_maintenance_of_its_own(server: Server, apps: Apps) -> None:
    apps.fab("api", "maintenance", "--on", "--retry-after", "7")
    assert apps.statuses() == {"hello": 503, "api": 503, "deep": 200}
    assert b"\r\nRetry-After: 7\r\n" in ask(server, "/api/") and b"\r\nRetry-After: 300\r\n" in ask(server, "/")
    apps.fab("hello", "maintenance", "--off")
    assert apps.statuses() == {"hello": 200, "api": 503, "deep": 200}
    for path in ("/api", "/api/static/style.css", "/api/old", "/api/ws", "/api/v", "/api/v2x", "/api/.x"):
        assert status(ask(server, path, more=UPGRADE if path.endswith("ws") else "")) in (503, 307), path
    post = "POST /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
    assert b"We are working on the site" in raw(server, post)
    assert status(ask(server, "/api/health")) == 200 and status(ask(server, "/health")) == 200
    assert " 503 " in server.run("tail -n 3 /var/log/api/nginx-access.log").stdout
    assert "maintenance  on since" in apps.fab("api", "deploy", "--force")
    assert "problem" not in apps.fab("api", "status")
    assert apps.statuses() == {"hello": 200, "api": 503, "deep": 200}


def test_a_removed_app_leaves_no_maintenance(server: Server, apps: Apps) -> None:
    apps.fab("deep", "maintenance", "--on")
    assert apps.statuses()["deep"] == 503
    for app in ("deep", "api"):
        apps.fab(app, "remove", "--yes", "--data")
    assert apps.statuses() == {"hello": 200, "api": 404, "deep": 404}
    assert server.run("find /etc/nginx /var/lib/selvedge -name '*maintenance*'").stdout == ""


def test_addresses_behind_a_proxy(server: Server, apps: Apps) -> None:
    """This machine is the proxy. A visitor cannot claim another address."""
    proxies = f'trusted_proxies = ["{gateway(server)}"]\n[maintenance]\nallow = ["203.0.113.9", "2001:db8:1::/48"]\n'
    apps.hello.configure(FOLDERS + proxies)
    apps.fab("hello", "nginx", "maintenance", "--on")
    seen = {"203.0.113.9": 200, "2001:db8:1::7": 200, "2001:db8:2::7": 503, "198.51.100.1": 503, "203.0.113.9, 198.51.100.1": 503,
            "198.51.100.1, 203.0.113.9": 200, "": 503, "junk": 503, "203.0.113.9.": 503}  # fmt: skip
    for forwarded, code in seen.items():
        assert status(ask(server, "/", more=f"X-Forwarded-For: {forwarded}\r\n" if forwarded else "")) == code, forwarded
    with socket.create_connection((server.address, 80), timeout=10) as connection:
        visitor = f"Connection: upgrade\r\n{UPGRADE}X-Forwarded-For: 203.0.113.9\r\n"
        connection.sendall(f"GET /ws HTTP/1.1\r\nHost: x\r\n{visitor}\r\n".encode())
        assert connection.recv(99).startswith(b"HTTP/1.1 101 ")
    apps.hello.configure(FOLDERS)
    apps.fab("hello", "nginx", "maintenance", "--off")


def test_https_redirects_and_hsts(server: Server, apps: Apps) -> None:
    folder = apps.hello.folder
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=hello.test"]
    command += ["-addext", "subjectAltName=DNS:hello.test,DNS:www.hello.test", "-keyout", "key.pem", "-out", "own.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    tls = '[tls]\ncertificate = "own.pem"\ncertificate_key = "key.pem"\nhsts = 60\n'
    names = FOLDERS + 'basic_auth = ["me"]\nspa = "static"\ncache = "1s"\nredirects = {"www.hello.test" = "hello.test"}\n'
    (folder / ".env").write_text("SELVEDGE_BASIC_AUTH_ME=secret\n")
    (apps.hello.app / "static/index.html").write_text("the page")
    apps.hello.commit("with a page")
    apps.hello.configure(names + tls, domains=["hello.test"])
    apps.fab("hello", "deploy")
    apps.fab("hello", "maintenance", "--on")
    for path in ("/", "/static/style.css", "/index.html", "/anything"):
        answer = request(server, path, "hello.test", folder / "own.pem")
        assert (answer.status, answer.headers["Strict-Transport-Security"]) == (503, "max-age=60"), path
        assert answer.headers["Retry-After"] == "300" and b"the page" not in answer.body  # type: ignore[attr-defined]
    plain, www = request(server, "/a?b=1", "hello.test"), request(server, "/a", "www.hello.test", folder / "own.pem")
    assert (plain.status, plain.headers["Location"]) == (301, "https://hello.test/a?b=1")
    assert (www.status, www.headers["Location"]) == (301, "https://hello.test/a")
    assert "maintenance  on since" in apps.fab("hello", "deploy", "--force")
    assert "problem" not in apps.fab("hello", "status") and exists(server, "/etc/nginx/sites-enabled/hello-tls")
    apps.fab("hello", "maintenance", "--off")
    assert request(server, "/", "hello.test", folder / "own.pem").status == 401
