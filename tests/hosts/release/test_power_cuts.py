"""Power cuts and reboots during a release: one release serves after the boot, and the next deploy works."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from drills import GENTLE, QUICK, assert_consistent, at_start, configure, listening, live, serves
from lab import Project, until
from sandbox import Server
from traffic import get, load


@pytest.mark.usefixtures("branch")
class TestPowerCuts:
    def test_power_cut_while_the_new_release_starts(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(3)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 120)
        server.kill()
        assert process.wait(60) == 4
        server.boot()
        serves(server)
        assert live(server) == old
        assert {get(f"{server.url}/health").headers["X-Release"] for _ in range(20)} == {old}
        assert listening(server) == [old], "an unproven release does not start at boot"
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(commit[:12])

    def test_power_cut_while_the_new_release_settles(self, server: Server, project: Project) -> None:
        configure(project, settle=20.0)
        commit = project.commit("Live, but not settled")
        process = project.start("-H", server.name, "deploy")
        until(lambda: live(server).startswith(commit[:12]), 120)
        server.kill()
        assert process.wait(60) == 4
        server.boot()
        serves(server)
        new = live(server)
        assert new.startswith(commit[:12])
        assert {get(f"{server.url}/health").headers["X-Release"] for _ in range(20)} == {new}
        assert listening(server) == [new]
        configure(project)
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            project.must("-H", server.name, "deploy")
        assert traffic.lost == 0, "the live release is not restarted"
        assert assert_consistent(server) == new
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout

    @pytest.mark.thorough
    def test_reboot_while_the_new_release_starts(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(2)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 120)
        server.reboot()
        assert process.wait(60) in (1, 4)
        serves(server)
        release = live(server)
        assert release == old or release.startswith(commit[:12])
        assert {get(f"{server.url}/health").headers["X-Release"] for _ in range(20)} == {release}
        assert listening(server) == [release]
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(commit[:12])

    @pytest.fixture(scope="class")
    @staticmethod
    def systemd(server: Server, project: Project) -> None:
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        assert_consistent(server)

    @pytest.mark.thorough
    @pytest.mark.usefixtures("systemd")
    def test_power_cut_while_the_new_release_starts_under_systemd(self, server: Server, project: Project) -> None:
        configure(project, manager="systemd")
        old = assert_consistent(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(3.5)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 120)
        server.kill()
        assert process.wait(60) == 4
        with _statuses_during_boot(server) as seen:
            server.boot()
            serves(server)
        assert set(seen) == {200} and len(seen) > 10, seen
        assert live(server) == old
        assert listening(server) == [old], "an unproven release does not start at boot"
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(commit[:12])

    @pytest.mark.usefixtures("systemd")
    def test_a_boot_answers_every_request(self, server: Server, project: Project) -> None:
        """systemd opens the app's socket before nginx starts, so early requests wait."""
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        instance = assert_consistent(server)
        server.poweroff()
        with _statuses_during_boot(server) as seen:
            server.boot()
            serves(server)
        assert set(seen) == {200} and len(seen) > 10, seen
        assert assert_consistent(server) == instance


@contextlib.contextmanager
def _statuses_during_boot(server: Server) -> Iterator[list[int]]:
    """Collect the statuses of requests while the block runs and 3 seconds longer, without refused connections."""
    seen: list[int] = []
    stop = threading.Event()
    asking = threading.Thread(target=_request_during_boot, args=(server, seen, stop))
    asking.start()
    try:
        yield seen
        time.sleep(3)
    finally:
        stop.set()
        asking.join(30)


def _request_during_boot(server: Server, seen: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.02):
        with contextlib.suppress(OSError):
            seen.append(get(f"{server.url}/health", timeout=10).status)
