"""`fab export.kubernetes`: a kustomize base, and one overlay for each group of servers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from selvedge.exports import docker
from selvedge.exports.compose import image_notes
from selvedge.exports.cron import Cron, cron
from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile
from selvedge.project.quoting import YAML_WORDS
from selvedge.release.replaced_shell import replacing_shell
from selvedge.value import Value

NAME = "kubernetes"
FOLDER = "kubernetes"
_LONGEST = 52
"""Characters in the name of a CronJob, whose jobs get eleven more."""


class Overlay(Value):
    """What differs in a group of servers. counts: how many of each process run. absent: timers that do not run in it."""

    group: str
    namespace: str
    replicas: int
    counts: Mapping[str, int]
    absent: list[str]
    domains: list[str]
    workers: int


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the files of the base, then those of the overlays."""
    app = facts.app
    schedules, _ = timers(facts)
    make = partial(_file, facts)
    parts = {"deployment": True, "service": True, "networkpolicy": True, "volume": bool(app.shared_paths)}
    parts |= {"migrate": bool(app.migrate), "processes": bool(app.processes), "timers": bool(schedules)}
    overlays = list(_overlays(facts))
    resources = [part for part, wanted in parts.items() if wanted]
    yield make("base/kustomization.yaml", "base", resources=resources, overlays=overlays)
    for part in resources:
        yield make(f"base/{part}.yaml", part, schedules=schedules)
    for overlay in overlays:
        folder = f"overlays/{overlay.group}"
        yield make(f"{folder}/kustomization.yaml", "overlay", overlay=overlay)
        yield make(f"{folder}/namespace.yaml", "namespace", overlay=overlay)
        if overlay.domains:
            yield make(f"{folder}/ingress.yaml", "ingress", overlay=overlay)


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image, and the timers that cron cannot say."""
    return [*image_notes(facts), *(f"timers.{name} is left out: {why}." for name, why in timers(facts)[1].items())]


def _file(facts: Facts, path: str, part: str, **values: Any) -> ExportFile:
    commands = {name: replacing_shell(each.command) for name, each in facts.app.processes.items()}
    values |= {
        "resource": resource_name(facts.app.name), "named": partial(_named, facts), "commands": commands,
        "folders": docker.shared_folders(facts), "memory": memory(facts), "left_out": timers(facts)[1],
    }  # fmt: skip
    return rendered(facts, f"{FOLDER}/{path}", f"kubernetes/{part}.yaml.j2", NAME, **values)


def _named(facts: Facts, part: str) -> str:
    return resource_name(f"{facts.app.name}-{part}")


def resource_name(text: str) -> str:
    """Return a text as the name of a resource (RFC 1123), cut if it is too long for a CronJob, and unique all the same.

    YAML reads it as a string, also without quotes.
    """
    name = re.sub(r"[^a-z0-9-]", "-", text.lower()).strip("-") or "x"
    if name == text and len(name) <= _LONGEST and name not in YAML_WORDS:
        return name
    return f"{name[: _LONGEST - 7].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def timers(facts: Facts) -> tuple[dict[str, Cron], dict[str, str]]:
    """Return the timers' schedules in cron's form; and for those that have none, the reason."""
    schedules: dict[str, Cron] = {}
    others: dict[str, str] = {}
    for name, timer in facts.settings.timers.items():
        try:
            schedules[name] = cron(timer)
        except ValueError as error:
            others[name] = f'cron cannot say "{timer.schedule}", because {error}'
    return schedules, others


def memory(facts: Facts) -> str:
    """Return the memory limit of a container: app.memory_max if it is a size, in Kubernetes' units."""
    limit = facts.app.memory_max
    return "512Mi" if limit.endswith("%") else f"{limit}i"


def _overlays(facts: Facts) -> Iterator[Overlay]:
    """Yield an overlay for each group; without groups, one for each host; without hosts, one named production."""
    settings = facts.settings
    own = [name for name in settings.hosts if name not in settings.sandbox]
    groups = settings.groups or {name: [name] for name in own} or {"production": []}
    for group, hosts in groups.items():
        app = settings.target(hosts[0]) if hosts else facts.app
        counts = {name: _count(facts, name, hosts) for name in settings.processes}
        namespace = resource_name(f"{app.name}-{group}")
        absent = [name for name in timers(facts)[0] if hosts and not any(settings.timers[name].runs_on(host) for host in hosts)]
        yield Overlay(group, namespace, max(len(hosts), 1), counts, absent, list(app.domains), app.workers or facts.workers)


def _count(facts: Facts, name: str, hosts: list[str]) -> int:
    """Return how many of a process run in a group: one at most, if two must never run at once."""
    process = facts.settings.processes[name]
    count = sum(process.count_on(host) for host in hosts) if hosts else process.count
    return count if process.overlap else min(count, 1)
