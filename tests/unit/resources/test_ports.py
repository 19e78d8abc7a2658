"""Ports that must be free, and paths that an earlier step makes."""

from __future__ import annotations

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


def test_the_remedy_names_the_program_that_holds_the_port() -> None:
    change = WEB.plan(HELD.format("apache2"))
    assert change and "systemctl disable --now apache2" in change.remedy


@table(
    (Needs("/x", "clone"), "there\n", None),
    (Needs("/x", "clone"), "", "check that `fab clone` has run",
     "step_fail '/x is missing.'"),
)  # fmt: skip
def test_path_of_an_earlier_step(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
