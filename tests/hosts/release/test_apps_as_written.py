"""Apps as people write them: refused with a remedy, and released once its setting is set."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from drills import assert_consistent, configure
from lab import Project, Result
from sandbox import Server
from traffic import get

Files = dict[str, str]
PLAIN: dict[str, object] = {"migrate": None, "health": "/"}
HELLO = """
@app.get("/")
def root():
    return {"hello": "world"}
"""


def app_of(text: str, **files: str) -> Callable[[Path], object]:
    """Return a change that replaces the app by a main.py with this text, and other files (`__` in a name is a dot)."""

    def change(folder: Path) -> None:
        for old in ("settings.py", "main.py", "gunicorn.conf.py", "config.py"):
            (folder / old).unlink(missing_ok=True)
        (folder / "main.py").write_text(textwrap.dedent(text))
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(textwrap.dedent(content))

    return change


def release(server: Server, project: Project, change: Callable[[Path], object], text: str = "", **app: object) -> Result:
    configure(project, text, **PLAIN | app)
    project.commit(change)
    return project.fab("-H", server.name, "deploy")


def assert_live(server: Server, project: Project, result: Result) -> None:
    assert result.status == 0, f"{result}\n{result.stderr}"
    assert assert_live_at(server).startswith(project.head[:12])


def assert_live_at(server: Server) -> str:
    return server.run("basename $(readlink /srv/hello/live.sock) .sock").stdout.strip()


def assert_refused(server: Server, old: str, result: Result, *words: str) -> None:
    assert result.status == 1, result
    for each in words:
        assert each in result.stderr, result
    assert assert_live_at(server) == old
    assert get(f"{server.url}/health" if "health" in str(words) else server.url).status in (200, 404)


LIFESPAN = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    {}
    yield

app = FastAPI(lifespan=lifespan)
"""
PORT = "import socket; server = socket.socket(); server.bind(('127.0.0.1', 9100)); server.listen()"
SQLITE = """
import sqlite3
from fastapi import FastAPI

connection = sqlite3.connect("database.db", check_same_thread=False)
connection.execute("CREATE TABLE IF NOT EXISTS visits (at TEXT)")
connection.commit()
app = FastAPI()

@app.get("/")
def root():
    connection.execute("INSERT INTO visits VALUES ('now')")
    connection.commit()
    return connection.execute("SELECT count(*) FROM visits").fetchone()[0]
"""


USUAL = "preload_app = True\nmax_requests = 1000\ndef on_starting(server):\n    print('on starting')\n"


@pytest.mark.usefixtures("branch")
class TestUnderSupervisor:
    def test_settings_of_gunicorn_that_fight_the_process_manager(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        text = f"from fastapi import FastAPI\napp = FastAPI()\n{HELLO}"
        result = release(server, project, app_of(text, gunicorn__conf__py="daemon = True\nworkers = 9\n"))
        assert_refused(server, old, result, "gunicorn.conf.py sets gunicorn's daemon, which cannot work here")
        assert "Starting gunicorn" not in result.stdout
        (project.folder / "production.env").write_text("GUNICORN_CMD_ARGS=--reload\n")
        result = release(server, project, app_of(text), env_file="production.env")
        assert result.status == 2 and "GUNICORN_CMD_ARGS has gunicorn's option --reload" in result.stderr, result
        # What the start script sets, too, does no harm.
        own = f"workers = 9\nbind = '0.0.0.0:80'\numask = 0o777\n{USUAL}"
        result = release(server, project, app_of(text, gunicorn__conf__py=own))
        assert_live(server, project, result)
        assert "note: gunicorn.conf.py sets gunicorn's workers, which has no effect: app.workers counts" in result.stdout

    def test_an_app_server_in_the_background(self, server: Server, project: Project) -> None:
        """It answers, but not as the process that supervisor watches."""
        old = assert_live_at(server)
        text = f"""
        import os, sys, time
        from fastapi import FastAPI
        app = FastAPI()
        {textwrap.indent(HELLO, " " * 8).strip()}
        """
        conf = "import os\ndef when_ready(server):\n    if os.fork():\n        os._exit(0)\n    server.pid = os.getpid()\n"
        result = release(server, project, app_of(textwrap.dedent(text), gunicorn__conf__py=conf))
        assert result.status == 1, result
        assert "supervisor" in result.stderr or "exited" in result.stderr, result
        assert assert_live_at(server) == old

    def test_no_route_at_the_path_of_the_health_check(self, server: Server, project: Project) -> None:
        old = assert_live_at(server)
        text = "from fastapi import FastAPI\napp = FastAPI(openapi_url=None)\n@app.get('/items')\ndef items(): return []\n"
        result = release(server, project, app_of(text))
        words = "answered 404 three times in a row; accepted: 200-399. The app has no such path. Set app.health in hosts.toml"
        assert_refused(server, old, result, words, "Paths of the app: /items")
        assert_live(server, project, release(server, project, app_of(text + "# again\n"), health="/items"))

    def test_a_redirect_in_a_circle(self, server: Server, project: Project) -> None:
        old = assert_live_at(server)
        text = """
        from fastapi import FastAPI
        from fastapi.responses import RedirectResponse
        app = FastAPI()
        app.add_api_route("/", lambda: RedirectResponse("/login"))
        app.add_api_route("/login", lambda: RedirectResponse("/"))
        """
        assert_refused(server, old, release(server, project, app_of(text)), "redirects in a circle (/ /login /)")

    def test_a_factory_is_found(self, server: Server, project: Project) -> None:
        factory = "from fastapi import FastAPI\ndef create_app():\n    app = FastAPI()\n"
        text = factory + textwrap.indent(HELLO, "    ") + "    return app\n"
        assert_live(server, project, release(server, project, app_of(text)))
        assert_live(server, project, release(server, project, app_of(text + "# again\n"), module="main:create_app()"))

    def test_a_settings_class_that_is_only_a_base(self, server: Server, project: Project) -> None:
        config = """
        from pydantic_settings import BaseSettings
        class Settings(BaseSettings):
            secret_key: str
        class Production(Settings):
            secret_key: str = "of a vault"
        """
        text = f"from fastapi import FastAPI\nimport config\nsettings = config.Production()\napp = FastAPI()\n{HELLO}"
        assert_live(server, project, release(server, project, app_of(text, config__py=config)))

    def test_a_database_beside_the_code(self, server: Server, project: Project) -> None:
        old = assert_live_at(server)
        result = release(server, project, app_of(SQLITE))
        words = 'set app.shared_paths = ["database.db"] in hosts.toml: then it is in /srv/hello/shared'
        assert_refused(server, old, result, "unable to open database file", words.replace("set ", "Set "))
        assert_live(server, project, release(server, project, app_of(SQLITE), shared_paths=["database.db"]))
        count = int(get(server.url).text)
        assert_live(server, project, release(server, project, app_of(SQLITE + "# again\n"), shared_paths=["database.db"]))
        assert int(get(server.url).text) > count, "the next release has the same database"

    def test_a_folder_beside_the_code_at_the_first_request(self, server: Server, project: Project) -> None:
        old = assert_live_at(server)
        text = """
        import pathlib
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/")
        def root():
            pathlib.Path("uploads").mkdir(exist_ok=True)
            pathlib.Path("uploads/x.txt").write_text("x")
            return "stored"
        """
        result = release(server, project, app_of(text), health_attempts=4)
        assert_refused(server, old, result, "answered 500", "Permission denied: 'uploads'", 'app.shared_paths = ["uploads"]')
        assert_live(server, project, release(server, project, app_of(text), shared_paths=["uploads"]))
        assert server.run("cat /srv/hello/shared/uploads/x.txt").stdout == "x"

    def test_a_port_of_its_own(self, server: Server, project: Project) -> None:
        """Two releases, or two workers, cannot have it at once; with strategy = "restart" nothing of the new one runs before."""
        restart: dict[str, object] = {"strategy": "restart", "workers": 1}
        for text in (LIFESPAN.format(PORT) + HELLO, f"{PORT}\nfrom fastapi import FastAPI\napp = FastAPI()\n{HELLO}"):
            assert_live(server, project, release(server, project, app_of(text), **restart))
            old = assert_live_at(server)
            result = release(server, project, app_of(text + "# again\n"), workers=1)
            assert_refused(server, old, result, "Address already in use", 'Set app.strategy = "restart"')
            assert_live(server, project, release(server, project, app_of(text + "# once more\n"), **restart))
            old = assert_live_at(server)
            result = release(server, project, app_of(text + "1 / 0\n"), **restart)
            assert_refused(server, old, result, "ZeroDivisionError: division by zero", f"The previous release {old} serves again")
        text = f"from fastapi import FastAPI\napp = FastAPI()\n{HELLO}"
        assert_live(server, project, release(server, project, app_of(text), **restart))

    def test_a_slow_start(self, server: Server, project: Project) -> None:
        """gunicorn's timeout does not count before the app serves, and no worker waits for the first."""
        text = f"import time\ntime.sleep(9)\nfrom fastapi import FastAPI\napp = FastAPI()\n{HELLO}"
        result = release(server, project, app_of(text), timeout=3, workers=2)
        assert_live(server, project, result)
        assert "WORKER TIMEOUT" not in server.run(f"cat /var/log/hello/{assert_live_at(server)}.log").stdout
        assert result.seconds < 45, result


ECHO = """
@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())
"""
# nginx accepts 500 open requests of one address.
MANY = """
import socket
connections = []
head = "GET /ws HTTP/1.1|Host: x|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|"
head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==||"
for number in range(1300):
    connection = socket.create_connection(("127.0.0.1", 80), 20, (f"127.0.0.{2 + number % 4}", 0))
    connection.sendall(head.replace("|", chr(13) + chr(10)).encode())
    answer = connection.recv(1000)
    assert b" 101 " in answer, (number, answer)
    connections.append(connection)
for connection in connections:
    connection.sendall(bytes([0x81, 0x82, 0, 0, 0, 0]) + b"hi")
    assert connection.recv(1000) == bytes([0x81, 2]) + b"hi"
print(len(connections))
"""
PSUTIL = f"print(open('/proc/meminfo').readline())\nfrom fastapi import FastAPI\napp = FastAPI()\n{HELLO}"


@pytest.mark.usefixtures("branch")
class TestUnderSystemd:
    @pytest.mark.parametrize("manager", [pytest.param("supervisor", marks=pytest.mark.thorough), "systemd"])
    def test_a_worker_has_more_than_1024_websockets(self, server: Server, project: Project, manager: str) -> None:
        """Through nginx, which needs two connections for each."""
        text = f"from fastapi import FastAPI, WebSocket\napp = FastAPI()\n{HELLO}{ECHO}"
        assert_live(server, project, release(server, project, app_of(text), manager=manager, workers=1))
        limits = server.run("cat /proc/$(pgrep -u hello -f gunicorn | tail -n 1)/limits | grep 'open files'").stdout.split()
        assert limits[3] == limits[4] and int(limits[3]) > 1300, limits
        done = server.run(f"ulimit -n 4096; python3 -c '{MANY}'")
        assert done.stdout == "1300\n", done
        assert get(server.url).status == 200

    def test_the_gate_is_inside_the_box(self, server: Server, project: Project) -> None:
        old = assert_live_at(server)
        for migrate in (None, "true"):
            result = release(server, project, app_of(PSUTIL), manager="systemd", migrate=migrate)
            words = "No such file or directory: '/proc/meminfo'"
            assert_refused(server, old, result, words, "set proc = true in [box] of hosts.toml")
        result = release(server, project, app_of(PSUTIL), "[box]\nproc = true\n", manager="systemd", migrate="true")
        assert_live(server, project, result)

    def test_daemon_under_systemd(self, server: Server, project: Project) -> None:
        old = assert_live_at(server)
        text = f"from fastapi import FastAPI\napp = FastAPI()\n{HELLO}"
        result = release(server, project, app_of(text, gunicorn__conf__py="daemon = True\n"), manager="systemd")
        assert_refused(server, old, result, "gunicorn.conf.py sets gunicorn's daemon, which cannot work here")

    def test_shared_paths_in_the_box(self, server: Server, project: Project) -> None:
        result = release(server, project, app_of(SQLITE), manager="systemd")
        assert result.status == 1 and 'Set app.shared_paths = ["database.db"]' in result.stderr, result
        assert_live(server, project, release(server, project, app_of(SQLITE), manager="systemd", shared_paths=["database.db"]))
