"""The settings of `[nginx]` on a server: an API beside a page, passwords, proxies, redirects, streams, headers, limits."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import time
from pathlib import Path

import pytest

from lab import Project
from nginx_site import APP, ask, raw, status
from sandbox import Server
from traffic import get

SETTINGS = """
[nginx]
spa = "frontend/dist"
redirects = { "/old" = "/new", "/docs2" = "https://docs.example.com/x" }
trusted_proxies = ["127.0.0.2"]
basic_auth = ["me"]
large_headers = true
include = "extra.conf.j2"
"""
LOGIN = f"Authorization: Basic {base64.b64encode(b'me:c4nary s3cret').decode()}\r\n"
BROWSER = f"{LOGIN}Accept: text/html,*/*\r\n"


def api_and_page(app: Path) -> None:
    (app / "main.py").write_text(APP)
    (app / "frontend/dist/assets").mkdir(parents=True)
    (app / "frontend/dist/index.html").write_text("<html>the page</html>\n")
    (app / "frontend/dist/assets/a.js").write_text("script\n")
    (app / "frontend/dist/.env").write_text("secret\n")


@pytest.fixture(scope="module")
def site(server: Server, project: Project) -> Server:
    project.commit(api_and_page)
    (project.folder / "extra.conf.j2").write_text('location = /own { return 200 "own {{ app.name }}"; }\n')
    (project.folder / ".env").write_text("SELVEDGE_BASIC_AUTH_ME='c4nary s3cret'\n")
    project.configure(SETTINGS, health=None, log_format="json")
    deployed = project.must("-H", server.name, "deploy")
    assert "c4nary" not in deployed.stdout + deployed.stderr and "live" in deployed.stdout
    assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout
    return server


def test_no_one_enters_without_the_password(site: Server, project: Project) -> None:
    assert status(ask(site, "/")) == status(ask(site, "/api/client")) == 401
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in ask(site, "/")
    wrong = base64.b64encode(b"me:x").decode()
    assert status(ask(site, "/", more=f"Authorization: Basic {wrong}\r\n")) == 401
    assert status(ask(site, "/", more=LOGIN)) == 200
    assert b'"login":null' in ask(site, "/api/client", more=LOGIN)
    stat = "stat -c '%a %U %G' /etc/nginx/selvedge/hello.htpasswd"
    kept = site.run(f"{stat}; grep -rlF 'c4nary s3cret' /etc /var/log /srv || true").stdout
    assert kept == "640 root www-data\n"
    script = project.must("-H", site.name, "nginx", "--script").stdout
    assert "c4nary" not in script
    assert "c4nary" not in project.must("-H", site.name, "doctor").stdout


def test_a_page_and_an_api(site: Server) -> None:
    for path in ("/", "/users/5", "/deep/er/path"):
        answer = ask(site, path, more=BROWSER)
        assert status(answer) == 200 and b"the page" in answer and b"Cache-Control: no-cache" in answer, path
    script = ask(site, "/assets/a.js", more=LOGIN)
    assert b"script" in script and b"Cache-Control: max-age=3600" in script
    assert status(ask(site, "/api/none", more=LOGIN)) == 404 and b'"detail"' in ask(site, "/api/none", more=LOGIN)
    assert b"<html>the page" not in ask(site, "/docs", more=BROWSER)
    for path in ("/.env", "/assets/../.env", "/assets/%2e%2e/.env"):
        assert b"secret" not in ask(site, path, more=LOGIN)


def test_the_address_of_the_client_comes_from_trusted_proxies_only(site: Server) -> None:
    forged = "X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
    host = json.loads(ask(site, "/api/client", more=LOGIN + forged).partition(b"\r\n\r\n")[2])["host"]
    assert host not in ("9.9.9.9", "1.2.3.4")
    curl = "curl -s -K /etc/selvedge/hello/site-login -H 'X-Forwarded-For: 9.9.9.9, 1.2.3.4' -H 'X-Forwarded-Proto: https'"
    seen = json.loads(site.run(f"{curl} --interface 127.0.0.2 http://127.0.0.1/api/client").stdout)
    assert (seen["host"], seen["scheme"]) == ("1.2.3.4", "https")
    assert json.loads(site.run("sleep 0.2; tail -n 1 /var/log/hello/nginx-access.log").stdout)["address"] == "1.2.3.4"
    seen = json.loads(site.run(f"{curl} http://127.0.0.1/api/client").stdout)
    assert (seen["host"], seen["scheme"]) == ("127.0.0.1", "http")
    # Words of a visitor's cannot look like those of a proxy.
    seen = json.loads(site.run(f"{curl.replace(': https', ': yeshttps')} http://127.0.0.1/api/client").stdout)
    assert seen["scheme"] == "http"


def test_the_id_of_a_request_comes_from_trusted_proxies_only(site: Server) -> None:
    curl = "curl -s -o /dev/null -w '%{header_json}' -K /etc/selvedge/hello/site-login -H 'X-Forwarded-For: 1.2.3.4'"
    for interface, sent, kept in (("127.0.0.2", "a-1/b=", True), ("127.0.0.2", 'a"b', False), ("127.0.0.1", "a-1/b=", False)):
        answer = site.run(f"{curl} -H 'X-Request-ID: {sent}' --interface {interface} http://127.0.0.1/api/client").stdout
        (found,) = json.loads(answer)["x-request-id"]
        assert found == sent if kept else re.fullmatch("[0-9a-f]{32}", found)
        assert json.loads(site.run("sleep 0.2; tail -n 1 /var/log/hello/nginx-access.log").stdout)["request_id"] == found


def test_hostile_requests_are_lines_of_json(site: Server) -> None:
    hostile = b'/%22\\x?"\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: "\\ \xe9\t${x}\r\nReferer: $x\\u0000\r\nConnection: close\r\n\r\n'
    for request in (b"GET " + hostile, b"\x16\x03\x01 no http\r\n\r\n", b"GET /\r\n\r\n"):
        with socket.create_connection((site.address, 80), timeout=10) as connection:
            connection.sendall(request)
            while connection.recv(65536):
                pass
    # Bytes that are no UTF-8 stay as they are.
    log = site.run(r"sleep 0.2; tail -n 3 /var/log/hello/nginx-access.log | tr '\200-\377' '?'").stdout
    assert [type(json.loads(line)["status"]) for line in log.splitlines()] == [int, int, int]


def test_redirects_and_own_lines(site: Server) -> None:
    assert b"\r\nLocation: /new?a=1\r\n" in ask(site, "/old?a=1", more=LOGIN)
    assert b"\r\nLocation: https://docs.example.com/x\r\n" in ask(site, "/docs2", more=LOGIN)
    assert b"own hello" in ask(site, "/own", more=LOGIN)


def test_large_headers(site: Server) -> None:
    assert status(ask(site, "/api/large", more=LOGIN)) == 200
    assert status(ask(site, "/api/client", more=f"{LOGIN}X-Large: {'x' * 30000}\r\n")) == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "text/html", "text/event-stream", "application/x-ndjson"])
def test_streams_arrive_in_pieces(site: Server, kind: str) -> None:
    with socket.create_connection((site.address, 80), timeout=10) as connection:
        connection.sendall(
            f"GET /api/stream?kind={kind} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n{LOGIN}\r\n".encode()
        )
        began, times = time.monotonic(), []
        while connection.recv(65536):
            times.append(time.monotonic() - began)
    assert times[0] < 0.3 and len([each for each in times if each < 1.4]) >= 3, times


def test_an_error_in_your_own_lines_names_your_file(site: Server, project: Project) -> None:
    (project.folder / "extra.conf.j2").write_text("gzip_static on;\nno_such_thing on;\n")
    failed = project.fab("-H", site.name, "nginx")
    (project.folder / "extra.conf.j2").write_text('location = /own { return 200 "own {{ app.name }}"; }\n')
    assert failed.status == 1
    assert "no_such_thing" in failed.stderr and "(line 2 of your file extra.conf.j2)" in " ".join(failed.stderr.split()), failed
    assert "1 change" in project.must("-H", site.name, "nginx").stdout, "it loads the files that were restored"
    assert status(ask(site, "/own", more=LOGIN)) == 200


def test_a_missing_password_is_refused_before_the_server_is_contacted(site: Server, project: Project) -> None:
    (project.folder / ".env").unlink()
    failed = project.fab("-H", site.name, "deploy")
    assert failed.status == 2 and "SELVEDGE_BASIC_AUTH_ME: the password of me is missing" in failed.stderr, failed
    assert status(ask(site, "/")) == 401


def test_a_site_without_these_settings_is_open_again(site: Server, project: Project) -> None:
    project.configure()
    project.must("-H", site.name, "nginx")
    assert get(f"{site.url}/health").status == 200
    assert raw(site, "GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404")
    assert site.run("ls /etc/nginx/selvedge /etc/selvedge/hello 2>/dev/null || true").stdout.split() in (
        [], ["/etc/nginx/selvedge:", "/etc/selvedge/hello:"]
    )  # fmt: skip


OWN = r"""it's "quoted" \ \\ \" \n ; } add_header X-Evil 1; { # %s"""
"""The value of a header."""
POLICY = r"""default-src 'self'; frame-ancestors 'none'; report-uri /x?a='b'\{}"""
DELIVERY = f"""
[nginx]
static = {{ "/static" = "static" }}
media = {{ "/media" = "media" }}
trusted_proxies = ["127.0.0.2"]
rate_limit = "10r/s"
csp = {json.dumps(POLICY)}
headers = {{ "X-Own" = {json.dumps(OWN)}, "x-frame-options" = "DENY", "X-Powered-By" = "", "Referrer-Policy" = "" }}
"""
FEATURES = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
DEFAULTS = {
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "cross-origin-opener-policy": "same-origin-allow-popups",
    "permissions-policy": ", ".join(f"{name}=(self)" for name in FEATURES),
    "content-security-policy": POLICY, "x-own": OWN,
}  # fmt: skip
IMMUTABLE = "public, max-age=31536000, immutable"


def headers_and_files(app: Path) -> None:
    own = '{"X-Own": "of the app", "X-Frame-Options": "SAMEORIGIN", "X-Powered-By": "magic", "Referrer-Policy": "no-referrer", '
    own += '"Content-Security-Policy": "default-src *", "Permissions-Policy": "usb=()", "X-Content-Type-Options": "nosniff"}'
    (app / "main.py").write_text(f'{APP}\n@app.get("/own")\ndef own(): return Response("ok", headers={own})\n')
    for name in ("app.js", "app.3f2a9c1b.js", "report-20240131.txt"):
        (app / "static" / name).write_text("plain " * 300)
    (app / "static/app.js.gz").write_bytes(gzip.compress(b"compressed by hand"))


def head(answer: bytes) -> dict[str, str]:
    """Return the headers of an answer, by their names in lower case. A header that was sent twice has `|` between its values."""
    found: dict[str, str] = {}
    for line in answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        found[name.lower()] = f"{found[name.lower()]}|{value}" if name.lower() in found else value
    return found


@pytest.fixture(scope="module")
def delivery(site: Server, project: Project) -> Server:
    """The same server, with headers of its own and a limit."""
    project.commit(headers_and_files)
    project.configure(DELIVERY, migrate=None)
    project.must("-H", site.name, "deploy")
    site.run("install -o hello -g www-data -m 640 /dev/stdin /srv/hello/shared/media/a.3f2a9c1b.js </etc/hostname")
    return site


def test_own_headers_replace_those_of_the_app_and_reach_the_browser_exactly(delivery: Server) -> None:
    sent = head(ask(delivery, "/own"))
    own = {"content-security-policy": "default-src *", "permissions-policy": "usb=()"}
    assert {name: sent.get(name) for name in DEFAULTS} == DEFAULTS | own
    assert not {"x-powered-by", "referrer-policy", "x-evil", "cache-control", "retry-after"} & sent.keys(), sent


@pytest.mark.parametrize(("path", "code"), [
    ("/api/client", 200), ("/api/none", 404), ("/static/app.js", 200), ("/static/none", 404), ("/static/app.3f2a9c1b.js", 200),
    ("/media/a.3f2a9c1b.js", 200), ("/static", 404), (f"/{'x' * 9000}", 414),
])  # fmt: skip
def test_all_responses_have_the_headers_once(delivery: Server, path: str, code: int) -> None:
    answer = ask(delivery, path)
    sent = head(answer)
    assert status(answer) == code and {name: sent.get(name) for name in DEFAULTS} == DEFAULTS, answer


def test_files_with_a_hash_in_the_name_are_kept_for_good(delivery: Server) -> None:
    expected = {
        "/static/app.3f2a9c1b.js": IMMUTABLE, "/static/app.js": "max-age=3600", "/static/report-20240131.txt": "max-age=3600",
        "/static/none.3f2a9c1b.js": None, "/api/x.3f2a9c1b.js": None, "/media/a.3f2a9c1b.js": None,
    }  # fmt: skip
    assert {path: head(ask(delivery, path)).get("cache-control") for path in expected} == expected


def test_a_compressed_file_beside_a_file_is_sent(delivery: Server) -> None:
    compressed = ask(delivery, "/static/app.js", more="Accept-Encoding: gzip\r\n")
    assert (head(compressed)["content-encoding"], head(compressed)["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(compressed.partition(b"\r\n\r\n")[2]) == b"compressed by hand"
    plain = ask(delivery, "/static/app.js")
    assert "content-encoding" not in head(plain) and head(plain)["vary"] == "Accept-Encoding" and plain.endswith(b"plain ")


def test_each_visitor_has_the_limit_for_requests_of_the_app(delivery: Server) -> None:
    def burst(path: str, more: str = "") -> list[str]:
        """Return the statuses of 60 requests at once, through the trusted proxy."""
        curl = f"curl -s --interface 127.0.0.2 {more} -o /dev/null -w '%{{http_code}}\\n' 'http://127.0.0.1{path}?[1-60]'"
        return delivery.run(curl).stdout.split()

    statuses = burst("/api/client", "-H 'X-Forwarded-For: 1.1.1.1'")
    assert statuses[:20] == ["200"] * 20 and 25 <= statuses.count("429") <= 40, statuses
    curl = "curl -s --interface 127.0.0.2 -H 'X-Forwarded-For: 1.1.1.1' -D - -o /dev/null 'http://127.0.0.1/api/client?[1-30]'"
    last = delivery.run(curl).stdout.strip().split("\n\n")[-1]
    refused = head(last.replace("\n", "\r\n").encode())
    assert refused["retry-after"] == "1" and {name: refused.get(name) for name in DEFAULTS} == DEFAULTS, refused
    others = "curl -s --interface 127.0.0.2 -H 'X-Forwarded-For: 2.2.2.2' -o /dev/null -w '%{http_code}' http://127.0.0.1/api/client"
    assert delivery.run(others).stdout == "200"
    assert burst("/static/app.js", "-H 'X-Forwarded-For: 3.3.3.3'") == ["200"] * 60


def test_the_headers_without_the_app(delivery: Server) -> None:
    delivery.run("cd /srv/hello && mkdir /root/links && mv *.sock /root/links")
    answer = ask(delivery, "/api/client")
    delivery.run("mv /root/links/* /srv/hello")
    sent = head(answer)
    assert status(answer) == 502 and {name: sent.get(name) for name in DEFAULTS} == DEFAULTS, answer
    assert status(ask(delivery, "/api/client")) == 200
