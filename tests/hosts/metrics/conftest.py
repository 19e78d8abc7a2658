"""Fixtures of the tests of [metrics]: an app with metrics of its own, on a server that has been set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lab import Lab, Project, Result
from sandbox import Server

APP = '''\
import os
import time

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess

app = FastAPI()
VISITS = Counter("hello_visits", "Visits.")


@app.get("/health")
def health():
    return "ok"


@app.get("/")
def home():
    VISITS.inc()
    return os.getpid()


@app.get("/slow")
def slow():
    time.sleep(0.6)


@app.get("/broken")
def broken():
    return Response(status_code=500)


@app.get("/metrics")
def metrics():
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")
'''
ON = '[metrics]\nenabled = true\nslow = 0.5\n[timers.broken]\ncommand = "exit 3"\nschedule = "yearly"\n'
SERVICES = "[services]\npostgres = true\nredis = true\n"


@dataclass
class Watched:
    """A server with metrics and messages. got: the messages that have arrived."""

    server: Server
    project: Project
    env: dict[str, str]
    got: list[dict[str, Any]] = field(default_factory=list)

    def fab(self, *words: str) -> Result:
        return self.project.must("-H", self.server.name, *words, env=self.env)


@pytest.fixture(scope="class")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return one project for the tests of a class."""
    project = Project(tmp_path_factory.mktemp("project"), migrate=None, workers=2)

    def change(_folder: object) -> None:
        (project.app / "main.py").write_text(APP)
        (project.app / "requirements.txt").write_text("fastapi\nprometheus-client\n")

    project.commit(change)
    project.configure(ON + SERVICES, migrate=None, workers=2)
    return project


@pytest.fixture(scope="class")
def server(lab: Lab, request: pytest.FixtureRequest) -> Server:
    return lab.server("setup", getattr(request, "param", "bookworm"))
