"""Compare a run with nothing to change with a hand-written script over ssh; measure the client's memory."""

from __future__ import annotations

import subprocess
import sys

from bench.checks import script
from bench.common import alternate, deployed, show, ssh
from lab import FAB, Project

MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_memory(project: Project, *words: str) -> float:
    """Return the peak memory of a run of fab, in megabytes.

    A small process starts fab, because the kernel counts the parent's memory until the exec.
    """
    command = [sys.executable, "-S", "-c", MEASURE, str(FAB), *words]
    done = subprocess.run(command, cwd=project.folder, env=project.environment(), capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def main() -> None:
    """Print the times of both on one server, and the memory."""
    with deployed() as ((server,), project):
        checks = script(server, project.head)
        commands = {
            "fab setup deploy, nothing to change": lambda: project.must("-H", server.name, "setup", "deploy"),
            "a hand-written script over one SSH connection": lambda: ssh(server, checks),
        }
        show(alternate(commands), limit=1.6)
        memory = peak_memory(project, "-H", server.name, "setup", "deploy")
        print(f"memory of the client {memory:.0f} MB (limit 70: {'met' if memory <= 70 else 'EXCEEDED'})")
