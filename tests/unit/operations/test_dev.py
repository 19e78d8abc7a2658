"""`fab dev`: the app on this machine, by a stand-in for uvicorn."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selvedge.config.load import load
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.dev import Local, dev
from selvedge.report import Report
from tests.support.paths import ROOT

pytestmark = pytest.mark.programs

APP = '[app]\nname = "blog"\nrepository = "."\nroot = "backend"\nmodule = "main:make()"\n'
HOST = '[hosts.server]\naddress = "203.0.113.10"\n'
# Answers / and /docs, shows its arguments and some variables, and ends after a while.
UVICORN = """
import http.server, os, sys, threading
print(sys.argv[1:], os.environ.get("GREETING"), os.environ.get("SELVEDGE_X"), flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked", self.path, flush=True)
        self.send_response(200 if self.path in ("/", "/docs") else 404)
        self.end_headers()
    def log_message(self, *_): ...
if __name__ == "__main__":
    server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler)
    threading.Timer(1.5, server.shutdown).start()
    server.serve_forever()
    sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment has the stand-in."""
    (tmp_path / "hosts.toml").write_text(APP + HOST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/.env").write_text("GREETING=hello\nSELVEDGE_X=secret\nSTATUS=\n")
    return tmp_path


def environment(project: Path, uvicorn: str = UVICORN) -> None:
    folder = project / ".venv/bin"
    folder.mkdir(parents=True)
    (project / "lib").mkdir()
    if uvicorn:
        (project / "lib/uvicorn.py").write_text(uvicorn)
    (folder / "python").write_text(f'#!/bin/sh\nPYTHONPATH="{project}/lib:$PYTHONPATH" exec {sys.executable} "$@"\n')
    (folder / "python").chmod(0o755)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def run(port: int) -> str:
    output = io.StringIO()
    dev(Report(output), port)
    return output.getvalue()


def test_it_runs_the_app_and_shows_its_pages(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(project)
    port = free_port()
    monkeypatch.setenv("STATUS", "0")
    shown = run(port)
    assert f"web  ['main:make', '--reload', '--host', '127.0.0.1', '--port', '{port}', '--factory'] hello None" in shown
    assert f"open http://127.0.0.1:{port}/   http://127.0.0.1:{port}/docs\n" in shown
    assert "asked /\n" not in shown, "a page of the app may count its visits"


@pytest.mark.usefixtures("project")
def test_the_variables_of_this_shell_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREETING", "mine")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    monkeypatch.setenv("SELVEDGE_APP__BRANCH", "main")
    environment = Local.of(load()).environment()
    assert not any(name.startswith("SELVEDGE_") for name in environment)
    assert environment["GREETING"] == "mine" and environment["PYTHONPATH"].endswith(":/mine")


def test_an_app_that_ends_by_itself(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(project)
    monkeypatch.setenv("STATUS", "7")
    with pytest.raises(SelvedgeError, match="The app ended with exit status 7"):
        run(free_port())


def test_without_an_environment_or_its_app_server(project: Path) -> None:
    with pytest.raises(UsageError, match="has no virtual environment") as error:
        run(8000)
    assert "python3 -m venv .venv" in error.value.remedy and "'uvicorn[standard]'" in error.value.remedy
    environment(project, "raise ImportError\n")
    with pytest.raises(UsageError, match=r"\.venv has no uvicorn") as error:
        run(8000)
    assert f"{project}/.venv/bin/python -m pip install 'uvicorn[standard]'" in error.value.remedy


def test_the_environment_of_selvedge_is_not_the_apps(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    with pytest.raises(UsageError, match="has no virtual environment"):
        run(8000)
    environment(project, "raise ImportError\n")
    with pytest.raises(UsageError, match=f"The environment {project}/.venv has no uvicorn"):
        run(8000)


@pytest.mark.parametrize(("lock", "remedy", "add"), [
    ("uv.lock", "`uv sync`", "uv add --dev"),
    ("poetry.lock", "`poetry install`, then `poetry run fab dev`", "poetry add --group dev"),
    ("Pipfile.lock", "`pipenv run fab dev`", "pipenv install --dev"),
])  # fmt: skip
def test_the_tool_of_the_project_makes_the_environment(project: Path, lock: str, remedy: str, add: str) -> None:
    (project / "backend" / lock).touch()
    with pytest.raises(UsageError) as error:
        run(8000)
    assert remedy in error.value.remedy
    environment(project, "raise ImportError\n")
    with pytest.raises(UsageError) as error:
        run(8000)
    assert error.value.remedy == f"Add it: `{add} 'uvicorn[standard]'`."


def test_a_port_in_use(project: Path) -> None:
    environment(project)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} of this machine is not free") as error:
            run(port)
    assert "--port " in error.value.remedy


@pytest.mark.parametrize(("number", "patient"), [
    (signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGHUP, True), (signal.SIGQUIT, True), (signal.SIGINT, False),
])  # fmt: skip
def test_nothing_is_left_after_ctrl_c(project: Path, number: signal.Signals, patient: bool) -> None:
    impatient = "" if patient else "signal.signal(signal.SIGINT, lambda *_: print('waits for requests', flush=True))\n"
    environment(project, f"""
import os, signal, subprocess, time
{impatient}
if __name__ == "__main__":
    child = subprocess.Popen(["sleep", "60"])
    try:
        print("child", child.pid, flush=True)
        while True:
            time.sleep(0.1)
    except KeyboardInterrupt:
        print("goodbye", flush=True)
""")
    program = "from selvedge.operations.dev import dev; from selvedge.report import Report; dev(Report(), 0); print('end')"
    path = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, text=True, env=path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        lines = iter(process.stdout)
        child = next(int(line.split()[-1]) for line in lines if "child" in line)
        process.send_signal(number)
        if not patient:
            assert "waits for requests" in next(lines)
            process.send_signal(number)
        rest = list(lines)
    assert process.returncode == 0 and rest[-1] == "end\n" and ("web  goodbye\n" in rest) == patient, rest
    deadline = time.monotonic() + 10
    look = ["ps", "-o", "stat=", "-p", str(child)]
    while (state := subprocess.run(look, capture_output=True, check=False).stdout[:1]) not in b"Z":
        assert time.monotonic() < deadline, state


def test_an_app_that_is_not_here(project: Path) -> None:
    (project / "backend/.env").unlink()
    (project / "backend").rmdir()
    with pytest.raises(UsageError, match=r"The app's folder .*backend is not there"):
        run(8000)


def test_hypercorn_is_the_app_server_of_an_app_that_has_it(project: Path) -> None:
    file = project / "hosts.toml"
    file.write_text(file.read_text().replace("[app]\n", '[app]\nserver = "hypercorn"\n'))
    command = Local.of(load()).command(Path("python"), 8000)
    assert command[1:] == ["-m", "hypercorn", "main:make()", "--reload", "--bind", "127.0.0.1:8000"]
