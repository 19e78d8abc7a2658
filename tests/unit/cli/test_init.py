"""`selvedge init`: what it finds in a project, and the files that it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selvedge.cli import main
from tests.unit.cli.projects import APP, init, made

pytestmark = pytest.mark.programs

__all__ = ["made"]
FASTAPI = "from fastapi import FastAPI\n"
FLAT = """
def iter_route_contexts(routes):
    for route in routes:
        yield from route.original_router
"""
"""What FastAPI 0.137 and newer have, whose app keeps the routes of an included router in an object of the router."""
OPENAPI = "/openapi.json"
FACTORY = "import fastapi\ndef create_app(debug=False):\n"
ROOT_ROUTE = '\n@app.get("/")\ndef root(): return {}\n'


def test_the_app_of_the_tutorial(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(**{"main.py": APP + ROOT_ROUTE, "requirements.txt": "fastapi\n"})
    assert init("--address", "192.0.2.1", "--user", "admin", "--domain", "shop.example.com") == 0
    assert folder.settings == {
        "app": {
            "name": "shop", "repository": ".", "branch": "main", "module": "main:app", "health": "/",
            "domains": ["shop.example.com"],
        },
        "hosts": {"server": {"address": "192.0.2.1", "bootstrap_user": "admin"}},
    }  # fmt: skip
    lines = (folder.top / "hosts.toml").read_text().splitlines()
    assert all("#" in line for line in lines if "=" in line) and len(lines) < 20
    assert len((folder.top / "fabfile.py").read_text().splitlines()) == 5
    assert (folder.top / ".gitignore").read_text() == "/production.env\n/.env\n"
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "The app is main:app."
    assert [line.split("#")[0].strip() for line in shown.splitlines()[-3:]] == ["fab trust", "fab setup deploy", "fab status"]


def test_a_second_time_nothing_changes(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(**{"main.py": APP, "requirements.txt": "fastapi\n"})
    assert init() == 0
    before = folder.state()
    capsys.readouterr()
    assert init("--address", "192.0.2.9") == 0
    assert folder.state() == before
    shown = capsys.readouterr().out
    assert "so --address has no effect" in shown and "Nothing to do" in shown


@pytest.mark.parametrize(
    ("files", "module", "root", "health"),
    [
        ({"src/blog/main.py": APP, "pyproject.toml": "", "uv.lock": ""}, "blog.main:app", "", OPENAPI),
        ({"backend/app/main.py": APP + ROOT_ROUTE, "backend/uv.lock": "", "web/x.json": ""}, "app.main:app", "backend", "/"),
        ({"app/main.py": APP.replace("app =", "api ="), "requirements.txt": ""}, "app.main:api", "", OPENAPI),
        ({"main.py": f"{FACTORY}    return fastapi.FastAPI()\n"}, "main:create_app()", "", OPENAPI),
        ({"main.py": "from x import create_app\napp = create_app()\n"}, "main:app", "", "/"),
        ({"main.py": "async def app(scope, receive, send): ...\n"}, "main:app", "", "/"),
        ({"main.py": APP + "\nouter = socketio.ASGIApp(sio, app)\n"}, "main:outer", "", OPENAPI),
        ({"main.py": APP + '@app.get("/a/{b}")\n@app.get("/api/healthz")\ndef h(): ...\n'}, "main:app", "", "/api/healthz"),
        ({"main.py": APP.replace("()", '(openapi_url="/v1/openapi.json")')}, "main:app", "", "/v1/openapi.json"),
        ({"main.py": APP.replace("()", "(openapi_url=None)")}, "main:app", "", "/"),
        ({"main.py": APP.replace("()", "(**options)")}, "main:app", "", "/"),
        ({"tests/main.py": APP, "a/x.py": APP.replace("app =", "demo =")}, "a.x:demo", "", OPENAPI),
        ({"main.py": APP, "web/main.py": APP, "Procfile": "web: gunicorn web.main:app\n"}, "web.main:app", "", OPENAPI),
        ({"api.py": APP, "pyproject.toml": '[tool.fastapi]\nentrypoint = "api:app"\n', "main.py": APP}, "api:app", "", OPENAPI),
        ({"main.py": f"{FASTAPI}admin = FastAPI()\nmain = FastAPI()\nmain.mount('/admin', admin)\n"}, "main:main", "", OPENAPI),
        ({"main.py": f"{FASTAPI}app: FastAPI = make()\n"}, "main:app", "", "/"),
        ({"main.py": f"{FASTAPI}if x:\n    app = FastAPI()\nelse:\n    app = FastAPI()\n"}, "main:app", "", OPENAPI),
        ({"main.py": "from core import Shop\napp = Shop()\n", "core.py": "class Shop(x.FastAPI):\n  a = 1\n"}, "main:app", "", "/"),
        ({"node_modules/x/main.py": APP, "site-packages/y/main.py": APP, "app_test.py": APP, "z.py": APP}, "z:app", "", OPENAPI),
        ({"src/__init__.py": "", "src/main.py": APP}, "src.main:app", "", OPENAPI),
        ({"1main.py": APP, "my-app/main.py": APP, "__init__.py": APP, "b.py": APP}, "b:app", "", OPENAPI),
        ({"main.py": APP + '@app.get("/größe/health")\ndef h(): ...\n'}, "main:app", "", "/gr%C3%B6%C3%9Fe/health"),
        ({"main.py": APP, "pyproject.toml": "tool = 3\nproject = 3\n"}, "main:app", "", OPENAPI),
        ({"main.py": APP, "pyproject.toml": "[tool]\nfastapi = 'x'\n"}, "main:app", "", OPENAPI),
        ({"a b/é.py": "", "main.py": "\ufeff" + APP, "broken.py": "def (", "null.py": "\0"}, "main:app", "", OPENAPI),
    ],
)
def test_the_app_is_found(made: Any, files: dict[str, str], module: str, root: str, health: str) -> None:
    folder = made(**files)
    assert init() == 0
    app = folder.app
    assert (app["module"], app.get("root", ""), app["health"]) == (module, root, health)
    assert ("health_status" in app) == (health == "/" and "ROOT" not in str(files) and "root()" not in str(files))


def test_what_else_is_found(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings = """
from pydantic_settings import BaseSettings, SettingsConfigDict
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="shop_")
    secret_key: str
    debug: bool = False
    database: str = Field(...)
"""
    static = 'from fastapi.staticfiles import StaticFiles\napp.mount("/static", StaticFiles(directory="static"), name="s")\n'
    folder = made(**{
        "main.py": APP + static, "static/a.css": "", "settings.py": settings, "db/alembic.ini": "", "requirements.txt": "",
        "Procfile": "web: uvicorn main:app\nworker: celery worker\n",
    })  # fmt: skip
    (folder.top / ".gitignore").write_text("*.pyc")
    assert init() == 0
    assert folder.app["migrate"] == "alembic -c db/alembic.ini upgrade head"
    assert folder.settings["nginx"]["static"] == {"/static": "static"}
    variables = folder.top / "production.env"
    # A variable without a value would be an empty one, and an app with an empty key starts.
    assert variables.read_text().splitlines()[1:] == ["# SHOP_SECRET_KEY=", "# SHOP_DATABASE="]
    assert variables.stat().st_mode & 0o77 == 0
    assert (folder.top / ".gitignore").read_text() == "*.pyc\n/production.env\n/.env\n"
    shown = capsys.readouterr().out
    assert "other processes, too: worker" in shown
    assert folder.settings["processes"] == {"worker": {"command": "celery worker"}}
    assert "Give the variables in production.env their values: remove the `# ` before each." in shown


@pytest.mark.parametrize(("file", "text", "server"), [
    ("Procfile", "web: uvicorn main:app --host 0.0.0.0 --port $PORT\n", "uvicorn"),
    ("Procfile", "worker: uvicorn x:y\nweb:python -m hypercorn main:app\n", "hypercorn"),
    ("Procfile", "web: gunicorn main:app -k uvicorn.workers.UvicornWorker\n", None),
    ("Procfile", "web: fastapi run\n", None),
    ("Dockerfile", 'RUN pip install hypercorn uvicorn\nCMD ["uvicorn", "main:app"]\n', "uvicorn"),
    ("Dockerfile", "RUN pip install hypercorn\n", None),
    ("Dockerfile", "ENTRYPOINT exec /venv/bin/hypercorn main:app\n", "hypercorn"),
])  # fmt: skip
def test_the_app_server_is_that_of_the_start_command(made: Any, file: str, text: str, server: str | None) -> None:
    folder = made(**{"main.py": APP, file: text})
    assert init() == 0
    assert folder.app.get("server") == server


def test_a_release_command_migrates(made: Any) -> None:
    folder = made(**{"main.py": APP, "Procfile": "release: python manage.py migrate\nweb: uvicorn main:app\n"})
    assert init() == 0
    assert folder.app["migrate"] == "python manage.py migrate"


def test_the_processes_of_an_app_in_a_folder(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made(**{"backend/main.py": APP, "backend/requirements.txt": "", "Procfile": "worker: celery -A backend worker\n"})
    assert init() == 0
    said = "too: worker. Its commands are for the top folder of the repository, and those of hosts.toml run in backend/."
    assert said in " ".join(capsys.readouterr().out.split())


def test_the_procfile_beside_an_app_in_a_folder(made: Any) -> None:
    folder = made(**{
        "backend/main.py": APP, "backend/requirements.txt": "", "backend/Procfile": "beat: celery beat\n",
        "Procfile": "worker: celery worker\n",
    })  # fmt: skip
    assert init() == 0
    assert folder.settings["processes"] == {"beat": {"command": "celery beat", "overlap": False}}


def test_files_of_the_user_stay(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(**{"main.py": APP, "fabfile.py": "# mine\n", "fabric.yaml": "user: me\n", ".gitignore": ".env\n*.env\n"})
    before = folder.state()
    assert init() == 0
    after = folder.state()
    assert after.keys() - before.keys() == {"hosts.toml"} and all(after[name] == text for name, text in before.items())
    shown = capsys.readouterr().out
    assert "fabfile.py is your own and stays" in shown and "fabric.yaml is your own and stays" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--address", "a b"], "--address a b: "),
        (["--domain", "http://x.example"], "--domain http://x.example: "),
        (["--domain", "*.example.com"], "go into app.domains afterwards"),
        (["--domain", "a\x1b[31m"], r"--domain 'a\x1b[31m': "),
        (["--address", "root@192.0.2.1"], "Give `--address 192.0.2.1 --user root`.\n"),
        (
            ["--address", "ssh://root@[2001:db8::1]:2222"],
            "Give `--address 2001:db8::1 --user root`. Add the port to hosts.toml afterwards: `port = 2222`.\n",
        ),
        (["--address", "https://web.example.com/"], "Give `--address web.example.com`.\n"),
        (["--address", "x;y@192.0.2.1"], "Give a host name or an IP address alone, such as 203.0.113.10.\n"),
        (["--address", ""], "--address '': is empty."),
        (["--module", "main"], "--module main: must be a Python module"),
        (["--module", "main:create_app(1)"], "--module main:create_app(1): "),
        (["--user", "root;x"], "--user root;x: "),
        (["--module", "gone:app"], "has no module gone."),
    ],
)
def test_a_wrong_value_writes_nothing(
    made: Any, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    folder = made(**{"main.py": APP})
    before = folder.state()
    assert init(*words) == 2
    assert sentence in capsys.readouterr().err and folder.state() == before


def test_without_an_app_or_a_commit_or_git(made: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(**{"cli.py": "print()\n"})
    assert init() == 2
    assert "selvedge init --module app.main:app" in capsys.readouterr().err and set(folder.state()) == {"cli.py"}
    outside = folder.top.parent / "empty"
    outside.mkdir()
    monkeypatch.chdir(outside)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(outside.parent))
    assert init() == 2
    said = capsys.readouterr().err
    assert f"{outside} is in no git repository" in said and "git init" in said and not list(outside.iterdir())
    subprocess.run(["git", "init", "-q", "."], check=True)
    Path("main.py").write_text(APP)
    assert init() == 2
    assert "has no commit yet" in capsys.readouterr().err


def test_questions_have_defaults_and_are_asked_again(
    made: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(**{"main.py": APP})
    answers = iter(["no address", "192.0.2.7", "", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert main(["init"]) == 0
    assert folder.settings["hosts"] == {"server": {"address": "192.0.2.7", "bootstrap_user": "root"}}
    assert "no address: must be a host name" in capsys.readouterr().out and "domains" not in folder.app


@pytest.mark.parametrize("branch", ["it's", 'a"b', "release/1", "é"])
def test_names_from_the_repository_are_quoted(made: Any, branch: str) -> None:
    folder = made(**{"main.py": APP})
    folder.git("checkout", "-q", "-b", branch)
    assert init() == 0
    # A name that app.branch cannot have is passed over.
    assert folder.app["branch"] == ("main" if {"'", '"'} & {*branch} else branch)


@pytest.mark.parametrize("routing", ["", FLAT])
def test_an_environment_tells_the_routes(made: Any, routing: str) -> None:
    # This stands for the framework, which the tests' own environment does not have.
    stub = f"""
from . import routing
class Route: path, methods = "/v2/health", {{"GET"}}
class Included: original_router = [Route]
class FastAPI:
    routes = [{"Included" if routing else "Route"}]
    async def __call__(self, scope, receive, send): ...
"""
    folder = made(**{"main.py": APP, "fastapi/__init__.py": stub, "fastapi/routing.py": routing})
    (folder.top / ".venv/bin").mkdir(parents=True)
    (folder.top / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder.top / ".venv/bin/python").chmod(0o755)
    (folder.top / ".venv/.gitignore").write_text("*")
    assert init() == 0
    assert folder.app["health"] == "/v2/health"


def test_packages_of_an_environment_are_not_the_projects(made: Any) -> None:
    settings = "class S(BaseSettings):\n    token: str\n"
    folder = made(**{"main.py": APP})
    for name, text in (("pyvenv.cfg", ""), ("lib/x/settings.py", settings), ("lib/x/app.py", APP)):
        (folder.top / ".venv" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.top / ".venv" / name).write_text(text)
    assert init() == 0
    assert folder.app["module"] == "main:app" and not (folder.top / "production.env").exists()
    assert "/.venv/\n" in (folder.top / ".gitignore").read_text()
