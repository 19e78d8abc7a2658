"""A port that another program holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from selvedge.engine.plan import Plan
from selvedge.resources.ports import Port

LISTEN = "LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:"


def test_the_unit_of_the_program_is_read(server: Any) -> None:
    """The program's name is not that of its unit: docker-proxy is part of docker.service."""
    pid = os.getpid()
    server.program("ss", f"""echo '{LISTEN}(("python3",pid={pid},fd=6),("python3",pid={pid},fd=7))'""")
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    groups = [line for line in lines if line.startswith("0::") or ":name=systemd:" in line]
    own = [f"unit {pid} {name}" for name in (line.rpartition("/")[2] for line in groups) if name]
    assert server.read(Port(80, "nginx"))[0].splitlines()[1:] == own[:1]


@pytest.mark.parametrize(
    ("fact", "named"),
    [
        ("", None),
        (f'{LISTEN}(("nginx",pid=5,fd=6),("nginx",pid=6,fd=6))', None),
        (f'{LISTEN}(("apache2",pid=9,fd=4),("apache2",pid=8,fd=4))', "apache2 (process 8)"),
        (f'{LISTEN}(("caddy",pid=9,fd=4))\n{LISTEN}(("caddy",pid=9,fd=5))', "caddy (process 9)"),
        ("LISTEN 0 511 0.0.0.0:80 0.0.0.0:*", "an unknown program"),
        (f'{LISTEN}(("$(touch x)",pid=9,fd=4))', "$(touch x) (process 9)"),
    ],
)
def test_the_message_names_the_program_that_holds_the_port(server, fact, named):
    change = Port(80, "nginx").plan(fact)
    if named is None:
        assert change is None
        return
    done = server.apply(Plan.of([Port(80, "nginx")], [fact]))
    assert done.status == 1
    assert done.error == f"Port 80, which nginx needs, is in use by {named}. Nothing was changed."
