"""Ports that must be free, and paths that an earlier step makes."""

from __future__ import annotations

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.need import Needs
from selvedge.resources.ports import Port
from tests.support.tables import check, table

WEB = Port(80, "nginx")
HELD = 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("{0}",pid=7,fd=6),("{0}",pid=6,fd=6))\n'


@table(
    (WEB, "", None),
    (WEB, HELD.format("nginx"), None),
    (WEB, HELD.format("apache2"), "check that port 80 is free for nginx",
     "step_fail 'Port 80, which nginx needs, is in use by apache2 (process 6). Nothing was changed.'"),
    (WEB, "LISTEN 0 511 0.0.0.0:80 0.0.0.0:*\n", "check that port 80 is free for nginx",
     "step_fail 'Port 80, which nginx needs, is in use by an unknown program. Nothing was changed.'"),
)  # fmt: skip
def test_port(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@pytest.mark.parametrize(("name", "unit", "remedy"), [
    ("apache2", "apache2.service", "`sudo systemctl disable --now apache2`"),
    ("httpd", "my-web.service", "If you do not need httpd, stop it on the server: `sudo systemctl disable --now my-web`"),
    ("docker-proxy", "docker.service", "A container publishes the port: `sudo docker ps --filter publish=80` shows it"),
    ("rootlessport", "user@1000.service", "`sudo podman ps --filter publish=80`"),
    ("caddy", "docker-0a1b.scope", "`sudo docker ps --filter publish=80`"),
    ("python3", "session-4.scope", "`sudo kill 6`"),
    ("python3", "", "`sudo kill 6`"),
    ("node", "user@1000.service", "`sudo kill 6`"),
    ("sshd", "ssh.service", "You log in through it: choose another port with http_port or https_port"),
    ("systemd", "init.scope", "unless it is ssh"),
    ("systemd", "init.scope", "`systemctl list-sockets`"),
    ("x", "a;reboot.service", "disable --now 'a;reboot'`"),
])  # fmt: skip
def test_the_remedy_stops_the_program_that_holds_the_port(name: str, unit: str, remedy: str) -> None:
    change = WEB.plan(HELD.format(name) + (f"unit 6 {unit}\n" if unit else ""))
    assert change and remedy in change.remedy


@table(
    (Needs("/x", "clone"), "there\n", None),
    (Needs("/x", "clone"), "", "check that `fab clone` has run",
     "step_fail '/x is missing.'"),
)  # fmt: skip
def test_path_of_an_earlier_step(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
