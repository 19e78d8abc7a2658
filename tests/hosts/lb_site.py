"""Several web servers behind a balancer, and the project that deploys to them."""

from __future__ import annotations

import json
from collections.abc import Sequence

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
