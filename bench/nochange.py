"""A run with nothing to change, against a hand-written script over one ssh; and the client's memory."""

from __future__ import annotations

import subprocess
import sys

from bench.checks import script
from bench.place import in_turn, place, show, ssh
from lab import FAB, Project

MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(project: Project, *words: str) -> float:
    """Megabytes that a run of fab takes at most. By a small process, since what its parent takes counts until the exec."""
    command = [sys.executable, "-S", "-c", MEASURE, str(FAB), *words]
    done = subprocess.run(command, cwd=project.folder, env=project.environment(), capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def main() -> None:
    """Print both, in turn on one server."""
    with place() as ((server,), project):
        checks = script(server, project.head)
        works = {
            "fab setup deploy, nothing to change": lambda: project.must("-H", server.name, "setup", "deploy"),
            "a hand-written script over one ssh": lambda: ssh(server, checks),
        }
        show(in_turn(works), limit=1.6)
        memory = peak(project, "-H", server.name, "setup", "deploy")
        print(f"memory of the client {memory:.0f} MB (at most 70: {'kept' if memory <= 70 else 'NOT KEPT'})")
