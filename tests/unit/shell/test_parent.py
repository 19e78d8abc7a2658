"""The parent process of an app server's workers (selvedge_parent.py), with a server of the test's own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from selvedge.shell import library

pytestmark = pytest.mark.programs

SERVER = Path(library.__file__).parent / "server"
# Answers each connection with the worker's process id, after the app has started.
SERVE = """
import asyncio, os, signal, time
import selvedge_parent

async def started(app):
    async def receive(): return {"type": "lifespan.startup"}
    async def send(message): pass
    await app({"type": "lifespan"}, receive, send)

def serve(app, sock, options, beating):
    async def answer(reader, writer):
        if os.path.exists("block"):
            os.remove("block")
            time.sleep(60)
        writer.write(b"%d" % os.getpid())
        writer.close()
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await started(app)
        server = await asyncio.start_unix_server(answer, sock=sock)
        await stop.wait()
        server.close()
        await asyncio.sleep(0.3)
    selvedge_parent.run_loop(main(), beating)
    return 0

selvedge_parent.main(serve, ["json", "no_such_library"])
"""
CONFIGURED = """
import logging.config
logging.config.dictConfig({"version": 1, "root": {"level": "WARNING"}})
"""
APP = """
async def app(scope, receive, send):
    await send({"type": "lifespan.startup.complete"})
"""
Start = Callable[..., "Running"]


class Running:
    """A parent process that was started."""

    def __init__(self, folder: Path, text: str, *more: str) -> None:
        (folder / "main.py").write_text(text)
        (folder / "serve.py").write_text(SERVE)
        self.folder, self.log = folder, folder / "log"
        options = {"workers": 1, "timeout": 2, "start-timeout": 20, "stop-timeout": 3, "bind": "x.sock"}
        words = [f"--{name}={value}" for name, value in options.items()]
        environment = {**os.environ, "PYTHONPATH": f"{SERVER}:{folder}"}
        with self.log.open("w") as output:
            command = [sys.executable, "serve.py", "main:app", *words, *more]
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def asked(self) -> int:
        """Return the process id of the worker that answers a connection."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(os.path.relpath(self.folder / "x.sock"))
            return int(sock.recv(100) or 0)

    def until(self, pattern: str, count: int = 1) -> str:
        """Return the log as soon as it has a pattern so many times."""
        end = time.monotonic() + 15
        while len(re.findall(pattern, self.log.read_text())) < count:
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)
        return self.log.read_text()

    def workers(self) -> list[int]:
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.chdir(tmp_path)
    found: list[Running] = []

    def begin(text: str = APP, *more: str) -> Running:
        found.append(Running(tmp_path, text, *more))
        return found[-1]

    yield begin
    for each in found:
        with suppress(ProcessLookupError):
            each.process.kill()
        each.process.wait()


def test_workers_are_added_and_ended_by_signals(start: Start) -> None:
    running = start()
    running.until("Worker is ready")
    assert running.workers() == [running.asked()]
    running.send(signal.SIGTTIN)
    running.until("Worker is ready", 2)
    assert len(running.workers()) == 2
    running.send(signal.SIGTTOU)
    end = time.monotonic() + 10
    while len(running.workers()) > 1 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(running.workers()) == 1


def test_a_worker_that_died_is_replaced(start: Start) -> None:
    running = start()
    running.until("Worker is ready")
    first = running.asked()
    os.kill(first, signal.SIGKILL)
    assert f"Worker (pid:{first}) was sent SIGKILL! Perhaps out of memory?" in running.until("Worker is ready", 2)
    assert running.asked() != first


def test_the_live_gauges_of_an_ended_worker_are_deleted(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "[metrics]"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    kinds = ["gauge_livesum", "gauge_liveall", "gauge_max", "counter"]
    begun = f"import os\nfor kind in {kinds}:\n    open(f'{folder}/{{kind}}_{{os.getpid()}}.db', 'w').close()\n"
    running = start(begun + APP)
    running.until("Worker is ready")
    first = running.asked()
    os.kill(first, signal.SIGKILL)
    running.until("Worker is ready", 2)
    (second,) = running.workers()
    kept = [f"{kind}_{second}.db" for kind in kinds] + [f"gauge_max_{first}.db", f"counter_{first}.db"]
    assert {each.name for each in folder.iterdir()} == set(kept)


def test_a_worker_whose_event_loop_is_blocked_is_replaced_and_says_where_it_was(start: Start) -> None:
    running = start()
    running.until("Worker is ready")
    (running.folder / "block").touch()
    running.asked()
    text = running.until("Worker is ready", 2)
    assert "WORKER TIMEOUT" in text and "in answer" in text


def test_at_its_end_it_waits_for_the_workers(start: Start) -> None:
    running = start(APP, "--workers=2")
    running.until("Worker is ready", 2)
    began = time.monotonic()
    running.send(signal.SIGTERM)
    assert running.process.wait(10) == 0 and time.monotonic() - began >= 0.3
    assert "Shutting down: Master" in running.log.read_text()


def test_workers_that_do_not_end_are_killed(start: Start) -> None:
    text = "import signal\n" + APP.replace("    await", "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    await")
    # It adds five seconds.
    running = start(text, "--stop-timeout=-4")
    running.until("Worker is ready")
    worker = running.asked()
    running.send(signal.SIGTERM)
    assert running.process.wait(15) == 0
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.parametrize(("text", "said"), [
    ("raise RuntimeError('no database')\n", "RuntimeError: no database"),
    (f"{CONFIGURED}raise RuntimeError('no database')\n", "[selvedge] "),
    ("other = 1\n", "[selvedge] The module main has no attribute app"),
    (APP.replace("complete", "failed"), "Application startup failed"),
    (CONFIGURED + APP.replace("complete", "failed"), "Application startup failed"),
    ("import os\n" + APP.replace("await send", "os._exit(9)"), "exited with code 9"),
])  # fmt: skip
def test_an_app_that_cannot_start_ends_the_parent(start: Start, text: str, said: str) -> None:
    running = start(text)
    assert running.process.wait(15) == 3
    log = running.log.read_text()
    assert said in log and "Worker failed to boot" in log


def test_the_log_goes_on_if_the_app_configures_its_logging(start: Start) -> None:
    running = start(f"""{CONFIGURED}
import selvedge_log
async def app(scope, receive, send):
    await selvedge_log.logged(answer)({{"type": "http", "method": "GET", "path": "/asked"}}, receive, send)
    await send({{"type": "lifespan.startup.complete"}})
async def answer(scope, receive, send):
    logging.getLogger("hypercorn.error").error("an exception of the app")
    logging.getLogger("shop").error("not to be seen")
    logging.getLogger("mine").error("to be seen")
logging.getLogger("shop").disabled = True
""", "--access-log")
    shown = running.until("Worker is ready")
    assert '"GET /asked HTTP/1.1" 500' in shown and "an exception of the app" in shown and "to be seen" in shown
    assert "not to be seen" not in shown


def test_workers_end_with_their_parent(start: Start) -> None:
    running = start()
    running.until("Worker is ready")
    worker = running.asked()
    running.process.kill()
    end = time.monotonic() + 5
    while Path(f"/proc/{worker}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


def test_the_socket_and_the_state_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SERVER))
    monkeypatch.chdir(tmp_path)
    import selvedge_process

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as state:
        state.bind("notify")
        monkeypatch.setenv("NOTIFY_SOCKET", "notify")
        selvedge_process.notify("READY=1")
        assert state.recv(100) == b"READY=1"
    with pytest.raises(SystemExit, match="systemd has passed no socket"):
        selvedge_process.listen("")
    for _ in range(2):  # the second time over the socket of the first
        with selvedge_process.listen("x.sock") as sock:
            assert sock.getsockname() == "x.sock" and (tmp_path / "x.sock").stat().st_mode & 0o777 == 0o777
