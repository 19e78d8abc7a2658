"""The app servers beside gunicorn: releases and a change of the app server lose no request, and broken releases are refused."""

from __future__ import annotations

import ipaddress
import json

import pytest

from broken_apps import FAULTS
from drills import GENTLE, QUICK, assert_consistent, live, waiting
from lab import Project
from nginx_site import raw, status
from refusals import refuse
from sandbox import Server
from traffic import get, load

DRAIN = 2
OTHERS = ["uvicorn", "hypercorn"]
BROKEN = [name for name in FAULTS if name not in ("missing variable", "missing variable of a class that was found")]


def processes(server: Server) -> str:
    """Return the command lines of the app's user."""
    return server.run("ps -u hello -o args=").stdout


def change_there_and_back(server: Server, project: Project, manager: str, rounds: int) -> None:
    """Release with each app server in turn under load; roll back and forth between two of them."""
    project.configure(**QUICK | {"drain": DRAIN, "manager": manager})
    project.must("-H", server.name, "deploy")
    first = assert_consistent(server)
    with load(f"{server.url}/health", 700, GENTLE) as traffic, waiting(server) as clients:
        for name in OTHERS:
            project.configure(**QUICK | {"drain": DRAIN, "manager": manager, "server": name, "workers": 2})
            for number in range(rounds):
                if number:
                    project.commit(f"Release {number} of {name}")
                project.must("-H", server.name, "deploy")
                found = assert_consistent(server)
                assert f"-m selvedge_{name} " in processes(server) and "gunicorn" not in processes(server)
                project.must("-H", server.name, "rollback")
                assert assert_consistent(server) != found
                project.must("-H", server.name, "deploy", "--force")
                assert assert_consistent(server) == found
            project.must("-H", server.name, "restart")
            assert assert_consistent(server) == f"{found}r1"
            status = json.loads(project.must("-H", server.name, "status", "--json").stdout)
            assert "problem" not in json.dumps(status), status
        project.configure(**QUICK | {"drain": DRAIN, "manager": manager})
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).partition("-")[0] == first.partition("-")[0] or rounds > 1
        assert "gunicorn" in processes(server) and "selvedge_parent" not in processes(server)
    assert (traffic.lost, clients.failed) == (0, []), traffic
    assert traffic.requests > 500 and traffic.wrk_requests > 500, traffic
    assert clients.answered >= 5 and clients.closed, clients
    assert all(code in (1001, 1012) and seconds >= DRAIN - 0.5 for code, seconds in clients.closed), clients


class TestUnderSupervisor:
    @pytest.mark.timeout(900)
    def test_a_change_of_the_app_server_loses_no_request(self, server: Server, project: Project) -> None:
        change_there_and_back(server, project, "supervisor", 1)

    @pytest.mark.parametrize("name", OTHERS)
    def test_what_the_app_is_told_of_a_request(self, server: Server, project: Project, name: str) -> None:
        project.configure(**QUICK | {"server": name})
        project.must("-H", server.name, "deploy")
        assert get(f"{server.url}/").headers["X-Release"] == live(server)
        facts = json.loads(get(f"{server.url}/client").text)
        assert facts["scheme"] == "http" and ipaddress.ip_address(facts["client"])

    def test_no_visitor_reaches_the_app_past_nginx(self, server: Server) -> None:
        """Hypercorn would go on with HTTP/2, of which nginx knows nothing."""
        upgrade = "GET /client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        answer = raw(server, upgrade + "HTTP2-Settings: AAMAAABkAAQAAP__\r\nAccept: */*\r\n\r\n")
        assert status(answer) == 200 and b'"scheme":"http"' in answer, answer


class TestUnderSystemd:
    @pytest.mark.thorough
    @pytest.mark.timeout(900)
    def test_a_change_of_the_app_server_loses_no_request(self, server: Server, project: Project) -> None:
        change_there_and_back(server, project, "systemd", 1)


@pytest.mark.thorough
@pytest.mark.usefixtures("branch")
class TestBroken:
    @pytest.fixture(scope="class", autouse=True, params=OTHERS)
    @staticmethod
    def name(request: pytest.FixtureRequest, server: Server, project: Project) -> str:
        project.configure(**QUICK | {"server": request.param})
        project.must("-H", server.name, "deploy")
        assert_consistent(server)
        return str(request.param)

    @pytest.mark.parametrize("fault", BROKEN)
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, name: str, fault: str) -> None:
        refuse(server, project, FAULTS[fault], server=name)
