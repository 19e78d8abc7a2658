"""Releases, rollbacks and restarts under load lose no request, and keep slow requests and WebSockets alive."""

from __future__ import annotations

import pytest

from drills import GENTLE, QUICK, assert_consistent, at_start, waiting
from lab import Project
from sandbox import Server
from traffic import load

DRAIN = 2


class TestManyReleases:
    @pytest.mark.timeout(800)
    def test_deploys_rollbacks_and_restarts(self, server: Server, project: Project) -> None:
        project.configure(**QUICK | {"drain": DRAIN})
        first = assert_consistent(server)
        with load(f"{server.url}/health", 700, GENTLE) as traffic, waiting(server) as clients:
            for number in range(3):
                commit = project.commit(f"Release {number}")
                project.must("-H", server.name, "deploy")
                assert assert_consistent(server).startswith(commit[:12])
                project.must("-H", server.name, "rollback")
                assert assert_consistent(server) == first
            project.must("-H", server.name, "restart")
            assert assert_consistent(server) == f"{first}r1"
            project.must("-H", server.name, "restart")
            assert assert_consistent(server) == f"{first}r2"
        assert (traffic.lost, clients.failed) == (0, []), traffic
        assert traffic.requests > 500 and traffic.wrk_requests > 500, traffic
        assert clients.answered >= 10, clients
        assert len(clients.closed) >= 8, clients
        # Half a second of tolerance: the client may notice the new release late.
        assert all(code in (1001, 1012) and seconds >= DRAIN - 0.5 for code, seconds in clients.closed), clients


class TestSlowStart:
    def test_an_app_that_takes_three_seconds_to_start(self, server: Server, project: Project) -> None:
        project.configure(**QUICK)
        project.commit(at_start("import asyncio; await asyncio.sleep(3)"))
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            project.must("-H", server.name, "deploy")
            slow = assert_consistent(server)
            project.must("-H", server.name, "restart")
            project.must("-H", server.name, "rollback")
            first = assert_consistent(server)
            project.must("-H", server.name, "deploy", "--force")
            assert assert_consistent(server) == slow
        assert traffic.lost == 0, traffic
        assert traffic.releases == [first, slow, f"{slow}r1"]
        assert traffic.slowest < 3, "no request waits for the start of a release"
