"""`fab export.kubernetes`: a kustomize base, and one overlay for each group of servers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from selvedge.config.target import Target
from selvedge.exports import docker
from selvedge.exports.compose import image_notes
from selvedge.exports.cron import Cron, cron
from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.shared import entries, on_app_servers
from selvedge.exports.written import ExportFile
from selvedge.project.quoting import YAML_WORDS
from selvedge.release.replaced_shell import replacing_shell
from selvedge.value import Value

NAME = "kubernetes"
FOLDER = "kubernetes"
OF_GROUPS = frozenset(("domains", "health_host", "workers", "count"))
"""Settings in which the overlays differ. An overlay has them, but `count`, from its first server."""
_LONGEST = 52
"""Characters in the name of a CronJob, whose jobs get eleven more."""


class Overlay(Value):
    """What differs in a group of servers. counts: how many of each process run. absent: timers that do not run in it.

    health_host: the Host header of the probes.
    """

    group: str
    namespace: str
    replicas: int
    counts: Mapping[str, int]
    absent: list[str]
    domains: list[str]
    health_host: str
    workers: int


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the files of the base, then those of the overlays."""
    app = facts.app
    schedules, _ = timers(facts)
    make = partial(_file, facts)
    parts = {"deployment": True, "service": True, "networkpolicy": True, "volume": bool(app.shared_paths)}
    parts |= {"migrate": bool(app.migrate), "processes": bool(_entries(facts, "processes")), "timers": bool(schedules)}
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
    """Return what is missing for the image, the timers that cron cannot say, and the settings that no group can have alone."""
    odd = [f"timers.{name} is left out: {why}." for name, why in timers(facts)[1].items()]
    return [*image_notes(facts), *odd, *_left_out(facts)]


def _left_out(facts: Facts) -> Iterator[str]:
    """Yield the settings of servers that differ from those of their overlay, or of the base if no overlay has the server."""
    for group, (first, *others) in {group: targets for group, targets in _groups(facts).items() if targets}.items():
        for target, key in _differing(first, others):
            yield f"hosts.{target.host.name}.app.{key} is left out: the overlay {group} has the value of {first.host.name}."
    there = {target.host.name for target in _targets(facts)}
    for target, key in _differing(facts.app, [each for each in facts.targets if each.host.name not in there]):
        yield f"hosts.{target.host.name}.app.{key} is left out: the server is in no group, so it has no overlay."


def _differing(of: Target, targets: Sequence[Target]) -> Iterator[tuple[Target, str]]:
    """Yield the servers whose settings differ from those `of` another one, with the keys that an overlay has."""
    for target in targets:
        yield from ((target, key) for key in sorted(OF_GROUPS - {"count"}) if getattr(target, key) != getattr(of, key))


def _file(facts: Facts, path: str, part: str, **values: Any) -> ExportFile:
    processes = _entries(facts, "processes")
    commands = {name: replacing_shell(each.command) for name, each in processes.items()}
    values |= {
        "processes": processes, "timers": _entries(facts, "timers"),
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
    for name, timer in _entries(facts, "timers").items():
        try:
            schedules[name] = cron(timer)
        except ValueError as error:
            others[name] = f'cron cannot say "{timer.schedule}", because {error}'
    return schedules, others


def memory(facts: Facts) -> str:
    """Return the memory limit of a container: app.memory_max if it is a size, in Kubernetes' units."""
    return f"{facts.app.memory_max}i" if facts.memory else "512Mi"


def _groups(facts: Facts) -> dict[str, list[Target]]:
    """Return the settings of each group's servers; without groups, each server is one; without servers, there is `production`.

    A group of balancers alone is none, because the app does not run there.
    """
    groups = facts.settings.groups or {target.host.name: [target.host.name] for target in facts.targets} or {"production": []}
    found = {group: on_app_servers(facts.settings, hosts) for group, hosts in groups.items()}
    return {group: targets for group, targets in found.items() if targets or not groups[group]}


def _targets(facts: Facts) -> list[Target]:
    """Return the settings of the servers of all groups, each once."""
    found = {target.host.name: target for targets in _groups(facts).values() for target in targets}
    return list(found.values())


def _entries(facts: Facts, section: str) -> dict[str, Any]:
    """Return the processes or timers that the base has."""
    return entries(facts.settings, section, _targets(facts))


def _overlays(facts: Facts) -> Iterator[Overlay]:
    """Yield an overlay for each group."""
    schedules, _ = timers(facts)
    processes = _entries(facts, "processes")
    for group, targets in _groups(facts).items():
        app = targets[0] if targets else facts.app
        there = {name for target in targets for name in target.timers} if targets else facts.settings.timers
        yield Overlay(
            group=group,
            namespace=resource_name(f"{app.name}-{group}"),
            replicas=max(len(targets), 1),
            counts={name: _count(facts, name, targets) for name in processes},
            absent=[name for name in schedules if name not in there],
            domains=list(app.domains),
            health_host=app.health_host_header,
            workers=app.workers or facts.workers,
        )


def _count(facts: Facts, name: str, targets: list[Target]) -> int:
    """Return how many of a process run in a group: one at most, if two must never run at once."""
    if not targets:
        process = facts.settings.processes.get(name)
        return process.count if process else 0
    count = sum(target.process_counts.get(name, 0) for target in targets)
    overlap = all(target.processes[name].overlap for target in targets if name in target.processes)
    return count if overlap else min(count, 1)
