"""A web server behind a balancer: whether it is drained, the wait for open requests, and how the balancer asks it."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.resources.base import Ask
from selvedge.shell.library import call
from tests.support.libraries import functions

UNIT = "selvedge-drained.hello.service"
VALUES = {"health": "/up?a=b", "health_host": "a.test", "health_timeout": 3}


@pytest.mark.parametrize(
    ("active", "enabled", "state"), [(0, 0, "drained"), (3, 1, ""), (0, 1, "half"), (3, 0, "half")]
)  # fmt: skip
def test_a_drained_server_refuses_requests_now_and_after_a_reboot(server: Any, active: int, enabled: int, state: str) -> None:
    server.program("systemctl", f"case $1 in is-active) exit {active} ;; is-enabled) exit {enabled} ;; esac")
    (fact,) = server.read(Ask(f"backend_state {UNIT}"))
    assert fact.strip() == state


@pytest.mark.parametrize(("answer", "shown"), [("printf 200", "200"), ("printf 000; exit 7", "0"), ("exit 7", "0")])
def test_a_balancer_asks_as_it_asks_for_visitors(server: Any, answer: str, shown: str) -> None:
    server.program("curl", f'printf "%s\\n" "$*" >/var/log/asked; {answer}')
    (fact,) = server.read(Ask(call("backend_answers", "web-1", "[fd00::1]:80", given=VALUES)))
    assert fact.strip() == f"backend web-1 {shown}"
    asked = server.path("/var/log/asked").read_text()
    assert "-H Host: a.test" in asked and asked.endswith("-- http://[fd00::1]:80/up?a=b\n")


def drained(server: Any, busy: int) -> list[str]:
    """Drain with a connection that is open for so many looks. Return what was said, and the commands of systemctl."""
    server.program("systemctl", 'echo "$*" >>/var/log/systemctl')
    server.program("ss", f'echo x >>/var/log/looks; if [ "$(wc -l </var/log/looks)" -le {busy} ]; then echo connection; fi')
    server.program("sleep", "exit 0")
    script = f'mark=m undo=/run\n{functions("backend", "service", "step", "reason")}\nbackend_drain {UNIT} 80 2\n'
    said = server.run(script).stdout.decode().splitlines()
    return [*said, *server.path("/var/log/systemctl").read_text().splitlines()]


def test_a_drain_ends_with_the_last_open_request(server: Any) -> None:
    assert drained(server, 3) == ["daemon-reload", f"enable {UNIT}", f"restart {UNIT}"]
    assert server.path("/var/log/looks").read_text().count("x") == 5


def test_a_drain_does_not_wait_for_ever(server: Any) -> None:
    said = drained(server, 1000)
    assert "1 connections are still open" in said[0] and server.path("/var/log/looks").read_text().count("x") <= 13


def test_what_was_never_drained_needs_no_end(server: Any) -> None:
    server.program("systemctl", 'echo "$*" >>/var/log/systemctl; [ "$1" != cat ]')
    server.run(f'mark=m undo=/run\n{functions("backend", "service", "step", "reason")}\nbackend_undrain {UNIT}\n')
    assert server.path("/var/log/systemctl").read_text().splitlines() == ["daemon-reload", f"cat {UNIT}"]
