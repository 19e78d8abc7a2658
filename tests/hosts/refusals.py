"""Releases with a fault, which Selvedge must refuse while the old release serves every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from drills import GENTLE, assert_consistent, configure
from lab import Project
from sandbox import Server
from traffic import load


@dataclass(frozen=True)
class Fault:
    """A change of the app or the settings that makes a release fail.

    change: an argument of Project.commit. said: parts of the message. settings: keys of [app]. hooks: lines of [hooks].
    built: whether the release is built before it fails. started: whether its processes start. lost: how many requests
    may be lost.
    """

    change: Callable[[Path], object] | str
    said: list[str]
    settings: dict[str, object] = field(default_factory=dict)
    hooks: str = ""
    built: bool = True
    started: bool = True
    lost: int = 0


def refuse(host: Server, project: Project, fault: Fault, **more: object) -> None:
    """Deploy a fault under load, and check that the deploy fails and the old release serves every request."""
    (project.folder / "production.env").write_text("RETRIES=canary-value\n")
    configure(project, f"[hooks]\n{fault.hooks}\n", **fault.settings | more)
    old = assert_consistent(host)
    project.commit(fault.change)
    with load(f"{host.url}/health", 200, GENTLE) as traffic:
        result = project.fab("-H", host.name, "deploy")
    assert result.status == 1, result
    for sentence in fault.said:
        assert sentence in result.stderr, result
    assert "Traceback" not in result.stderr
    assert "canary-value" not in result.stdout + result.stderr
    assert fault.started or "Starting gunicorn" not in result.stdout, result
    assert traffic.lost <= fault.lost, traffic
    assert traffic.requests > 20 and traffic.wrk_requests > 20
    assert traffic.releases[0] == old
    assert assert_consistent(host) == old
    assert not fault.built or f"The previous release {old} keeps serving" in result.stderr, result
