"""Servers, a project, timing and output for the benchmarks."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "hosts")]

import containers  # noqa: E402
from lab import Lab, Project  # noqa: E402
from sandbox import Server  # noqa: E402

MOST_IN_MEMORY = 6
"""Servers whose disks fit in memory together with their processes."""


@contextlib.contextmanager
def deployed(count: int = 1, **app: object) -> Iterator[tuple[list[Server], Project]]:
    """Yield `count` servers after `fab setup deploy`, and their project, whose [app] has the keys of `app`.

    The servers are removed afterwards.
    """
    with prepared(["deployed"] * count, **app) as (servers, project):
        project.must("-H", ",".join(server.name for server in servers), "setup", "deploy")
        yield servers, project


@contextlib.contextmanager
def prepared(stages: Sequence[str], **app: object) -> Iterator[tuple[list[Server], Project]]:
    """Yield a server for each of these stages (lab.py), and their project. The servers are removed afterwards."""
    # For a user, modules are compiled after the first run.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    lab = Lab(f"bench-{os.getpid()}", "bench", in_memory=len(stages) <= MOST_IN_MEMORY)
    try:
        with tempfile.TemporaryDirectory() as folder:
            project = Project(Path(folder), **app)
            print(f"Preparing {len(stages)} server{'s' if len(stages) > 1 else ''} …", flush=True)
            yield [lab.server(stage) for stage in stages], project
    finally:
        lab.close()


def without_containers(manager: str) -> str:
    """Return the process manager of the first release. The image of `contained` has the packages of that release."""
    return "supervisor" if manager == "docker" else manager


def contained(server: Server, project: Project, text: str = "", **app: object) -> None:
    """If app.manager is docker, install Docker and release the app in a container. text, app: as in Project.configure."""
    if app["manager"] == "docker":
        containers.install(server, project)
        project.configure(text, **app)
        project.commit(containers.dockerfile())
        project.must("-H", server.name, "deploy")


def seconds(command: Callable[[], object]) -> float:
    """Return the duration of the command in seconds."""
    began = time.monotonic()
    command()
    return time.monotonic() - began


def alternate(commands: dict[str, Callable[[], object]], rounds: int = 9) -> dict[str, list[float]]:
    """Run the commands in turn, so that the machine's load affects all of them. Return the seconds of each round."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(seconds(command))
    return times


def show(times: dict[str, Sequence[float]], limit: float | None = None, unit: str = "s") -> None:
    """Print minimum and median of each command, and compare the ratio of the first to the last with `limit`."""
    for name, values in times.items():
        print(f"{name:<44} min {min(values):7.3f} {unit}   median {statistics.median(values):7.3f} {unit}")
    first, *_, last = times.values()
    if limit is not None:
        ratio = min(first) / min(last)
        print(f"ratio of the minimum times {ratio:.2f} (limit {limit:g}: {'met' if ratio <= limit else 'EXCEEDED'})")


def ssh(server: Server, script: str) -> None:
    """Run a script over one ssh connection as the deploy user with sudo. Raises AssertionError if it fails."""
    command = [*server.ssh_argv("deploy"), "sudo -n sh -s"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
