"""`fab export.ecs`: a CloudFormation template for Amazon ECS on Fargate, behind a load balancer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selvedge.exports.compose import image_notes
from selvedge.exports.facts import Facts
from selvedge.exports.kubernetes import resource_name
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile
from selvedge.release.replaced_shell import replacing_shell

NAME = "ecs"
LONGEST_STOP = 120
"""Seconds that Fargate gives a container to stop."""


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield ecs.yaml."""
    tasks = {"Web": "", **({"Migrate": facts.app.migrate} if facts.app.migrate else {})}
    tasks |= {f"Process{_logical(name)}": replacing_shell(each.command) for name, each in facts.processes().items()}
    processes = {f"Process{_logical(name)}": each for name, each in facts.processes().items()}
    ranges = facts.app.health_ranges
    yield rendered(
        facts, "ecs.yaml", "ecs.yaml.j2", NAME,
        resource=resource_name(facts.app.name), tasks=tasks, processes=processes, longest=LONGEST_STOP,
        statuses=",".join(f"{max(low, 200)}-{min(high, 499)}" for low, high in ranges if high >= 200 and low < 500),
    )  # fmt: skip


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)


def _logical(name: str) -> str:
    """Return a name in the letters and digits that CloudFormation allows. Different names stay different."""
    return "".join(part.capitalize() for part in re.split("(-)", name)).replace("-", "0")
