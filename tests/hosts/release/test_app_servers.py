"""The app servers beside gunicorn: releases and a change of the app server lose no request, and broken releases are refused."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import pytest
from websockets.sync.client import connect

import containers
from broken_apps import FAULTS, MANAGED
from drills import GENTLE, QUICK, assert_consistent, drained, insert, live, waiting
from lab import Project, until
from nginx_site import raw, status
from refusals import Fault, refuse
from sandbox import Server
from traffic import get, load

DRAIN = 2
HEALTH_CHECK = '@app.head("/health"'
# Both have the same parent program, so that one of them is enough where a process manager is tested.
OTHERS = ["uvicorn", "hypercorn"]
# Their parent process ends with a worker that cannot start.
OWN = {"ends itself": Fault(FAULTS["ends itself"].change, ["The new release exited while it started"])}


def processes(server: Server) -> str:
    """Return the command lines of the app's user."""
    return server.run("ps -u hello -o args=").stdout


def change_there_and_back(server: Server, project: Project, manager: str, *names: str) -> None:
    """Release with each of these app servers in turn under load; roll back and forth between two of them."""
    project.configure(**QUICK | {"drain": DRAIN, "manager": manager})
    project.must("-H", server.name, "deploy")
    first = assert_consistent(server)
    with load(f"{server.url}/health", 700, GENTLE) as traffic, waiting(server) as clients:
        for name in names:
            project.configure(**QUICK | {"drain": DRAIN, "manager": manager, "server": name, "workers": 2})
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
        assert assert_consistent(server).partition("-")[0] == first.partition("-")[0]
        assert "gunicorn" in processes(server) and "selvedge_parent" not in processes(server)
    assert (traffic.lost, clients.failed) == (0, []), traffic
    assert traffic.requests > 500 and traffic.wrk_requests > 500, traffic
    assert clients.answered >= 5 and clients.closed, clients
    assert all(code in (1001, 1012) and seconds >= DRAIN - 0.5 for code, seconds in clients.closed), clients


def blocking(app: Path) -> None:
    """Give the app a path that blocks the event loop."""
    insert(HEALTH_CHECK, '@app.get("/block")\nasync def block() -> None:\n    import time; time.sleep(60)\n\n\n')(app)


def workers(server: Server) -> set[str]:
    """Return the process ids of the workers, which are children of the app's main process."""
    lines = server.run("ps -u hello -o pid=,ppid=").stdout.splitlines()
    parents = dict(line.split() for line in lines)
    return {pid for pid, parent in parents.items() if parent in parents}


def workers_log(server: Server) -> str:
    return server.run(f"cat /var/log/hello/{live(server)}.log").stdout


def one_id_in_all_logs(host: Server, project: Project, **app: object) -> str:
    """Release with JSON logs, and follow a request through them. Return its id."""
    project.configure(**QUICK | {"log_format": "json", "access_log": True, "workers": 1} | app)
    project.must("-H", host.name, "deploy")
    release = assert_consistent(host)
    answer = get(f"{host.url}/client?q=%22x", {"X-Request-ID": "forged", "User-Agent": 'a "quoted" \\ agent'})
    request = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", request)
    until(lambda: request in host.run("cat /var/log/hello/nginx-access.log").stdout, 10)
    lines = host.run(f"cat /var/log/hello/{release}.log; grep '^{{' /var/log/hello/nginx-access.log").stdout.splitlines()
    found = {each["logger"]: each for each in map(json.loads, lines) if each.get("request_id") == request}
    assert sorted(found) == ["nginx", "selvedge.access", "shop"]
    assert found["shop"]["message"] == 'asked "/client"'
    keys = ("message", "method", "path", "status", "address")
    assert [found["nginx"][key] for key in keys] == [found["selvedge.access"][key] for key in keys]
    assert found["nginx"]["user_agent"] == 'a "quoted" \\ agent'
    assert "deploy: nothing to change" in project.must("-H", host.name, "deploy").stdout
    shown = project.must("-H", host.name, "logs", "--since", "10m", "--grep", request).stdout
    assert 'shop' not in shown and 'INFO     asked "/client"  [' in shown
    return request


LOGS = insert('    return {\n        "client"', '    logging.getLogger("shop").info("asked \\"%s\\"", request.url.path)\n')


class TestUnderSupervisor:
    @pytest.fixture(scope="class", params=["gunicorn", *OTHERS])
    @staticmethod
    def name(request: pytest.FixtureRequest, server: Server, project: Project) -> str:
        """Run the app by each app server in turn, with two workers."""
        if "def block" not in (project.app / "main.py").read_text():
            project.commit(blocking)
        text = "[nginx]\nlarge_headers = true\n"
        project.configure(text, **QUICK | {"server": request.param, "workers": 2, "timeout": 3})
        project.must("-H", server.name, "deploy")
        drained(server)
        return str(request.param)

    @pytest.mark.thorough
    @pytest.mark.timeout(900)
    def test_a_change_of_the_app_server_loses_no_request(self, server: Server, project: Project) -> None:
        change_there_and_back(server, project, "supervisor", *OTHERS)

    @pytest.mark.usefixtures("name")
    def test_what_the_app_is_told_of_a_request(self, server: Server) -> None:
        assert get(f"{server.url}/").headers["X-Release"] == live(server)
        facts = json.loads(get(f"{server.url}/client", {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}).text)
        assert facts["scheme"] == "http" and ipaddress.ip_address(facts["client"]) != ipaddress.ip_address("192.0.2.1")
        assert f"release {live(server)}" in workers_log(server)

    @pytest.mark.usefixtures("name")
    def test_large_headers(self, server: Server) -> None:
        large = {"Cookie": f"session={'x' * 30000}"}
        assert get(f"{server.url}/health", large).status == 200
        with connect(f"ws://{server.address}/ws", proxy=None, additional_headers=large) as websocket:
            websocket.send("here")
            assert websocket.recv(timeout=20) == "here"

    @pytest.mark.usefixtures("name")
    def test_no_visitor_reaches_the_app_past_nginx(self, server: Server) -> None:
        """Hypercorn would go on with HTTP/2, of which nginx knows nothing."""
        upgrade = "GET /client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"
        answer = raw(server, upgrade + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
        assert status(answer) == 200 and b'"scheme":"http"' in answer, answer

    @pytest.mark.usefixtures("name")
    def test_a_worker_that_was_killed_is_replaced(self, server: Server) -> None:
        before = workers(server)
        victim = min(before)
        with load(f"{server.url}/health", 60, GENTLE) as traffic:
            server.run(f"kill -KILL {victim}")
            until(lambda: len(workers(server) - {victim}) == 2, 30)
        assert before - workers(server) == {victim} and len(before) == 2
        # The requests in its hands are lost.
        assert traffic.lost <= 4 and f"Worker (pid:{victim}) was sent SIGKILL!" in workers_log(server), traffic

    def test_a_worker_whose_event_loop_is_blocked_is_replaced(self, server: Server, name: str) -> None:
        before = workers(server)
        assert get(f"{server.url}/block").status == 502
        until(lambda: len(workers(server)) == 2 and workers(server) != before, 30)
        log = workers_log(server)
        assert "WORKER TIMEOUT" in log and (name == "gunicorn" or " in block" in log), log
        assert get(f"{server.url}/health").status == 200

    def test_a_request_has_the_same_id_in_all_logs(self, server: Server, project: Project) -> None:
        project.configure(**QUICK)
        project.commit(LOGS)
        project.must("-H", server.name, "deploy")
        request = one_id_in_all_logs(server, project)
        project.must("-H", server.name, "rollback")
        assert_consistent(server)
        # The old release writes text, and the other one's lines are still found.
        shown = project.must("-H", server.name, "logs", "--since", "1h").stdout
        assert request in shown and "[INFO] Application startup complete" in shown


class TestUnderSystemd:
    @pytest.mark.thorough
    @pytest.mark.timeout(900)
    def test_a_change_of_the_app_server_loses_no_request(self, server: Server, project: Project) -> None:
        change_there_and_back(server, project, "systemd", "uvicorn")

    @pytest.mark.thorough
    @pytest.mark.parametrize("manager", ["supervisor", "systemd"])
    def test_a_request_has_the_same_id_in_all_logs(self, server: Server, project: Project, manager: str) -> None:
        project.commit(LOGS)
        for name in ("gunicorn", *OTHERS):
            one_id_in_all_logs(server, project, server=name, manager=manager)


class TestInContainers:
    @pytest.mark.thorough
    @pytest.mark.timeout(900)
    def test_a_change_of_the_app_server_loses_no_request(self, server: Server, project: Project) -> None:
        containers.install(server, project, "hypercorn", "uvloop")
        project.commit(containers.dockerfile())
        change_there_and_back(server, project, "docker", "hypercorn")


@pytest.fixture(scope="class")
def other(request: pytest.FixtureRequest, server: Server, project: Project) -> str:
    """Run the app by an app server, under the process manager that the class names."""
    if request.cls.manager == "docker" and not (project.app / "Dockerfile").exists():
        containers.install(server, project, "hypercorn", "uvloop")
        project.commit(containers.dockerfile())
    project.configure(**QUICK | {"server": request.param, "manager": request.cls.manager})
    project.must("-H", server.name, "deploy")
    assert_consistent(server)
    return str(request.param)


@pytest.mark.thorough
@pytest.mark.usefixtures("branch")
@pytest.mark.parametrize("other", OTHERS, indirect=True, scope="class")
class TestBroken:
    manager = "supervisor"

    @pytest.mark.parametrize("fault", MANAGED)
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, other: str, fault: str) -> None:
        refuse(server, project, OWN.get(fault, FAULTS[fault]), server=other)

    @pytest.mark.parametrize("fault", ["missing module", "lifespan raises"])
    def test_the_cause_is_found_in_json(self, server: Server, project: Project, other: str, fault: str) -> None:
        refuse(server, project, FAULTS[fault], server=other, log_format="json", access_log=True)


@pytest.mark.thorough
@pytest.mark.usefixtures("branch")
@pytest.mark.parametrize("other", ["uvicorn"], indirect=True, scope="class")
class TestBrokenUnderSystemd:
    manager = "systemd"

    @pytest.mark.parametrize("fault", MANAGED)
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, other: str, fault: str) -> None:
        refuse(server, project, OWN.get(fault, FAULTS[fault]), server=other, manager="systemd")


@pytest.mark.thorough
@pytest.mark.usefixtures("branch")
@pytest.mark.parametrize("other", ["hypercorn"], indirect=True, scope="class")
class TestBrokenInContainers:
    manager = "docker"

    @pytest.mark.parametrize("fault", MANAGED)
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, other: str, fault: str) -> None:
        refuse(server, project, OWN.get(fault, FAULTS[fault]), server=other, manager="docker")
