"""Two apps under one address ([nginx] path). Each test starts from the state that the previous one left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import Project
from nginx_site import FOLDERS, UPGRADE, ask, status, unharmed
from sandbox import Server

API = """
from fastapi import FastAPI, Request, WebSocket
app = FastAPI()

@app.get("/health")
def health(request: Request):
    return {"root": request.scope["root_path"], "items": str(request.url_for("items"))}

@app.get("/items/")
def items(): return ["an item"]

@app.get("/login")
def login(request: Request):
    return {"login": request.headers.get("authorization"), "prefix": request.headers.get("x-forwarded-prefix")}

@app.websocket("/ws")
async def ws(websocket: WebSocket):
    await websocket.accept()
"""


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def forged(path: str) -> str:
    return f"X-Forwarded-Prefix: {path}\r\n"


class Api:
    """The second app, which has a path of the server's address."""

    def __init__(self, server: Server, project: Project) -> None:
        self.server, self.project = server, project
        project.commit(lambda app: (app / "main.py").write_text(API))

    def configure(self, nginx: str, **app: object) -> None:
        self.project.configure(f"[nginx]\n{nginx}\n", name="api", migrate=None, **app)

    def must(self, *words: str) -> str:
        return self.project.must("-H", self.server.name, *words).stdout


@pytest.fixture(scope="module")
def api(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(server, Project(tmp_path_factory.mktemp("api")))


def test_a_second_app_gets_a_path_of_the_address(server: Server, project: Project, api: Api) -> None:
    api.configure('path = "/api"', log_format="json")
    with unharmed(f"http://{server.address}/health"):
        shown = api.must("deploy")
    assert f"http://{server.address}/api/\n" in shown, shown
    assert "deploy: nothing to change" in api.must("deploy")
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout
    assert b'"tool":"Selvedge"' in ask(server, "/")
    health = json.loads(body(ask(server, "/api/health", server.address)))
    assert health == {"root": "/api", "items": f"http://{server.address}/api/items/"}
    assert json.loads(body(ask(server, "/api/openapi.json")))["servers"] == [{"url": "/api"}]
    assert b"'/api/openapi.json'" in ask(server, "/api/docs")
    assert b"location: http://x/api/items/\r\n" in ask(server, "/api/items").lower()
    assert status(ask(server, "/api/ws", more=UPGRADE)) == 101
    assert b"\r\nLocation: /api/?a=1\r\n" in ask(server, "/api?a=1")
    assert '"path": "/api/ws"' in server.run("cat /var/log/api/nginx-access.log").stdout
    assert status(ask(server, "/apis")) == status(ask(server, "/API/health")) == 404
    for path in ("/health", "/api/login"):
        assert b"/evil" not in ask(server, path, more=forged("/evil")), path


@pytest.mark.thorough
def test_the_requests_of_a_path_are_counted(server: Server, project: Project, api: Api) -> None:
    api.configure('path = "/api"\n[metrics]\nenabled = true')
    api.must("deploy")
    assert "deploy: nothing to change" in api.must("deploy")
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout
    assert status(ask(server, "/api/health")) == 200 and status(ask(server, "/api/metrics")) == 404
    assert "\napi 200 0.0" in "\n" + server.run("cat /var/log/selvedge-metrics/requests.log").stdout
    api.must("metrics", "--remove")
    api.configure('path = "/api"')
    api.must("deploy")
    assert status(ask(server, "/api/health")) == 200


def test_releases_of_one_lose_no_request_of_the_other(server: Server, project: Project, api: Api) -> None:
    project.commit("another greeting")
    with unharmed(f"http://{server.address}/api/health"):
        project.must("-H", server.name, "deploy")
    assert b"another greeting" in ask(server, "/")
    assert "nothing to change" in api.must("nginx")
    assert "problem" not in api.must("status") + api.must("doctor")


def test_paths_that_another_app_has_are_refused(server: Server, project: Project, api: Api) -> None:
    project.configure(FOLDERS.replace('"/static" =', '"/api" ='))
    taken = project.fab("-H", server.name, "nginx")
    project.configure(FOLDERS)
    assert taken.status == 1 and "Another app on the server, api, already has the path /api/" in taken.stderr, taken
    api.configure('path = "/static"')
    taken = api.project.fab("-H", server.name, "nginx")
    api.configure('path = "/api"')
    assert taken.status == 1 and "Another app on the server, hello, already has the path /static/" in taken.stderr, taken
    api.project.configure('[nginx]\npath = "/api"\n', name="third", migrate=None)
    taken = api.project.fab("-H", server.name, "nginx")
    api.configure('path = "/api"')
    assert taken.status == 1 and "Another app on the server, api, already has the path /api" in taken.stderr, taken


@pytest.mark.thorough
def test_the_app_of_the_address_is_removed_and_comes_back(server: Server, project: Project, api: Api) -> None:
    api.configure('path = "/api"')
    api.must("deploy")
    with unharmed(f"http://{server.address}/api/health"):
        project.must("-H", server.name, "remove", "--yes")
        assert status(ask(server, "/")) == 404
        assert "nothing to change" in api.must("deploy")
        assert "problem" not in api.must("status")
        project.must("-H", server.name, "deploy")
    assert b'"tool":"Selvedge"' in ask(server, "/") and "nothing to change" in api.must("nginx")


def test_another_path_with_the_routes_of_the_app(server: Server, api: Api) -> None:
    def below_v1(app: Path) -> None:
        text = API.replace('app.get("/', 'app.get("/v1/').replace("FastAPI()", 'FastAPI(openapi_url="/v1/openapi.json")')
        (app / "main.py").write_text(text + '\n@app.get("/v1")\ndef top(): return "top"\n')

    api.project.commit(below_v1)
    api.configure('path = "/v1"\nstrip_path = false\nbasic_auth = ["me"]', health="/v1/health")
    (api.project.folder / ".env").write_text("SELVEDGE_BASIC_AUTH_ME=secret\n")
    assert f"http://{server.address}/v1/\n" in api.must("deploy")
    assert status(ask(server, "/v1/health")) == 401 and status(ask(server, "/api/health")) == 404
    login = "Authorization: Basic bWU6c2VjcmV0\r\n"
    assert b'"root":""' in ask(server, "/v1/health", more=login) and b'"top"' in ask(server, "/v1", more=login)
    assert "problem" not in api.must("status") and status(ask(server, "/")) == 200


def test_an_app_with_a_path_is_removed(server: Server, project: Project, api: Api) -> None:
    # nginx has loaded files of the other app since this one's last run.
    project.must("-H", server.name, "nginx")
    with unharmed(f"http://{server.address}/health"):
        api.must("remove", "--yes", "--data")
    assert status(ask(server, "/v1/health")) == 404
    assert server.run("find /etc/nginx -name '*api*' -not -name 'fastcgi*'").stdout == ""
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout
