"""The steps `venv` and `gunicorn`: requirements, start script, worker."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.release.instance import LOADERS, Instance
from selvedge.resources.code.venv import Venv
from selvedge.resources.files import File
from tests.support.declared import file, of
from tests.support.fixtures import COMMIT
from tests.support.hostile import declared

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(("name", "extras"), [
    ("nothing set", ("gunicorn", "uvicorn[standard]", "uvicorn-worker", "websockets")),
    ("no header, own worker", ("gunicorn",)),
])  # fmt: skip
def test_gunicorn_and_its_worker_are_added_to_the_requirements(app: Callable[..., Target], name: str, extras: tuple[str]) -> None:
    (venv,) = of("venv", app(name), Venv)
    assert venv.extras == extras
    assert venv.release == f"/srv/hello/releases/{COMMIT[:12]}" and venv.user == "hello"


def test_the_start_script_of_an_instance(app: Callable[..., Target]) -> None:
    settings = app("everything")
    instance = Instance.of(settings)
    assert re.fullmatch(r"0123456789ab-[0-9a-f]{6}", instance.id)
    assert file("gunicorn", settings, f"{instance.folder}/env").text == 'TOKEN="c4nary"\n'
    own = (each for each in of("gunicorn", settings, File) if instance.id in each.path and "/processes/" not in each.path)
    modes = {each.path.rpartition("/")[2]: each.mode for each in own}
    assert modes == {
        "env": "0640", "run": "0750", "selvedge_worker.py": "0640", "selvedge_app.py": "0640", "selvedge_explain.py": "0640",
        "selvedge_asgi.py": "0640", "selvedge_log.py": "0640", "gunicorn_start": "0750",
    }  # fmt: skip


def installed(folder: Path) -> None:
    """Write the modules that selvedge_worker.py needs besides the worker's own."""
    (folder / "gunicorn").mkdir()
    (folder / "gunicorn/__init__.py").touch()
    (folder / "gunicorn/errors.py").write_text("class AppImportError(Exception): pass\n")
    for name, text in LOADERS.items():
        (folder / name).write_text(text)


# Each module prints its name when it is loaded, and whether the app's settings were still incomplete.
LIBRARY = """
import os
print(__name__, os.path.exists("{held}"), flush=True)
class UvicornWorker: CONFIG_KWARGS = {{"a": 1}}
Worker = UvicornWorker
"""
# The check of the settings ends after the libraries were loaded.
ENDS = """
import threading
threading.Timer(0.1, os.remove, ["{held}"]).start()
"""
LOADS = """
import gc
import selvedge_worker
print(gc.isenabled(), gc.get_freeze_count() > 0, getattr(selvedge_worker.Worker, "CONFIG_KWARGS", None))
"""


@pytest.mark.parametrize(("name", "said"), [
    (
        "nothing set",
        ["uvicorn_worker True", "fastapi True", "True True {'a': 1, 'interface': 'asgi3', 'headers': [('x-release', 'r')]}"],
    ),
    ("no header, own worker", ["uvicorn_worker True", "fastapi True", "my False", "True True {'a': 1, 'interface': 'asgi3'}"]),
])  # fmt: skip
def test_gunicorn_loads_libraries_first_and_the_app_after_the_settings(
    app: Callable[..., Target], tmp_path: Path, name: str, said: list[str]
) -> None:
    settings, held = app(name), tmp_path / "held"
    held.touch()
    for module in ("uvicorn_worker", "fastapi", "my"):
        (tmp_path / f"{module}.py").write_text((LIBRARY + ENDS if module == "fastapi" else LIBRARY).format(held=held))
    folder = Instance.of(settings).folder
    text = file("gunicorn", settings, f"{folder}/selvedge_worker.py").text
    installed(tmp_path)
    (tmp_path / "selvedge_worker.py").write_text(text.replace(folder, str(tmp_path)))
    environment = {"PYTHONPATH": str(tmp_path), "RELEASE": "r"}
    done = subprocess.run(
        [sys.executable, "-c", LOADS.format(held=held)], env=environment, capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.splitlines() == said


def test_a_broken_library_does_not_stop_the_master(app: Callable[..., Target], tmp_path: Path) -> None:
    settings = app("nothing set")
    (tmp_path / "fastapi.py").write_text("1 / 0\n")
    (tmp_path / "uvicorn_worker.py").write_text("class UvicornWorker: pass\n")
    text = file("gunicorn", settings, f"{Instance.of(settings).folder}/selvedge_worker.py").text
    installed(tmp_path)
    (tmp_path / "selvedge_worker.py").write_text(text)
    environment = {"PYTHONPATH": str(tmp_path), "RELEASE": "r"}
    subprocess.run([sys.executable, "-c", "import selvedge_worker"], env=environment, check=True, timeout=20)


# The worker's app answers with these headers; the program prints those that nginx gets.
STREAMING = """
async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": {headers}}})
    await send({{"type": "http.response.body", "body": b"x"}})
"""
STREAMS = """
import asyncio, selvedge_worker

async def send(message):
    seen.append(message)

seen = []
worker = selvedge_worker.Worker("main:app")
worker.load_wsgi()
asyncio.run(worker.wsgi({{"type": {kind!r}}}, None, send))
print(seen[0].get("headers"), seen[1]["body"])
"""


@pytest.mark.parametrize(("kind", "headers", "seen"), [
    ("http", [(b"content-type", b"text/plain")], [(b"content-type", b"text/plain"), (b"x-accel-buffering", b"no")]),
    ("http", [(b"Content-Length", b"1")], [(b"Content-Length", b"1")]),
    ("http", [(b"X-Accel-Buffering", b"yes")], [(b"X-Accel-Buffering", b"yes")]),
    ("websocket", [], []),
])  # fmt: skip
def test_nginx_does_not_hold_back_the_pieces_of_a_stream(
    app: Callable[..., Target], tmp_path: Path, kind: str, headers: list[Any], seen: list[Any]
) -> None:
    settings = app("nothing set")
    done = start(settings, tmp_path, STREAMS.format(kind=kind), STREAMING.format(headers=headers))
    assert done.stdout == f"{seen} b'x'\n", done


def test_by_default_the_app_has_one_worker_more_than_cores(app: Callable[..., Target]) -> None:
    for workers, line in ((None, "WORKERS=$(($(nproc) + 1))"), (3, "WORKERS=3")):
        settings = app("nothing set", workers=workers)
        assert f"{line}\n" in file("gunicorn", settings, f"{Instance.of(settings).folder}/gunicorn_start").text


def test_the_worker_module_is_valid_python_for_any_class_name(target: Callable[..., Target]) -> None:
    app = target(COMMIT, worker_class="_a._b.C_1")
    text = next(each.text for each in declared("gunicorn", app) if isinstance(each, File) and "worker" in each.path)
    assert "from _a._b import C_1 as _Worker" in text
    compile(text, "worker", "exec")


# gunicorn's part of a worker: its heartbeat, and the load of the app.
WORKER = """
class UvicornWorker:
    class tmp:
        beats = 0
        def notify(self): self.beats += 1
    def __init__(self, uri): self.app, self.tmp = type("App", (), {"app_uri": uri, "callable": None})(), self.tmp()
    def load_wsgi(self): self.wsgi = self.app.callable
    def notify(self): self.tmp.notify()
"""
STARTS = """
import time, selvedge_worker
worker = selvedge_worker.Worker("{uri}")
worker.load_wsgi()
time.sleep(2.5)
before = worker.tmp.beats
worker.notify()
time.sleep(2.2)
print(worker.app.callable.__name__, before, worker.tmp.beats - before)
"""


def test_a_worker_calls_factories_and_lives_until_it_serves(app: Callable[..., Target], tmp_path: Path) -> None:
    """gunicorn kills a worker whose heartbeat stops for app.timeout seconds. Once the app serves, its loop beats."""
    factory = "async def real(a, b, c): ...\ndef create_app(): return real\n"
    done = start(app("nothing set"), tmp_path, STARTS.format(uri="main:create_app"), factory)
    name, before, after = done.stdout.split()
    assert (name, int(before) in (2, 3), after) == ("real", True, "1"), done


def test_a_worker_says_why_it_cannot_load_the_app(app: Callable[..., Target], tmp_path: Path) -> None:
    done = start(app("nothing set"), tmp_path, STARTS.format(uri="main:app"), "import nosuch\n")
    assert done.returncode == 1
    sentence = "[selvedge] The app cannot be imported: ModuleNotFoundError: No module named 'nosuch'"
    assert done.stderr.splitlines()[-1] == f"gunicorn.errors.AppImportError: {sentence}"


def start(settings: Target, folder: Path, program: str, text: str) -> subprocess.CompletedProcess[str]:
    """Run a program that uses the worker. text: the app's module main."""
    installed(folder)
    (folder / "uvicorn_worker.py").write_text(WORKER)
    (folder / "main.py").write_text(text)
    worker = file("gunicorn", settings, f"{Instance.of(settings).folder}/selvedge_worker.py").text
    (folder / "selvedge_worker.py").write_text(worker)
    environment = {"PYTHONPATH": str(folder), "RELEASE": "r"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=40)
