"""The servers and the project that measurements work with, and how they print."""

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

from lab import Lab, Project  # noqa: E402
from sandbox import Server  # noqa: E402


@contextlib.contextmanager
def place(count: int = 1, **app: object) -> Iterator[tuple[list[Server], Project]]:
    """Servers on which `fab setup deploy` has run, and a project that releases to them; gone at the end."""
    # From the first run on, a user's next ones find the modules compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    lab = Lab(f"bench-{os.getpid()}", "bench")
    try:
        with tempfile.TemporaryDirectory() as folder:
            project = Project(Path(folder), **app)
            print(f"Preparing {count} server{'s' if count > 1 else ''} …", flush=True)
            servers = [lab.server("deployed") for _ in range(count)]
            project.must("-H", ",".join(server.name for server in servers), "setup", "deploy")
            yield servers, project
    finally:
        lab.close()


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def in_turn(works: dict[str, Callable[[], object]], rounds: int = 9) -> dict[str, list[float]]:
    """The works in turn, so that all meet the same machine; seconds of each round."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds(work))
    return taken


def show(taken: dict[str, Sequence[float]], limit: float | None = None, unit: str = "s") -> None:
    """Minimum and median of each; the ratio of the first to the last, against its limit."""
    for name, values in taken.items():
        print(f"{name:<44} min {min(values):7.3f} {unit}   median {statistics.median(values):7.3f} {unit}")
    first, *_, last = taken.values()
    if limit is not None:
        ratio = min(first) / min(last)
        print(f"ratio of the minima {ratio:.2f} (at most {limit:g}: {'kept' if ratio <= limit else 'NOT KEPT'})")


def ssh(server: Server, script: str) -> None:
    """A script over one ssh, as the deploy user with sudo, as somebody would by hand."""
    command = [*server.ssh_argv("deploy"), "sudo -n sh -s"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
