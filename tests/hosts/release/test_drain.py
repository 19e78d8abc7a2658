"""After a switch the run ends, and the previous release answers its open requests on the server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

import containers
from drills import GENTLE, QUICK, assert_consistent, drained, draining, leftovers, listening, live, serves
from lab import Project, until
from sandbox import Server
from traffic import get, load

SETTLE = 2.0
"""Seconds: app.settle."""
LONG_SYSTEMD, LONG_DOCKER = (pytest.param(name, marks=pytest.mark.thorough) for name in ("systemd", "docker"))


DRAIN = {"supervisor": 30, "systemd": 30, "docker": 90}
"""Process manager → seconds: app.drain, in which two releases are deployed."""


def configure(project: Project, manager: str = "supervisor", text: str = "", **app: object) -> None:
    project.configure(text, **QUICK | {"manager": manager, "settle": SETTLE, "drain": DRAIN[manager]} | app)


@pytest.fixture(scope="class", params=["supervisor", LONG_SYSTEMD, LONG_DOCKER])
def manager(request: pytest.FixtureRequest, server: Server, project: Project) -> str:
    """Deploy with each process manager."""
    if request.param == "docker":
        containers.install(server, project)
        project.commit(containers.dockerfile())
    configure(project, request.param, drain=0)
    project.commit(f"Under {request.param}")
    project.must("-H", server.name, "deploy")
    assert_consistent(server)
    configure(project, request.param)
    return str(request.param)


@pytest.fixture
def chat(server: Server, manager: str) -> Iterator[ClientConnection]:  # noqa: ARG001
    """Hold a WebSocket of the live release open, so that it drains after a switch."""
    drained(server)
    with connect(f"ws://{server.address}/ws", proxy=None, open_timeout=20, ping_interval=None) as websocket:
        assert talks(websocket)
        yield websocket


def talks(websocket: ClientConnection) -> bool:
    """Return whether the WebSocket still echoes."""
    try:
        websocket.send("here")
        return websocket.recv(timeout=10) == "here"
    except ConnectionClosed:
        return False


def deploy(server: Server, project: Project, text: str) -> str:
    """Deploy a commit, and return the live release at the end of the run."""
    project.commit(text)
    project.must("-H", server.name, "deploy")
    assert live(server).startswith(project.head[:12])
    return live(server)


def states(server: Server, project: Project) -> dict[str, str]:
    listed = json.loads(project.must("-H", server.name, "releases", "--json").stdout)[server.name]["releases"]
    return {each["release"]: each["state"] for each in listed}


class TestDrain:
    @pytest.mark.parametrize("manager", ["supervisor", "systemd", LONG_DOCKER], indirect=True)
    def test_a_deploy_ends_before_the_previous_release(
        self, server: Server, project: Project, manager: str, chat: ClientConnection
    ) -> None:
        """A long request and a WebSocket are open. Neither is cut, and the run waits for neither."""
        # A busy machine takes more than ten seconds from the hook to the end of the run.
        old, answers, seconds = live(server), [], 20
        # The hook runs directly before the switch.
        configure(project, manager, '[hooks]\nbefore_switch = "sleep 1"\n')
        project.commit(f"Answers to the end under {manager}")
        process = project.start("-H", server.name, "deploy")
        assert process.stdout
        seen: list[str] = []
        slow = threading.Thread(target=lambda: answers.append(get(f"{server.url}/slow?seconds={seconds}", timeout=40)))
        for line in process.stdout:
            seen.append(line)
            if "before_switch: " in line:
                slow.start()
        assert process.wait(10) == 0, seen
        assert not answers, seen  # The run has ended before the slow request.
        announced = next(number for number, line in enumerate(seen) if line.startswith(f"{server.name}  live "))
        text = f"{server.name}  draining    the previous release {old} answers its open requests for up to {DRAIN[manager]} s\n"
        assert seen[announced + 1] == text
        assert draining(server) == [old] and states(server, project)[old] == "draining"
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        assert draining(server) == [old]
        slow.join(30)
        assert [(each.status, each.headers["X-Release"]) for each in answers] == [(200, old)]
        assert talks(chat)
        chat.close()
        configure(project, manager)
        assert assert_consistent(server) != old
        assert states(server, project)[old] == "good"
        assert f"{old} was stopped\n" in server.run("tail -n 3 /var/log/selvedge/hello.log").stdout

    def test_a_rollback_to_a_draining_release(self, server: Server, project: Project, chat: ClientConnection) -> None:
        old = live(server)
        processes = server.run("pgrep -u hello -f gunicorn | sort").stdout
        new = deploy(server, project, "Rolled back soon")
        assert draining(server) == [old]
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = project.must("-H", server.name, "rollback")
        assert traffic.lost == 0 and result.seconds < 25, "it waits for app.drain"
        assert live(server) == old and talks(chat), "it was never stopped"
        assert draining(server) in ([new], [])
        assert set(processes.split()) <= set(server.run("pgrep -u hello -f gunicorn | sort").stdout.split())
        assert assert_consistent(server) == old
        assert talks(chat)

    def test_deploys_during_a_drain(self, server: Server, project: Project, chat: ClientConnection) -> None:
        old = live(server)
        second = deploy(server, project, "The second")
        with connect(f"ws://{server.address}/ws", proxy=None, open_timeout=20, ping_interval=None) as other:
            assert talks(other)
            third = deploy(server, project, "The third")
            assert draining(server) == sorted([old, second])
            assert listening(server) == sorted([old, second, third])
            assert talks(chat) and talks(other)
        chat.close()
        assert assert_consistent(server) == third

    def test_restart_and_stop_during_a_drain(self, server: Server, project: Project, chat: ClientConnection) -> None:
        old = live(server)
        result = project.must("-H", server.name, "restart")
        assert live(server) == f"{old}r1" and draining(server) == [old] and talks(chat)
        result = project.must("-H", server.name, "stop")
        assert (draining(server), listening(server)) == ([], []), result
        assert not talks(chat)
        project.must("-H", server.name, "start")
        assert assert_consistent(server) == f"{old}r1"
        # Two copies of one release, one after the other: the first is deleted at the end of its drain.
        project.must("-H", server.name, "restart")
        assert assert_consistent(server) == f"{old}r2"
        until(lambda: not server.run(f"ls /srv/hello/instances | grep -x {old}r1", check=False).stdout, 20)

    def test_a_killed_drain_is_finished_by_the_next_deploy(
        self, server: Server, project: Project, chat: ClientConnection
    ) -> None:
        old = live(server)
        new = deploy(server, project, "Its drain is killed")
        server.run(f"systemctl kill -s KILL selvedge-drain-hello.{old}.service")
        until(lambda: draining(server) == [], 10)
        assert listening(server) == sorted([old, new]) and talks(chat)
        result = project.must("-H", server.name, "deploy")
        assert old in result.stdout and draining(server) == [old], result
        chat.close()
        assert assert_consistent(server) == new

    def test_a_drain_ends_in_time(self, server: Server, project: Project, manager: str, chat: ClientConnection) -> None:
        configure(project, manager, drain=3)
        deploy(server, project, "The WebSocket stays open")
        began = time.monotonic()
        drained(server)
        assert time.monotonic() - began < 3 + 10 + 3
        assert not talks(chat) and chat.close_code in (1001, 1012)
        assert_consistent(server)
        configure(project, manager)

    @pytest.mark.parametrize("how", ["kill", pytest.param("reboot", marks=pytest.mark.thorough)])
    def test_a_boot_starts_only_the_live_release(
        self, server: Server, project: Project, chat: ClientConnection, how: str
    ) -> None:
        old = live(server)
        new = deploy(server, project, f"Before the {how}")
        assert old in draining(server) and talks(chat)
        if how == "kill":
            server.kill()
            server.boot()
        else:
            server.reboot()
        serves(server)
        assert live(server) == new and listening(server) == [new] and draining(server) == []
        assert get(f"{server.url}/health").headers["X-Release"] == new
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server) == new
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout

    @pytest.mark.thorough
    def test_remove_during_a_drain(self, server: Server, project: Project, chat: ClientConnection) -> None:
        deploy(server, project, "Removed soon")
        assert draining(server) and talks(chat)
        project.must("-H", server.name, "remove", "--yes")
        assert (draining(server), listening(server), leftovers(server)) == ([], [], "")
        project.must("-H", server.name, "deploy")
        assert_consistent(server)
