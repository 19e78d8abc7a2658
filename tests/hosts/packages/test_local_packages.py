"""Apps with packages of their own: what is answered is what the commit says, and stays so when old releases are removed."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping

import pytest

from drills import QUICK, assert_consistent
from lab import Lab, Project, until
from sandbox import Server
from traffic import get

pytestmark = pytest.mark.thorough

MAIN = '''"""An app."""

from importlib.metadata import version

from common import value
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
@app.get("/")
def index():
    return {"value": value, "fastapi": version("fastapi"), "shop": version("shop")}
'''
SHOP = """[project]
name = "shop"
version = "7"
requires-python = ">=3.11"
dynamic = ["dependencies"]

[project.scripts]
shop-value = "shop:main"

[tool.setuptools]
packages = ["shop"]

[tool.setuptools.dynamic]
dependencies = { file = ["needs.txt"] }

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""
COMMON = """[project]
name = "common"
version = "1"
requires-python = ">=3.11"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
SETTINGS = QUICK | {"health": "/", "migrate": None, "keep_releases": 2}
COMMAND = "/srv/hello/current/.venv/bin/shop-value"


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


def write(project: Project, files: Mapping[str, str]) -> None:
    """Make these the files of the app."""
    for entry in project.app.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    add(project, files)


def add(project: Project, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = project.app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def answer(server: Server) -> dict[str, object]:
    found: dict[str, object] = json.loads(get(f"{server.url}/").text)
    return found


def deploy(project: Project, server: Server, files: Mapping[str, str] | None = None, **settings: object) -> str:
    """Commit the files, release the commit, and return the output."""
    add(project, files or {})
    project.configure(**SETTINGS | settings)
    commit = project.commit()
    result = project.must("-H", server.name, "deploy")
    assert assert_consistent(server).startswith(commit[:12])
    return result.stdout


def common(value: int) -> dict[str, str]:
    return {"libs/common/src/common/__init__.py": f"value = {value}\n"}


def shop(text: str) -> dict[str, str]:
    return {"shop/__init__.py": f"def main():\n    print({text!r})\n"}


def test_editable_packages(server: Server, project: Project) -> None:
    """Built by setuptools, which writes beside its source, and by hatchling; with old releases removed, restarts and a rollback."""
    requirements = {"requirements.txt": "fastapi\n-e .\n-e ./libs/common\n", "needs.txt": "idna\n"}
    write(project, {"main.py": MAIN, "pyproject.toml": SHOP, "libs/common/pyproject.toml": COMMON, **requirements})
    assert "uv installs requirements.txt" in deploy(project, server, common(1) | shop("one"))
    assert (answer(server)["value"], answer(server)["shop"], server.run(COMMAND).stdout) == (1, "7", "one\n")
    assert "installing only the app's own packages again" in deploy(project, server, common(2))
    assert answer(server)["value"] == 2
    project.must("-H", server.name, "rollback")
    assert answer(server)["value"] == 1
    for number in range(3, 7):
        assert "installing only" in deploy(project, server, common(number) | shop(str(number)))
        assert (answer(server)["value"], server.run(COMMAND).stdout) == (number, f"{number}\n")
    assert "uv installs requirements.txt" in deploy(project, server, {"needs.txt": "idna\nsniffio\n"})
    assert server.run("ls -d /srv/hello/current/.venv/lib/python3*/site-packages/sniffio").stdout
    assert "using the virtual environment" not in deploy(project, server, {"main.py": MAIN + "# A comment.\n"})
    project.must("-H", server.name, "restart")
    server.run("pkill -KILL -u hello -f 'gunicorn.*main:app'")
    until(lambda: get(f"{server.url}/").status == 200, 60, "an answer after all processes were killed")
    assert answer(server)["value"] == 6
    project.must("-H", server.name, "rollback")
    assert answer(server)["value"] == 6
    assert len(server.run("ls /srv/hello/venvs").stdout.split()) <= 4
    paths = server.run("grep -r -l -F -e /srv/hello/releases/ -e /var/cache/selvedge /srv/hello/venvs || true").stdout
    assert paths == ""


def test_a_workspace(server: Server, project: Project) -> None:
    """Its lock is at the top: with app.root and without, the app has the pinned packages and its siblings."""
    member = SHOP.replace('dynamic = ["dependencies"]', 'dependencies = ["fastapi", "common"]').replace(
        "[tool.setuptools.dynamic]\ndependencies = { file = [\"needs.txt\"] }", "[tool.uv.sources]\ncommon = { workspace = true }"
    )
    top = '[tool.uv.workspace]\nmembers = ["backend", "libs/*"]\n'
    files = {"pyproject.toml": top, "backend/pyproject.toml": member, "backend/main.py": MAIN, "libs/common/pyproject.toml": COMMON}
    write(project, {**files, "backend/shop/__init__.py": "", **common(1)})
    lock(server, project)
    assert "uv installs uv.lock" in deploy(project, server, root="backend")
    assert answer(server) == {"value": 1, "fastapi": "0.115.0", "shop": "7"}
    assert "installing only" in deploy(project, server, common(2), root="backend")
    assert answer(server)["value"] == 2
    deploy(project, server, common(3), module="backend.main:app")
    assert answer(server) == {"value": 3, "fastapi": "0.115.0", "shop": "7"}


def lock(server: Server, project: Project) -> None:
    """Write a uv.lock with fastapi 0.115.0, made by uv on the server."""
    archive = project.folder / "app.tar"
    project.git("add", "--all")
    project.git("archive", "--output", str(archive), project.git("write-tree"))
    text = base64.b64encode(archive.read_bytes()).decode()
    unpack = f"rm -rf /root/lock && mkdir /root/lock && cd /root/lock && echo {text} | base64 -d | tar x"
    done = server.run(f"{unpack} && /opt/selvedge/uv/bin/uv lock -q -P fastapi==0.115.0 && cat uv.lock")
    (project.app / "uv.lock").write_text(done.stdout)


def test_two_roots(server: Server, project: Project) -> None:
    main = MAIN.replace(', "shop": version("shop")', "")
    both = {f"{name}/{file}": text for name in "ab" for file, text in {"main.py": main, "common.py": f"value = '{name}'\n"}.items()}
    write(project, {**both, "a/requirements.txt": "fastapi==0.115.0\n", "b/requirements.txt": "fastapi==0.115.2\n"})
    deploy(project, server, root="a")
    assert answer(server) == {"value": "a", "fastapi": "0.115.0"}
    project.configure(**SETTINGS, root="b")
    project.must("-H", server.name, "deploy")
    assert answer(server) == {"value": "b", "fastapi": "0.115.2"}
