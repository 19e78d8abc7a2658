"""Compare a run with nothing to change with a hand-written script over ssh; measure the client's memory.

Then compare such a run of an app that has processes, timers, services and backups with one of an app that has none of them. Both
are on one server.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.checks import script
from bench.common import Server, alternate, deployed, show, ssh
from drills import requirement
from lab import FAB, Project

ALL = """
[nginx]
http_port = 8080

[services]
postgres = true
redis = true
database_scheme = "postgresql+psycopg"

[processes.worker]
command = "sleep infinity"
count = 2

[processes.scheduler]
command = "sleep infinity"
overlap = false

[timers.cleanup]
command = "true"
schedule = "*-*-* 03:00"

[timers.report]
command = "true"
schedule = "*/5 * * * *"

[backup]
to = "/var/backups/apps"
"""
LIMIT = 1.3
"""How much longer a run with all of it may take."""

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


def with_all(server: Server, plain: Project) -> None:
    """Print the median times of both apps, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        full = Project(Path(folder), name="full", text=ALL)
        full.commit(requirement("psycopg[binary]"))
        (full.folder / ".env").write_text("SELVEDGE_BACKUP__PASSWORD=only-for-this-measurement\n")
        words = ("-H", server.name, "setup", "deploy")
        full.must(*words)
        apps = {"an app with processes, timers, services and backups": full, "an app without": plain}
        for project in apps.values():
            assert "nothing to change" in project.must(*words).stdout
        times = alternate({name: lambda project=project: project.must(*words) for name, project in apps.items()}, rounds=15)
    show(times)
    ratio = median(times[next(iter(apps))]) / median(times["an app without"])
    print(f"ratio of the median times {ratio:.2f} (limit {LIMIT:g}: {'met' if ratio <= LIMIT else 'EXCEEDED'})")


def main() -> None:
    """Print the times of each pair on one server, and the memory."""
    with deployed() as ((server,), project):
        checks = script(server, project.head)
        commands = {
            "fab setup deploy, nothing to change": lambda: project.must("-H", server.name, "setup", "deploy"),
            "a hand-written script over one SSH connection": lambda: ssh(server, checks),
        }
        show(alternate(commands), limit=1.6)
        memory = peak_memory(project, "-H", server.name, "setup", "deploy")
        print(f"memory of the client {memory:.0f} MB (limit 70: {'met' if memory <= 70 else 'EXCEEDED'})")
        with_all(server, project)
