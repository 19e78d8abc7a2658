"""What the drills of releases share: quick settings, apps of several kinds, clients that wait, and what "whole" means."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lab import Project, until
from sandbox import Server
from traffic import get

QUICK: dict[str, object] = {
    "health_attempts": 40, "health_timeout": 3.0, "health_interval": 0.2, "settle": 1.0, "drain": 1, "stop_timeout": 10,
}  # fmt: skip
"""Settings of [app] that make a release short, and leave a slow machine time to start an app."""
GENTLE = 0.02
"""Seconds between two requests of a connection of the load, so that drills can run beside each other."""
START = "    settings = Settings()\n"
"""The line of the sample app's lifespan that everything else at its start can be put before."""
HEALTH = '    settings: Settings = request.state.settings\n    facts = {"status"'
"""The first line of the sample app's health check."""


def insert(before: str, text: str) -> Callable[[Path], object]:
    """A change of the sample app for Project.commit: `text` before the first place of `before` in main.py."""

    def change(app: Path) -> None:
        main = app / "main.py"
        code = main.read_text()
        assert before in code, f"{before!r} is not in the sample app any more"
        main.write_text(code.replace(before, text + before, 1))

    return change


def configure(project: Project, text: str = "", **app: object) -> None:
    """Short waits and the branch of the fixture `branch`; then these keys of [app], and `text`."""
    project.configure(text, **QUICK | {"branch": "drill"} | app)


def at_start(line: str) -> Callable[[Path], object]:
    """The sample app with this statement in its start-up code."""
    return insert(START, f"    {line}\n")


def requirement(line: str) -> Callable[[Path], object]:
    def change(app: Path) -> None:
        with (app / "requirements.txt").open("a") as file:
            file.write(f"{line}\n")

    return change


def live(server: Server, app: str = "hello") -> str:
    """The id of the instance that nginx sends requests to."""
    return server.run(f"basename $(readlink /srv/{app}/live.sock) .sock").stdout.strip()


def listening(server: Server) -> list[str]:
    """The instances that listen."""
    return server.run("ss -xlH | grep -o '/run/hello/[^ ]*\\.sock' | sed 's#.*/##; s#\\.sock##' | sort").stdout.split()


def temporary(server: Server) -> str:
    """Files that a run that was cut off could have left: copies for its undo, half-written ones. "" is right."""
    return server.run(
        "ls -d /run/selvedge/*.undo.* /srv/*/.*.new /srv/*/previous.sock /srv/*/releases/.new-* 2>/dev/null;"
        "find /etc /srv -xdev -name '.selvedge.*' ! -path '*/site-packages/*' ! -name '.selvedge.before_build'"
        " ! -path '/srv/*/venvs/*/.selvedge' 2>/dev/null || true"
    ).stdout.strip()


def assert_whole(server: Server, app: str = "hello", url: str = "") -> str:
    """The server runs one release, the one that every part of it names; nothing half-made is left. Returns its id."""
    instance = live(server, app)
    seen = server.run(
        f"readlink /srv/{app}/current; ss -xlH | grep -o ' /run/{app}/[^ ]*\\.sock' | sort\n"
        f"cat /srv/{app}/instances/{instance}/state"
    ).stdout.split()
    assert seen == [f"releases/{instance[:12]}", f"/run/{app}/{instance}.sock", "good"], seen
    assert temporary(server) == "", temporary(server)
    answer = get(f"{url or server.url}/health")
    assert (answer.status, answer.headers["X-Release"]) == (200, instance)
    return instance


def releases(server: Server, project: Project) -> str:
    """Deploy, and see that it is whole. The instance that is live."""
    project.must("-H", server.name, "deploy")
    instance = assert_whole(server)
    assert instance.startswith(project.head[:12])
    return instance


def lock_is_free(server: Server, app: str = "hello") -> bool:
    """Whether nobody holds the lock of the app, nor that of a step."""
    # Behind a boot the folder is not there yet, which is no lock.
    script = f"mkdir -p -m 0700 /run/selvedge && flock -n /run/selvedge/{app}.lock true && flock -n /run/selvedge/{app}.step true"
    return server.run(script, check=False).returncode == 0


@dataclass
class Waiting:
    """Clients that wait while releases go on: requests of three seconds, and one WebSocket after the other.

    answered: slow requests with the right answer. failed: a reason for each other one. closed: of each WebSocket the
    code that it was closed with, and the seconds from the first answer of another release until then.
    """

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    closed: list[tuple[int, float]] = field(default_factory=list)
    switched: float = 0.0
    release: str = ""


@contextlib.contextmanager
def waiting(server: Server) -> Iterator[Waiting]:
    """Keep such clients while the block runs."""
    result, stop = Waiting(), threading.Event()
    work = [_ask_slowly, _ask_slowly, _ask_slowly, _hold_websockets, _watch]
    threads = [threading.Thread(target=each, args=(server, result, stop)) for each in work]
    for thread in threads:
        thread.start()
        time.sleep(1 if thread is not threads[-1] else 0)
    try:
        yield result
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive()


def _ask_slowly(server: Server, result: Waiting, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            answer = get(f"{server.url}/slow?seconds=3", timeout=20)
            reason = "" if (answer.status, answer.text) == (200, '{"slept":3.0}') else f"{answer.status} {answer.text[:80]}"
        except OSError as error:
            reason = f"{type(error).__name__}: {error}"
        if reason:
            result.failed.append(reason)
        else:
            result.answered += 1


def _hold_websockets(server: Server, result: Waiting, stop: threading.Event) -> None:
    while not stop.is_set():
        with connect(f"ws://{server.address}/ws", proxy=None, open_timeout=20, ping_interval=None) as websocket:
            websocket.send("here")
            assert websocket.recv(timeout=20) == "here"
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                while not stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        websocket.recv(timeout=0.2)
            if not stop.is_set():
                result.closed.append((websocket.close_code or 0, time.monotonic() - result.switched))


def _watch(server: Server, result: Waiting, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(OSError):
            release = get(f"{server.url}/health").headers.get("X-Release", "")
            if release and release != result.release:
                result.release, result.switched = release, time.monotonic()
        time.sleep(0.03)


def serves(server: Server) -> None:
    """Wait until the app answers."""
    until(lambda: get(f"{server.url}/health").status == 200, 60)
