"""`selvedge init` in repositories, folders and terminals as no one would wish for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from selvedge.cli import main
from tests.support.paths import ROOT
from tests.unit.cli.projects import APP, Folder, init, made

pytestmark = pytest.mark.programs

__all__ = ["made"]
SETTINGS = "from pydantic_settings import BaseSettings\n"
# This stands for the framework, which the tests' own environment does not have.
FRAMEWORK = """
class Route: path, methods = "/v2/health", {"GET"}
class FastAPI:
    routes = [Route]
    async def __call__(self, scope, receive, send): ...
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [("selvedge-x", "shop"), ("tls-x", "shop"), ("x-http", "shop"), ("nginx", "shop"), ("--Évil; $(id)--", "evil-id")],
)
def test_a_name_that_an_app_cannot_have_is_passed_over(made: Any, name: str, found: str) -> None:
    folder = made(**{"main.py": APP, "pyproject.toml": f"[project]\nname = '{name}'\n"})
    assert init() == 0 and folder.app["name"] == found


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"my-app/main.py": APP}, "my-app is no name of a module"),
        ({"my.app.py": APP}, "my.app is no name of a module"),
        ({"__init__.py": APP}, "the top folder is no package with a name"),
        ({"a b/main.py": APP, "a b/requirements.txt": ""}, "The app's folder is a b, and app.root must be"),
        ({"main.py": "app = FastAPI(\n"}, "too large or no valid Python: main.py."),
        ({"main.py": f"{APP}X = '{'x' * (1 << 20)}'\n"}, "too large or no valid Python: main.py."),
    ],
)
def test_what_prevents_a_deploy_is_named(
    made: Any, capsys: pytest.CaptureFixture[str], files: dict[str, str], sentence: str
) -> None:
    folder = made(**files)
    before = folder.state()
    assert init() == 2
    assert sentence in capsys.readouterr().err and folder.state() == before


def test_folders_that_nginx_cannot_serve_stay_with_the_app(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    mounts = (("/static", "sta tic"), ("/a b", "st"), ("/outside", "../st"), ("/root", "/st"), ("/ok", "./.well-known/"))
    text = "".join(f"app.mount({path!r}, StaticFiles(directory={folder!r}))\n" for path, folder in mounts)
    text += "admin = FastAPI()\napp.mount('/admin', admin)\nadmin.mount('/inner', StaticFiles(directory='st'))\n"
    folder = made(**{"main.py": APP + text, "sta tic/x": "", "st/x": "", ".well-known/x": ""})
    assert init() == 0
    assert folder.settings["nginx"]["static"] == {"/ok": ".well-known"}
    assert "The app serves sta tic at /static. nginx.static cannot have such a name" in capsys.readouterr().out


def test_the_command_of_alembic_is_quoted(made: Any) -> None:
    folder = made(**{"main.py": APP, "my db/alembic.ini": "", "node_modules/alembic.ini": ""})
    assert init() == 0 and folder.app["migrate"] == "alembic -c 'my db/alembic.ini' upgrade head"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("class S(BaseSettings):\n    a: str\n    class Config:\n        env_prefix = 'X_'\n", ["X_A"]),
        ("class S(BaseSettings):\n    model_config = {'env_prefix': 'X_'}\n    a: str\n    _b: int\n", ["X_A"]),
        ("class S(BaseSettings):\n    a: str = Field(alias='MY_KEY')\n    b: str = Field(alias='B', default='')\n", ["MY_KEY"]),
        ("class Base(BaseSettings):\n    a: str\n    b: str\nclass S(Base):\n    a: str = 'x'\n    c: int\n", ["B", "C"]),
        ("class S(BaseSettings):\n    model_config = dict(env_prefix='A=1\\nB')\n    größe: str\n    a: str\n", []),
    ],
)
def test_variables_have_the_names_that_the_app_reads(made: Any, text: str, names: list[str]) -> None:
    folder = made(**{"main.py": APP, "settings.py": SETTINGS + text})
    assert init() == 0
    file = folder.top / "production.env"
    lines = file.read_text().splitlines()[1:] if file.exists() else []
    assert lines == [f"# {name}=" for name in names]


def test_a_file_with_secrets_that_git_does_not_have_yet_is_ignored(made: Any) -> None:
    folder = made(**{"main.py": APP})
    (folder.top / ".env").write_text("TOKEN=x\n")
    (folder.top / ".gitignore").write_bytes(b"*.pyc\r\n")
    assert init() == 0
    assert (folder.top / ".gitignore").read_bytes() == b"*.pyc\r\n/production.env\r\n/.env\r\n"


def test_what_git_has_or_ignores_by_mistake_is_said(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made(**{"main.py": APP, "production.env": "TOKEN=canary\n", ".gitignore": "hosts.*\n"})
    assert init() == 0
    shown = capsys.readouterr().out
    assert "`git rm --cached production.env`" in shown and "git ignores hosts.toml" in shown and "canary" not in shown


@pytest.mark.parametrize("name", ["hosts.toml", "fabfile.py", "fabric.yaml", ".gitignore"])
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_something_else_with_the_name_of_a_file_is_refused(
    made: Any, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    folder = made(**{"main.py": APP})
    (folder.top / name).mkdir() if kind == "folder" else (folder.top / name).symlink_to("/nonexistent/file")
    before = folder.state()
    assert init() == 2
    assert f"{name} is a {kind}" in capsys.readouterr().err and folder.state() == before


def test_a_full_disk_leaves_nothing_behind(
    made: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(**{"main.py": APP})
    before, write = folder.state(), Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "fabric" in path.name:
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert init() == 1
    assert "fabric.yaml cannot be written: No space left on device. Nothing was changed." in capsys.readouterr().err
    assert folder.state() == before


def with_environment(folder: Folder) -> None:
    (folder.top / ".venv/bin").mkdir(parents=True)
    (folder.top / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder.top / ".venv/bin/python").chmod(0o755)
    (folder.top / ".venv/.gitignore").write_text("*")


@pytest.mark.parametrize(
    "code",
    [
        "print('selvedge routes: [1]', end='')",
        "import sys; sys.stdout.buffer.write(b'\\xff'); sys.stdout.close()",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
        "import subprocess; open('child', 'w').write(str(subprocess.Popen(['sleep', '600']).pid))",
    ],
)
def test_an_app_that_prints_or_starts_something_is_imported(made: Any, code: str) -> None:
    folder = made(**{"main.py": f"{APP}{code}\n", "fastapi.py": FRAMEWORK})
    with_environment(folder)
    begin = time.monotonic()
    assert init() == 0
    assert folder.app["health"] == "/v2/health" and time.monotonic() - begin < 20
    child = folder.top / "child"
    if child.exists():
        killed = "kill -0 $0 2>/dev/null && ! grep -q 'State:.Z' /proc/$0/status && sleep 0.1 || exit 0"
        looped = f"for _ in $(seq 50); do {killed}; done; exit 1"
        assert subprocess.run(["sh", "-c", looped, child.read_text()], check=False).returncode == 0


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os._exit(0)", "input()", "1 / 0"])
def test_an_app_that_cannot_be_imported_is_read_only(made: Any, code: str) -> None:
    folder = made(**{"main.py": f"{APP}{code}\n", "fastapi.py": FRAMEWORK})
    with_environment(folder)
    assert init() == 0 and folder.app["health"] == "/openapi.json"


def test_a_detached_head_releases_a_usual_branch(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(**{"main.py": APP})
    folder.git("checkout", "-q", "--detach")
    assert init() == 0 and folder.app["branch"] == "main"
    assert "releases the branch main, because no branch is checked out" in capsys.readouterr().out


def test_without_any_branch(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(**{"main.py": APP})
    folder.git("checkout", "-q", "--detach")
    folder.git("branch", "-q", "-D", "main")
    assert init() == 2 and "git switch" in capsys.readouterr().err


def test_places_without_a_work_tree(made: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(**{"main.py": APP})
    monkeypatch.chdir(folder.top / ".git")
    assert init() == 2
    said = capsys.readouterr().err
    assert "must be run in a work tree" in said and "git init" not in said
    monkeypatch.chdir(folder.top)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert init() == 2 and "git config --global --add safe.directory" in capsys.readouterr().err


def test_a_deleted_folder(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(**{"main.py": APP, "sub/x": ""})
    os.chdir(folder.top / "sub")
    subprocess.run(["rm", "-r", folder.top / "sub"], check=True)
    try:
        assert main(["init"]) == 2
    finally:
        os.chdir(folder.top)
    assert "was deleted" in capsys.readouterr().err


def test_a_path_that_is_no_utf_8(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(**{"main.py": APP})
    odd = tmp_path / os.fsdecode(b"bad\xff")
    (tmp_path / "shop").rename(odd)
    monkeypatch.chdir(odd)
    assert init() == 0 and (odd / "hosts.toml").exists()


@pytest.mark.parametrize(
    ("output", "status", "sentence"), [(">/dev/full", 1, "No space left on device"), (">&-", 0, ""), ("| true", 0, "")]
)
def test_an_output_that_no_one_reads(made: Any, output: str, status: int, sentence: str) -> None:
    folder = made(**{"main.py": APP})
    command = ["sh", "-c", f"{sys.executable} -m selvedge init --yes {output}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder.top, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert done.returncode == status and (sentence in done.stderr if sentence else not done.stderr)
    assert (folder.top / "hosts.toml").exists() == (status == 0)
