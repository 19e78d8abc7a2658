"""`fab stop` and `fab start`: a stopped app stays stopped, a started one is healthy."""

from __future__ import annotations

import json
import time

from lab import Project, until
from sandbox import Server
from traffic import get


def test_a_stopped_app_stays_stopped_after_a_reboot_until_start(server: Server, project: Project) -> None:
    assert project.must("-H", server.name, "start").stdout.rstrip().endswith(f"nothing to change on {server.name}.")
    project.must("-H", server.name, "stop", "--dry-run")
    assert get(f"{server.url}/health").status == 200
    project.must("-H", server.name, "stop")
    assert get(f"{server.url}/health").status == 502
    assert "nothing to change" in project.must("-H", server.name, "stop").stdout
    result = project.fab("-H", server.name, "status")
    assert result.status == 1
    assert ": stopped" in result.stdout
    server.reboot()
    until(lambda: get(f"{server.url}/health").status == 502, 60)
    time.sleep(3)
    assert get(f"{server.url}/health").status == 502
    project.must("-H", server.name, "start")
    assert get(f"{server.url}/health").status == 200
    events = json.loads(project.must("-H", server.name, "history", "--json").stdout)[server.name]
    assert [event["why"] for event in events[-2:]] == ["stop", "start"]


def test_deploy_starts_a_stopped_app(server: Server, project: Project) -> None:
    project.must("-H", server.name, "stop")
    project.must("-H", server.name, "deploy")
    assert get(f"{server.url}/health").status == 200


def test_start_of_an_unhealthy_app_fails_and_shows_its_log(server: Server, project: Project) -> None:
    project.must("-H", server.name, "stop")
    env = {"SELVEDGE_APP__HEALTH": "/no-such-page", "SELVEDGE_APP__HEALTH_ATTEMPTS": "15"}
    result = project.fab("-H", server.name, "start", env=env)
    assert result.status == 1
    assert "GET /no-such-page (Host: localhost) answered 404" in result.stderr
    assert "Application startup complete" in result.stdout
    project.must("-H", server.name, "start")


def test_stop_while_another_run_holds_the_lock(server: Server, project: Project) -> None:
    server.run(
        "mkdir -p /run/selvedge; systemd-run --unit=holder flock /run/selvedge/hello.lock sleep 60; sleep 0.5"
    )
    try:
        result = project.fab("-H", server.name, "stop")
    finally:
        server.run("systemctl stop holder")
    assert result.status == 3, result
    assert get(f"{server.url}/health").status == 200
