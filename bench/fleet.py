"""Compare runs on many servers with runs on one, and Selvedge with Ansible and pyinfra.

Each server has the app twice, as in tools.py: released by Selvedge, and as in a tutorial for the other tools. Each app has one
worker: all servers share the cores of this machine, and an idle worker of uvicorn wakes ten times a second.

The round trips are those that a run waits for, one after the other: the time that a delay of all connections adds to it, divided by
this delay.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.common import Project, Server, alternate, deployed
from bench.latency import DELAY, delayed_port, far_host, near_host
from bench.release import install_tutorial, seconds_until_served
from bench.tools import Others, Place

COUNTS = (5, 20)
RELEASED = 5
"""The servers that get a release, at most."""
LIMITS = {5: 2.0, 20: 4.0}
"""Servers → how many times the seconds of a run on one server a run on them may take."""
ROUNDS = 5
FORKS = 20
Times = dict[int, tuple[list[float], list[float]]]
"""The number of servers → the seconds of the runs over the direct and over the delayed connections."""


@dataclass(frozen=True)
class Runner:
    """A tool that runs on several servers.

    port: that of its site on each server. near, far: run it on the servers with these numbers, directly or over the delayed
    connections.
    """

    name: str
    port: int
    near: Callable[[range], object]
    far: Callable[[range], object]


class Fleet:
    """The servers, their project, and the tools."""

    def __init__(self, servers: Sequence[Server], project: Project, ports: Sequence[int], folder: Path) -> None:
        self.servers, self.project = servers, project
        self.near: list[Place] = [(server.address, server.port) for server in servers]
        self.far: list[Place] = [("127.0.0.1", port) for port in ports]
        others = Others(folder, servers[0].key)
        fair = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": str(FORKS)}
        self.all = Runner("Selvedge: fab setup deploy", 80, *self._selvedge("setup", "deploy"))
        self.releasing = [
            Runner("Selvedge: fab deploy", 80, *self._selvedge("deploy")),
            Runner("Ansible playbook", 8080, *self._other(others.playbook)),
            Runner(f"Ansible, pipelining, {FORKS} forks", 8080, *self._other(lambda places: others.playbook(places, **fair))),
            Runner("pyinfra deploy", 8080, *self._other(others.operations)),
        ]

    def _selvedge(self, *tasks: str) -> Iterator[Callable[[range], object]]:
        for name in (lambda number: self.servers[number].name, lambda number: f"far{number}"):
            yield lambda numbers, name=name: self.project.must("-H", ",".join(map(name, numbers)), *tasks)

    def _other(self, command: Callable[[Sequence[Place]], int]) -> Iterator[Callable[[range], object]]:
        def run(places: Sequence[Place]) -> None:
            assert command(places) == 0, "see last.log"

        yield lambda numbers: run(self.near[: len(numbers)])
        yield lambda numbers: run(self.far[: len(numbers)])

    def push(self, greeting: str) -> None:
        """Commit a greeting, and push it to the servers that get a release."""
        self.project.commit(greeting)
        for number in range(min(RELEASED, len(self.servers))):
            self.project.git("push", "-q", f"server{number}", "main")


@contextlib.contextmanager
def fleet_of(count: int) -> Iterator[Fleet]:
    """Yield this number of servers with both apps and the app's repository."""
    with contextlib.ExitStack() as stack:
        servers, project = stack.enter_context(deployed(count, migrate=None, workers=1))
        for number, server in enumerate(servers):
            install_tutorial(server, project, f"server{number}", workers=1)
        ports = [stack.enter_context(delayed_port(server.address, server.port)) for server in servers]
        far = [far_host(server, project, ports[number], f"far{number}") for number, server in enumerate(servers)]
        hosts = "\n".join([*far, *map(near_host, servers)])
        project.configure(hosts, repository="file:///srv/git/hello.git", migrate=None, workers=1)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fleet"))
        yield Fleet(servers, project, ports, Path(folder))


def main(*arguments: str) -> None:
    """Print all results. arguments: the numbers of servers."""
    counts = sorted({1, *map(int, arguments or COUNTS)})
    with fleet_of(counts[-1]) as fleet:
        unchanged(fleet, counts)
        released(fleet, min(RELEASED, counts[-1]))


def unchanged(fleet: Fleet, counts: Sequence[int]) -> None:
    """Print seconds and round trips of a run with nothing to change, for each tool and number of servers."""
    print("Nothing to change:", flush=True)
    ours = _times(fleet.all, counts)
    show("Selvedge: fab setup deploy", ours)
    selvedge: Times = {}
    for each in fleet.releasing:
        times = _times(each, counts)
        selvedge = selvedge or times
        show(each.name, times, selvedge)
    for tasks, times in (("fab deploy", selvedge), ("fab setup deploy", ours)):
        for count in sorted(LIMITS.keys() & set(counts)):
            ratio, limit = min(times[count][0]) / min(times[1][0]), LIMITS[count]
            verdict = "met" if ratio <= limit else "EXCEEDED"
            print(f"{tasks}, ratio of the minimum times for {count} servers and one: {ratio:.2f} (limit {limit:g}: {verdict})")


def _times(each: Runner, counts: Sequence[int]) -> Times:
    """Run the tool on each number of servers in turn, and once more before, which does not count."""
    commands: dict[str, Callable[[], object]] = {}
    for count in counts:
        commands[f"{count} near"] = lambda count=count: each.near(range(count))
        commands[f"{count} far"] = lambda count=count: each.far(range(count))
    alternate(commands, 1)
    seconds = alternate(commands, ROUNDS)
    return {count: (seconds[f"{count} near"], seconds[f"{count} far"]) for count in counts}


def released(fleet: Fleet, count: int) -> None:
    """Print the seconds until all of these servers serve a new commit, and the round trips, for each tool."""
    times: dict[str, tuple[list[float], list[float]]] = {each.name: ([], []) for each in fleet.releasing}
    for number in range(ROUNDS):
        for each in fleet.releasing:
            urls = [f"http://{server.address}:{each.port}/" for server in fleet.servers[:count]]
            for seconds, run in zip(times[each.name], (each.near, each.far), strict=True):
                greeting = f"round {number}: {each.name}, {'far' if run is each.far else 'near'}"
                fleet.push(greeting)
                seconds.append(seconds_until_served(urls, greeting, lambda run=run: run(range(count))))
    print("A release, until all servers serve it:", flush=True)
    for name, each in times.items():
        show(name, {count: each}, {count: times[fleet.releasing[0].name]})


def show(name: str, times: Times, selvedge: Times | None = None) -> None:
    """Print the medians of a tool for each number of servers, and their ratios to those for one server and to Selvedge's."""
    print(name)
    for count, (near, far) in times.items():
        seconds, trips = statistics.median(near), (statistics.median(far) - statistics.median(near)) / (2 * DELAY)
        ratios = [f"{seconds / statistics.median(times[1][0]):.2f} times one"] if 1 in times else []
        ratios += [f"{seconds / statistics.median(selvedge[count][0]):.2f} times Selvedge"] if selvedge else []
        print(f"    on {count:>2}: {seconds:6.2f} s, {trips:3.0f} round trips; {', '.join(ratios)}", flush=True)
