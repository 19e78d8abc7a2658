"""Several web servers behind a balancer, and the project that deploys to them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from drills import QUICK
from lab import Project
from sandbox import Server
from traffic import get


class Site:
    """The balancer `lb`, the web servers, and the project that deploys to them."""

    def __init__(self, lb: Server, web: Sequence[Server], project: Project) -> None:
        self.lb, self.web, self.project = lb, web, project
        self.group = ",".join(server.name for server in web)
        self.url = f"http://{lb.address}/health"

    def configure(self, text: str = "", rollout: str = "drain = true", method: str = "least_conn", **app: object) -> None:
        hosts = "\n".join(self.project.host_settings(server) for server in (self.lb, *self.web))
        names = json.dumps([server.name for server in self.web])
        balancer = f'[balancer]\nhosts = ["{self.lb.name}"]\nbackends = "web"\nmethod = "{method}"\n'
        balancer += f"[groups]\nweb = {names}\n[rollout]\n{rollout}\n"
        self.project.configure(f"{hosts}\n{balancer}{text}", **QUICK | app)

    def fab(self, hosts: str, *words: str) -> str:
        return self.project.must("-H", hosts, *words).stdout

    def answers(self) -> bool:
        return get(self.url).status == 200

    def lost(self) -> str:
        """Return what the nginx of each server says of requests that were not answered with success."""
        logs = "cd /var/log/hello* && tail -n 20 nginx-error.log; grep -h '\" 5[0-9][0-9] ' nginx-access.log | tail -n 5"
        return "\n".join(f"{server.name}:\n{server.run(logs, check=False).stdout}" for server in (self.lb, *self.web))


@dataclass(frozen=True)
class Visit:
    """A request with a number of its own: when it began (monotonic), how long it took, and why it was lost ("" if it was not)."""

    number: int
    began: float
    seconds: float
    lost: str


@contextmanager
def visitors(url: str, count: int, pause: float) -> Iterator[list[Visit]]:
    """Send requests `url?visit=NUMBER` over new connections, from so many visitors, while the block runs."""
    visits: list[Visit] = []
    stop = threading.Event()

    def visit(first: int) -> None:
        number = first
        while not stop.is_set():
            began, lost = time.monotonic(), ""
            try:
                status = get(f"{url}?visit={number}", timeout=20).status
                lost = "" if status == 200 else f"status {status}"
            except OSError as error:
                lost = repr(error)
            visits.append(Visit(number, began, time.monotonic() - began, lost))
            number += count
            stop.wait(pause)

    threads = [threading.Thread(target=visit, args=(first,)) for first in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield visits
    finally:
        stop.set()
        for thread in threads:
            thread.join()
