"""A run with nothing to change, against a hand-written script over one ssh; and the client's memory."""

from __future__ import annotations

import resource

from bench.checks import script
from bench.place import in_turn, place, show, ssh


def main() -> None:
    """Print both, in turn on one server."""
    with place() as ((server,), project):
        checks = script(server, project.head)
        works = {
            "fab setup deploy, nothing to change": lambda: project.must("-H", server.name, "setup", "deploy"),
            "a hand-written script over one ssh": lambda: ssh(server, checks),
        }
        show(in_turn(works), limit=1.6)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"memory of the largest client process {memory:.0f} MB (at most 70)")
