"""Compare this checkout with another one: the same commands in turn, each checkout on its own servers."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.common import ROOT, alternate
from bench.latency import delayed_port, far_host
from bench.listing import cpu_seconds
from bench.release import seconds_until_served
from lab import FAB, Lab, Project
from sandbox import Server

FLEET = 5
"""Servers that one command sets up at once."""


class Side:
    """A checkout, its project, and its servers after `fab setup deploy`; the first of them alone, and all as a fleet."""

    def __init__(self, lab: Lab, folder: Path, checkout: Path) -> None:
        self.checkout = checkout
        self.project = Project(folder, checkout=checkout, workers=3)
        self.servers = [lab.server("ready") for _ in range(FLEET)]
        self.names = ",".join(server.name for server in self.servers)
        for _ in range(2):
            self.project.must("-H", self.names, "setup", "deploy")

    @property
    def server(self) -> Server:
        return self.servers[0]

    def release(self, number: int) -> float:
        """Commit a change; return the seconds until `fab deploy` serves it."""
        self.project.commit(f"round {number}")
        deploy = ("-H", self.server.name, "deploy")
        return seconds_until_served(self.server.url, f"round {number}", lambda: self.project.must(*deploy))


def compare(name: str, work: Callable[[Side], object], sides: list[Side], rounds: int = 5) -> None:
    """Do the work for both sides in turn and print the result."""
    times = alternate({str(side.checkout): (lambda side=side: work(side)) for side in sides}, rounds)
    report(name, list(times.values()))


def report(name: str, times: list[list[float]]) -> None:
    """Print the medians of both sides, and the median of the ratios of their rounds."""
    medians = [statistics.median(each) for each in times]
    ratio = statistics.median(new / old for new, old in zip(*times, strict=True))
    print(f"{name:<10} {medians[0]:7.3f} s, before {medians[1]:7.3f} s, ratio {ratio:.2f}", flush=True)


def main(other: str) -> None:
    """Print, for each benchmark, the times of this checkout and of the other one."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    lab = Lab(f"bench-{os.getpid()}", "bench")
    try:
        with tempfile.TemporaryDirectory() as folder:
            print("Preparing the servers of both checkouts …", flush=True)
            sides = [Side(lab, Path(folder, name), path) for name, path in (("new", ROOT), ("old", Path(other).resolve()))]
            compare("nochange", lambda side: side.project.must("-H", side.server.name, "setup", "deploy"), sides)
            compare("fleet", lambda side: side.project.must("-H", side.names, "setup", "deploy"), sides)
            with delayed_port(sides[0].server.address, 22) as one, delayed_port(sides[1].server.address, 22) as two:
                for side, port in zip(sides, (one, two), strict=True):
                    side.project.configure(far_host(side.server, side.project, port), workers=3)
                compare("latency", lambda side: side.project.must("-H", "far", "setup", "deploy"), sides)
            for side in sides:
                side.project.configure(workers=3)
            report("release", [list(each) for each in zip(*([s.release(n) for s in sides] for n in range(5)), strict=True)])
            report("listing", [list(each) for each in zip(*([list_tasks(s) for s in sides] for _ in range(15)), strict=True)])
    finally:
        lab.close()


def list_tasks(side: Side) -> float:
    """Return the CPU seconds of `fab --list`."""
    return cpu_seconds([str(FAB), "--list"], side.project.folder)
