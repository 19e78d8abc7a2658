"""`fab export.ecs`: a CloudFormation template for Amazon ECS on Fargate, behind a load balancer."""

from __future__ import annotations

import math
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


_SIZES = (
    (512, 1024, 4096, 1024), (1024, 2048, 8192, 1024), (2048, 4096, 16384, 1024), (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096), (16384, 32768, 122880, 8192),
)  # fmt: skip
"""The units of CPU that a task of Fargate may have; for each, the least and the most memory in MiB, and its steps."""


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield ecs.yaml."""
    tasks = {"Web": "", **({"Migrate": facts.app.migrate} if facts.app.migrate else {})}
    tasks |= {f"Process{_logical(name)}": replacing_shell(each.command) for name, each in facts.processes().items()}
    processes = {f"Process{_logical(name)}": each for name, each in facts.processes().items()}
    ranges = facts.app.health_ranges
    cpu, memory = _size(facts.memory)
    yield rendered(
        facts, "ecs.yaml", "ecs.yaml.j2", NAME,
        resource=resource_name(facts.app.name), tasks=tasks, processes=processes, longest=LONGEST_STOP,
        cpu=cpu, memory=memory,
        statuses=",".join(f"{max(low, 200)}-{min(high, 499)}" for low, high in ranges if high >= 200 and low < 500),
    )  # fmt: skip


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)


def _size(memory: int) -> tuple[int, int]:
    """Return the units of CPU and the MiB of the smallest task with this memory; of the largest, if none has as much."""
    for cpu, least, most, step in _SIZES:
        if memory <= most:
            return cpu, least + max(math.ceil((memory - least) / step), 0) * step
    return _SIZES[-1][0], _SIZES[-1][2]


def _logical(name: str) -> str:
    """Return a name in the letters and digits that CloudFormation allows. Different names stay different."""
    return "".join(part.capitalize() for part in re.split("(-)", name)).replace("-", "0")
