"""Helpers for the tests of releases: short waits, changes of the app, slow clients, and the state of a server."""

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
"""Settings of [app] for quick releases. A busy machine still has time to start the app."""
GENTLE = 0.02
"""Seconds between two requests of a connection. With this load, several tests can run in parallel."""
SOCKETS = (
    "{ ss -xlH; for pid in $(docker ps -q 2>/dev/null | xargs -r docker inspect -f '{{.State.Pid}}'); "
    "do nsenter -t $pid -n ss -xlH; done; }"
)
"""Shell that prints all listening sockets, those of containers too, which are not in the server's own list."""
START = "    settings = Settings()\n"
"""The first line of the sample app's start-up code."""
HEALTH = '    settings: Settings = request.state.settings\n    facts = {"status"'
"""The first line of the sample app's health check."""


def insert(before: str, text: str) -> Callable[[Path], object]:
    """Return a change for Project.commit that inserts `text` before the first `before` in main.py."""

    def change(app: Path) -> None:
        main = app / "main.py"
        code = main.read_text()
        assert before in code, f"{before!r} is missing in the sample app"
        main.write_text(code.replace(before, text + before, 1))

    return change


def configure(project: Project, text: str = "", **app: object) -> None:
    """Configure short waits and the branch of the fixture `branch`, then these keys of [app] and `text`."""
    project.configure(text, **QUICK | {"branch": "drill"} | app)


def at_start(line: str) -> Callable[[Path], object]:
    """Return a change that adds a statement to the app's start-up code."""
    return insert(START, f"    {line}\n")


def requirement(line: str) -> Callable[[Path], object]:
    """Return a change that adds a line to requirements.txt."""

    def change(app: Path) -> None:
        with (app / "requirements.txt").open("a") as file:
            file.write(f"{line}\n")

    return change


def live(server: Server, app: str = "hello") -> str:
    """Return the id of the instance that nginx sends requests to."""
    return server.run(f"basename $(readlink /srv/{app}/live.sock) .sock").stdout.strip()


def listening(server: Server) -> list[str]:
    """Return the ids of the instances that listen on their sockets."""
    return server.run(f"{SOCKETS} | grep -o '/run/hello/[^ ]*\\.sock' | sed 's#.*/##; s#\\.sock##' | sort").stdout.split()


def draining(server: Server, app: str = "hello") -> list[str]:
    """Return the ids of the instances that still answer open requests after a switch."""
    units = server.run(f"systemctl list-units --all --plain --no-legend 'selvedge-drain-{app}.*' | cut -d ' ' -f 1").stdout
    return sorted(unit.removeprefix(f"selvedge-drain-{app}.").removesuffix(".service") for unit in units.split())


def drained(server: Server, app: str = "hello") -> None:
    """Wait until the previous releases have stopped."""
    until(lambda: not draining(server, app), 60)


def leftovers(server: Server) -> str:
    """Return the undo copies and unfinished files of killed runs, one per line; "" if there are none."""
    return server.run(
        "ls -d /run/selvedge/*.undo.* /run/selvedge/*.drain /srv/*/.*.new /srv/*/previous.sock /srv/*/releases/.new-* 2>/dev/null;"
        "find /etc /srv -xdev -name '.selvedge.*' ! -path '*/site-packages/*'"
        " ! -path '/srv/*/venvs/*/.selvedge' 2>/dev/null || true"
    ).stdout.strip()


def assert_consistent(server: Server, app: str = "hello", url: str = "") -> str:
    """Check that all links and sockets name one good release, once the previous ones have stopped, and that no leftovers exist.

    Return its id.
    """
    drained(server, app)
    instance = live(server, app)
    seen = server.run(
        f"readlink /srv/{app}/current; {SOCKETS} | grep -o ' /run/{app}/[^ ]*\\.sock' | sort\n"
        f"cat /srv/{app}/instances/{instance}/state"
    ).stdout.split()
    assert seen == [f"releases/{instance.rpartition('-')[0]}", f"/run/{app}/{instance}.sock", "good"], seen
    assert leftovers(server) == "", leftovers(server)
    answer = get(f"{url or server.url}/health")
    assert (answer.status, answer.headers["X-Release"]) == (200, instance)
    return instance


def deploy(server: Server, project: Project) -> str:
    """Deploy the newest commit, check the server's state, and return the live instance."""
    project.must("-H", server.name, "deploy")
    instance = assert_consistent(server)
    assert instance.startswith(project.head[:12])
    return instance


def lock_is_free(server: Server, app: str = "hello") -> bool:
    """Return whether both locks of the app are free: that of a run and that of a step."""
    # The folder does not exist after a boot.
    script = f"mkdir -p -m 0700 /run/selvedge && flock -n /run/selvedge/{app}.lock true && flock -n /run/selvedge/{app}.step true"
    return server.run(script, check=False).returncode == 0


@dataclass
class Waiting:
    """Results of slow clients during releases: requests of three seconds, and WebSockets one after the other.

    answered: slow requests with the right answer. failed: a reason for each other request. closed: for each WebSocket
    its close code, and the seconds since the first answer of a new release.
    """

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    closed: list[tuple[int, float]] = field(default_factory=list)
    switched: float = 0.0
    release: str = ""


@contextlib.contextmanager
def waiting(server: Server) -> Iterator[Waiting]:
    """Run slow clients while the block runs."""
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
