"""What the shell reads of the engine's answers, with a fake curl: a container's facts, its state, and its processes' states."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from tests.hosts.scripts.server import Server
from tests.support.libraries import functions
from tests.support.releases import OLD

# Arguments and the output of a health check may look like the facts.
FORGED = '"State":{"Status":"running","Pid":1},"RestartCount":9,"RestartPolicy":{"Name":"no"'
START, END = "2026-11-29T12:00:00.123456789Z", "0001-01-01T00:00:00Z"
TIMES = {"StartedAt": START, "FinishedAt": END}
HEALTH = {"Status": "unhealthy", "FailingStreak": 3, "Log": [{"ExitCode": 1, "Output": FORGED}]}


@pytest.fixture
def docker(server: Server) -> Callable[..., str]:
    """Run shell on a server whose engine has one container, and return the output. It has this state and restart policy."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(server.path("/run/docker.sock")))
    server.program("curl", 'for url; do :; done\ncat "/run/answers${url#http://localhost}" 2>/dev/null')
    server.program("systemctl", "exit 3")

    def run(shell: str, name: str = f"hello.{OLD}", policy: str = "always", **state: object) -> str:
        facts = {"Status": "running", "Running": True, "Paused": False, "OOMKilled": False, "Dead": False, "Pid": 77,
                 "ExitCode": 0, "Error": "", **TIMES, **state}  # fmt: skip
        host = {"RestartPolicy": {"Name": policy, "MaximumRetryCount": 0}}
        found = {"Id": "0123", "Args": [FORGED], "State": facts, "RestartCount": 2, "HostConfig": host, "Config": {"Cmd": [FORGED]}}
        answer = server.path(f"/run/answers/containers/{name}/json")
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.write_text(json.dumps(found, separators=(",", ":")) + "\n")
        values = "app=hello base=/srv/hello run_dir=/run/hello live_socket=/srv/hello/live.sock"
        return server.run(f"set -eu\n{functions('unit')}\n{values}\n{shell}").stdout.decode()

    return run


def test_the_facts_of_a_container(docker: Callable[..., str]) -> None:
    assert docker(f"docker_facts hello.{OLD}") == f"77 running always 2 false 0 {START} {END}\n"
    assert docker(f"docker_facts hello.{OLD}", Health=HEALTH, OOMKilled=True) == f"77 running always 2 true 0 {START} {END}\n"
    assert docker(f"docker_health {OLD}", Health=HEALTH) == "unhealthy\n"
    assert docker(f"docker_facts hello.{OLD}x || echo none") == "none\n"


def test_an_engine_that_is_restarted_is_asked_again(server: Server, docker: Callable[..., str]) -> None:
    server.program("systemctl", "echo active")
    server.program(
        "curl", 'echo >>/run/asked\n[ "$(wc -l </run/asked)" -gt 2 ] || exit 56\nfor url; do :; done\ncat "/run/answers${url#http://localhost}"'
    )
    assert docker(f"docker_facts hello.{OLD}") == f"77 running always 2 false 0 {START} {END}\n"


@pytest.mark.parametrize(
    ("owned", "engine", "said"), [(True, "active", "may run\n"), (False, "active", ""), (True, "inactive", "")]
)
def test_a_silent_engine_has_stopped_nothing(
    server: Server, docker: Callable[..., str], owned: bool, engine: str, said: str
) -> None:
    """A release that runs in no container needs no engine."""
    server.program("systemctl", f"echo {engine}")
    server.program("curl", "exit 28")
    folder = server.path(f"/srv/hello/instances/{OLD}")
    folder.mkdir(parents=True)
    if owned:
        (folder / "container").write_text("")
    later = "now=0\nclock_uptime() { now=$(($(cat /run/now 2>/dev/null || echo 0) + 20000)); echo $now | tee /run/now; }"
    assert docker(f"{later}\ndocker_stop {OLD} || echo may run\n") == said


@pytest.mark.parametrize(
    ("status", "policy", "said"),
    [
        ("running", "always", "running\n"),
        ("restarting", "always", "restarting\n"),
        ("paused", "always", "paused\n"),
        ("created", "no", ""),
        ("exited", "no", ""),
        ("exited", "always", "someone stopped its container, which ended with status 137\n"),
    ],
)
def test_the_state_of_a_release_that_does_not_answer(docker: Callable[..., str], status: str, policy: str, said: str) -> None:
    assert docker(f"docker_state {OLD}", policy=policy, Status=status, ExitCode=137) == said


def test_a_release_without_a_container_has_no_state(docker: Callable[..., str]) -> None:
    assert docker(f"docker_state {OLD}x") == ""


@pytest.mark.parametrize(
    ("status", "policy", "said"),
    [("running", "always", "boot 77 up"), ("restarting", "always", "boot 77 ended"), ("exited", "no", "- 77 down")],
)
def test_the_state_of_a_process(docker: Callable[..., str], status: str, policy: str, said: str) -> None:
    unit = f"{OLD}.worker@1"
    assert docker(f"dockerunit_facts {unit}", f"hello.{OLD}.worker.1", policy, Status=status) == f"{unit} {said}\n"
