"""From an installed wheel to an app that answers, in four commands and without an edit."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from installed import Installed, build
from lab import ROOT, Lab
from selvedge.version import VERSION
from traffic import get

APP = """from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def root():
    return {"message": "Hello World"}
"""
UV = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["fastapi"]\n'
BACKEND = '\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SITE = "templates/nginx/site.conf.j2"
PROJECTS = {
    "tutorial": {"main.py": APP, "requirements.txt": "fastapi\n"},
    "src": {"src/shop/main.py": APP, "src/shop/__init__.py": "", "pyproject.toml": UV + BACKEND, "deep/er/x": ""},
    "monorepo": {"backend/app/main.py": APP, "backend/pyproject.toml": UV, "frontend/package.json": "{}\n"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def test_the_wheel_has_every_file_that_runs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, to in (("selvedge", "selvedge"), ("tasks", "selvedge/tasks"), ("templates", "selvedge/templates")):
        files = {str(each.relative_to(ROOT / folder)) for each in (ROOT / folder).rglob("*") if each.is_file()}
        missing = {each for each in files if "__pycache__" not in each and f"{to}/{each}" not in names}
        assert not missing, missing
    assert not [each for each in names if each.startswith(("tests", "docs", "tasks", "templates")) or each.endswith(".pyc")]


@pytest.mark.thorough  # The README and the tutorial, which are followed in each run, begin in this way.
@pytest.mark.parametrize("kind", PROJECTS)
def test_four_commands(lab: Lab, installed: Installed, wheel: Path, kind: str) -> None:
    server = lab.server("ready")
    top = installed.project(kind, PROJECTS[kind])
    installed.log_in_to(server)
    installed.install(wheel)
    installed.run("selvedge", "init", "--yes", "--address", server.address, cwd=top)
    below = next(each for each in top.iterdir() if each.is_dir() and each.name != ".git") if kind != "tutorial" else top
    installed.run("fab", "trust", "--yes", cwd=below)
    shown = installed.run("fab", "setup", "deploy", cwd=below).stdout
    assert f"http://{server.address}/" in shown
    assert json.loads(get(server.url).text) == {"message": "Hello World"}
    again = installed.run("fab", "setup", "deploy", cwd=below).stdout
    assert "nothing to change" in again


def older(source: Path) -> None:
    """Make an older version of Selvedge, whose site has no header and another sentence in the middle."""
    version = source / "selvedge/version.py"
    version.write_text(version.read_text().replace(f'"{VERSION}"', '"0.0.9"'))
    site = source / SITE
    text = site.read_text()
    assert "    server_tokens off;\n" in text
    site.write_text(text.replace("    server_tokens off;\n", "    server_tokens on;\n"))


@pytest.mark.thorough
def test_an_edited_template_and_a_new_version(
    lab: Lab, installed: Installed, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = lab.server("setup")
    top = installed.project("tutorial", PROJECTS["tutorial"])
    installed.log_in_to(server)
    installed.install(build(tmp_path_factory.mktemp("older"), change=older))
    installed.run("selvedge", "init", "--yes", "--address", server.address, cwd=top)
    installed.run("selvedge", "eject", "nginx/site.conf.j2", "nginx", cwd=top)
    own = top / "deploy" / SITE
    own.write_text(own.read_text() + "# A line of the user's.\n")
    installed.run("fab", "trust", "--yes", cwd=top)
    installed.run("fab", "setup", "deploy", cwd=top)
    site = "cat /etc/nginx/sites-available/tutorial"
    assert "server_tokens on;" in server.run(site).stdout and "# A line of the user's." in server.run(site).stdout

    installed.install(wheel)
    shown = installed.run("selvedge", "upgrade", "--yes", cwd=top).stdout
    assert "-    server_tokens on;" in shown and "+    server_tokens off;" in shown
    shown = installed.run("fab", "deploy", cwd=top).stdout
    assert "-    server_tokens on;" in shown
    assert "server_tokens off;" in server.run(site).stdout and "# A line of the user's." in server.run(site).stdout
    assert "Nothing to change" in installed.run("selvedge", "upgrade", "--yes", cwd=top).stdout
    assert "nothing to change" in installed.run("fab", "setup", "deploy", cwd=top).stdout
