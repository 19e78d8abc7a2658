"""Five servers against one: a run with nothing to change."""

from __future__ import annotations

from bench.place import in_turn, place, show


def main() -> None:
    """Print both, in turn."""
    with place(5) as (servers, project):
        names = ",".join(server.name for server in servers)
        works = {
            "fab setup deploy on five servers": lambda: project.must("-H", names, "setup", "deploy"),
            "fab setup deploy on one": lambda: project.must("-H", servers[0].name, "setup", "deploy"),
        }
        show(in_turn(works), limit=2.0)
