"""Compare a run with nothing to change on five servers and on one."""

from __future__ import annotations

from bench.common import alternate, deployed, show


def main() -> None:
    """Print the times of both."""
    with deployed(5) as (servers, project):
        names = ",".join(server.name for server in servers)
        commands = {
            "fab setup deploy on five servers": lambda: project.must("-H", names, "setup", "deploy"),
            "fab setup deploy on one": lambda: project.must("-H", servers[0].name, "setup", "deploy"),
        }
        show(alternate(commands), limit=2.0)
