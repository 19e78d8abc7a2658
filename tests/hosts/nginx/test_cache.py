"""`[nginx] cache`: no answer of one user for another, and none of a release that is not live any more."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import Lab, Project, until
from nginx_site import ask, exists, raw, status
from sandbox import Server
from traffic import get

APP = """
import asyncio, os, secrets
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
app = FastAPI()

@app.get("/health")
def health(): return {}

@app.api_route("/answer", methods=["GET", "HEAD", "POST"], include_in_schema=False)
async def answer(request: Request):
    await request.body()
    response = Response(secrets.token_hex(8), status_code=int(request.query_params.get("status", 200)))
    for name, value in request.query_params.multi_items():
        response.raw_headers.append((name.lower().encode(), value.encode()))
    return response

@app.get("/slow")
async def slow(key: str = ""):
    while key and not os.path.exists(f"{os.environ['APP_SHARED']}/{key}"):
        await asyncio.sleep(0.05)
    return secrets.token_hex(8)

@app.get("/stream")
async def stream():
    async def pieces():
        for number in range(4):
            yield f'{number}\\n'
            await asyncio.sleep(0.4)
    return StreamingResponse(pieces(), media_type="text/plain")
"""

ANN = f"Authorization: Basic {base64.b64encode(b'ann:secret').decode()}\r\n"
PASSWORD = {"SELVEDGE_BASIC_AUTH_ANN": "secret"}

Found = tuple[str, str, str]
"""The headers X-Cache and X-Release of an answer, and its body."""


def answers(server: Server, path: str, host: str = "x", *, more: str = "", method: str = "GET", body: str = "") -> Found:
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n{body}"
    found, _, text = raw(server, head).decode("latin-1").partition("\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in found.split("\r\n")[1:])
    return headers.get("x-cache", ""), headers.get("x-release", ""), text


def with_answers(app: Path) -> None:
    (app / "main.py").write_text(APP)
    (app / "static/site.css").write_text("plain")
    (app / "static/site.css.br").write_text("brotli")


def with_pages(app: Path) -> None:
    with_answers(app)
    (app / "dist").mkdir(exist_ok=True)
    (app / "dist/index.html").write_text("a page")


@pytest.fixture(scope="module")
def site(server: Server, project: Project) -> Server:
    project.commit(with_answers)
    project.configure('[nginx]\ncache = "1h"\nbrotli = true\nstatic = {"/static" = "static"}', drain=30, migrate=None)
    project.must("-H", server.name, "deploy")
    assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout
    return server


def test_what_is_kept(site: Server) -> None:
    first = answers(site, "/answer?a")
    assert (first[0], answers(site, "/answer?a")) == ("miss", ("hit", *first[1:]))
    for other in (answers(site, "/answer?b"), answers(site, "/answer?a", host="y"), answers(site, "/answer?a", host="x:80")):
        assert other[0] == "miss" and other[2] != first[2]
    head = answers(site, "/answer?a", method="HEAD")
    assert head[0] == "miss" and head[2] == "" and answers(site, "/answer?a") == ("hit", *first[1:])
    assert answers(site, "/static/style.css")[0] == ""
    assert site.run("stat -c '%a %U' /var/lib/nginx/cache-hello; nginx -t -q").stdout == "700 www-data\n"


@pytest.mark.parametrize("more", [
    "Cookie: session=1\r\n", "Authorization: Bearer 1\r\n", "X-API-Key: 1\r\n", "Range: bytes=0-0\r\n",
    "Accept: text/event-stream\r\n", "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n",
])  # fmt: skip
def test_requests_of_a_known_user_pass_by_the_cache(site: Server, more: str) -> None:
    path = f"/answer?own-{more.partition(':')[0]}"
    body = "1" if "Length" in more else "1\r\n1\r\n0\r\n\r\n" if "chunked" in more else ""
    own = [answers(site, path, more=more, body=body) for _ in range(2)]
    assert [each[0] for each in own] == ["bypass", "bypass"] and own[0][2] != own[1][2]
    public = answers(site, path)
    assert public[0] == "miss" and public[2] not in (own[0][2], own[1][2])
    assert answers(site, path) == ("hit", *public[1:])
    again = answers(site, path, more=more, body=body)
    assert again[0] == "bypass" and again[2] != public[2]


@pytest.mark.parametrize("query", [
    "Set-Cookie=a=1", "Cache-Control=private", "Cache-Control=no-store", "Cache-Control=no-cache", "Cache-Control=max-age%3D0",
    "Cache-Control=max-age%3D60&Cache-Control=private", "Vary=*", "Vary=Accept&Vary=*", "Expires=0", "X-Accel-Expires=0",
    "status=404", "status=404&Cache-Control=max-age%3D60",
])  # fmt: skip
def test_responses_that_are_not_kept(site: Server, query: str) -> None:
    found = [answers(site, f"/answer?{query}") for _ in range(2)]
    assert [each[0] for each in found] == ["miss", "miss"] and found[0][2] != found[1][2]


@pytest.mark.parametrize("vary", ["Vary=Accept-Language", "Vary=Accept-Language&Vary=Accept-Encoding"])
def test_a_response_for_some_requests_only(site: Server, vary: str) -> None:
    english = answers(site, f"/answer?{vary}", more="Accept-Language: en\r\n")
    german = answers(site, f"/answer?{vary}", more="Accept-Language: de\r\n")
    assert german[0] == "miss" and german[2] != english[2]
    assert answers(site, f"/answer?{vary}", more="Accept-Language: de\r\n") == ("hit", *german[1:])


def test_the_time_that_the_app_says_comes_first(site: Server) -> None:
    path = "/answer?Cache-Control=max-age%3D60,+s-maxage%3D1"
    first = answers(site, path)
    assert answers(site, path) == ("hit", *first[1:])
    time.sleep(2.1)
    assert answers(site, path)[0] == "miss"


def test_streams_and_posts_are_not_delayed(site: Server) -> None:
    def seconds(path: str) -> float:
        began = time.monotonic()
        assert b"3" in ask(site, path)
        return time.monotonic() - began

    threads = [threading.Thread(target=lambda: times.append(seconds("/stream"))) for _ in range(2)]
    times: list[float] = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(times) < 2.6, times
    posted = [answers(site, "/answer?a", method="POST", more="Content-Length: 1\r\n", body="1") for _ in range(2)]
    assert posted[0][0] == "bypass" and posted[0][2] != posted[1][2]


def test_brotli(site: Server) -> None:
    brotli, gzip = "Accept-Encoding: gzip, br\r\n", "Accept-Encoding: gzip\r\n"
    static = ask(site, "/static/site.css", more=brotli)
    assert static.endswith(b"\r\n\r\nbrotli") and b"\r\nContent-Encoding: br\r\n" in static
    assert ask(site, "/static/site.css", more=gzip).endswith(b"\r\n\r\nplain")
    # The kept response is the same for all.
    found = [ask(site, "/openapi.json", more=more) for more in (brotli, gzip, "")]
    assert [b"\r\nContent-Encoding: br\r\n" in each for each in found] == [True, False, False]
    assert [b"\r\nContent-Encoding: gzip\r\n" in each for each in found] == [False, True, False]
    assert [b"\r\nX-Cache: HIT\r\n" in each for each in found] == [False, True, True]
    assert all(b"\r\nVary: Accept-Encoding\r\n" in each for each in found)


@contextmanager
def asked_all_the_time(site: Server, path: str) -> Iterator[list[str]]:
    """Yield the releases that answered, one after the other."""
    stop = threading.Event()
    releases: list[str] = []

    def run() -> None:
        while not stop.is_set():
            release = get(f"{site.url}{path}").headers["X-Release"]
            if not releases or releases[-1] != release:
                releases.append(release)

    threads = [threading.Thread(target=run)]
    for thread in threads:
        thread.start()
    try:
        yield releases
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_no_answer_of_a_release_outlives_its_switch(site: Server, project: Project) -> None:
    host = site.url.removeprefix("http://")
    kept = answers(site, "/answer?kept", host)
    old = kept[1]
    assert answers(site, "/answer?kept", host)[0] == "hit"
    slow: list[Found] = []
    waiting = threading.Thread(target=lambda: slow.append(answers(site, "/slow?key=go", host)))
    waiting.start()
    project.commit()
    with asked_all_the_time(site, "/answer?kept") as releases:
        project.must("-H", site.name, "deploy")
        time.sleep(0.5)
    assert len(releases) == 2 and releases[0] == old, releases
    # A request that the old release began before the switch ends after it. Its answer must not be kept.
    site.run("touch /srv/hello/shared/go")
    waiting.join()
    assert slow[0][1] == old
    now = answers(site, "/slow?key=go", host)
    assert now[:2] == ("miss", releases[1]) and answers(site, "/slow?key=go", host)[:2] == ("hit", releases[1])
    with asked_all_the_time(site, "/answer?kept") as back:
        project.must("-H", site.name, "rollback")
    assert back == [releases[1], old]
    # It was kept for an hour while the release was live before.
    assert answers(site, "/answer?kept", host)[2] != kept[2]
    assert answers(site, "/slow?key=go", host)[0] == "miss"


def test_a_site_without_a_cache_leaves_nothing(site: Server, project: Project) -> None:
    project.configure(migrate=None)
    project.must("-H", site.name, "nginx")
    assert not exists(site, "/var/lib/nginx/cache-hello")
    assert answers(site, "/answer?a")[0] == ""
    until(lambda: "nothing to change" in project.must("-H", site.name, "nginx").stdout, 1)


@pytest.mark.thorough
class TestBesideOtherSettings:
    """On Debian 13, with the settings that also decide who answers: spa, path, basic_auth, rate_limit."""

    @pytest.fixture(scope="class")
    @staticmethod
    def site(lab: Lab, shared_project: Project) -> Server:
        """Return a server whose app answers for the paths that its single-page app does not have."""
        made = lab.server("setup", "trixie")
        shared_project.commit(with_pages)
        shared_project.configure('[nginx]\ncache = "1h"\nbrotli = true\nspa = "dist"\nrate_limit = "50r/s"', migrate=None)
        shared_project.must("-H", made.name, "deploy")
        assert "deploy: nothing to change" in shared_project.must("-H", made.name, "deploy").stdout
        return made

    def test_files_pass_by_the_cache_and_the_app_does_not(self, site: Server) -> None:
        assert answers(site, "/")[::2] == ("", "a page") == answers(site, "/")[::2]
        first = answers(site, "/answer?a")
        assert first[0] == "miss" and answers(site, "/answer?a") == ("hit", *first[1:])
        brotli = "Accept-Encoding: br\r\n"
        assert b"\r\nContent-Encoding: br\r\n" in ask(site, "/openapi.json", more=brotli)

    def test_an_app_with_a_path_has_a_cache_of_its_own(self, site: Server, tmp_path: Path) -> None:
        api = Project(tmp_path)
        api.commit(with_answers)
        api.configure('[nginx]\ncache = "1h"\npath = "/api"\n', name="api", migrate=None)
        api.must("-H", site.name, "deploy")
        kept, other = answers(site, "/answer?p"), answers(site, "/api/answer?p")
        assert kept[0] == other[0] == "miss" and kept[2] != other[2]
        assert answers(site, "/api/answer?p") == ("hit", *other[1:]) and answers(site, "/answer?p") == ("hit", *kept[1:])
        api.must("-H", site.name, "remove", "--yes")
        assert site.run("ls -d /var/lib/nginx/cache-*").stdout == "/var/lib/nginx/cache-hello\n"
        assert answers(site, "/answer?p") == ("hit", *kept[1:])

    def test_a_site_with_passwords_keeps_nothing(self, site: Server, shared_project: Project) -> None:
        kept = answers(site, "/answer?q")
        shared_project.configure('[nginx]\ncache = "1h"\nbasic_auth = ["ann"]\n', migrate=None)
        shared_project.must("-H", site.name, "nginx", env=PASSWORD)
        assert status(ask(site, "/answer?q")) == 401
        own = [answers(site, "/answer?q", more=ANN) for _ in range(2)]
        assert [each[0] for each in own] == ["bypass", "bypass"]
        assert len({kept[2], *(each[2] for each in own)}) == 3 and status(ask(site, "/answer?q")) == 401
