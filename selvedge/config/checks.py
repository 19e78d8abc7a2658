"""Checks of the tables as they were read: hosts' own tables, groups, secrets in a file that is meant to be shared.

Their problems are reported together with pydantic's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from selvedge.config.balancer_checks import balancer_problems
from selvedge.config.giturl import has_secret
from selvedge.config.hosts import OVERRIDES
from selvedge.config.messages import to_problem
from selvedge.config.metrics import metrics_problems
from selvedge.config.services_checks import clients_problems
from selvedge.config.settings import Settings
from selvedge.config.single_host import single_host_problems, unknown_host
from selvedge.config.sources import KeyPath, Source, problem_at, source_of
from selvedge.config.tables import merged, sets, subtable
from selvedge.config.target import Target
from selvedge.errors import Problem, UsageError


def table_problems(data: dict[str, Any], sources: Sequence[Source]) -> list[Problem]:
    """Return the problems of the tables. data: all sources together. sources: the strongest last."""
    names = [each for source in sources for each in _host_names(source)]
    secrets = [each for source in sources if not source.env_vars for each in _secrets(source)]
    return [*secrets, *names, *_host_sections(data, sources), *_groups(data, sources)]


def host_problems(settings: Settings, sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield the problems of valid tables that do not go together on a host, or on several."""
    targets: dict[str, Target] = {}
    for name in settings.hosts:
        try:
            targets[name] = settings.target(name)
        except UsageError as error:
            yield problem_at(sources, ("hosts", name), error.message)
    # The app runs on no server that only balances.
    balancing = {host for host, app in targets.items() if app.backends}
    targets_of_app = {host: app for host, app in targets.items() if host not in balancing}
    services = settings.services
    named: list[tuple[KeyPath, list[str], list[str]]] = [
        (("services",), services.hosts, [host for host in settings.hosts if host not in balancing and services.wanted])
    ]
    for name, process in settings.processes.items():
        single = [host for host, app in targets_of_app.items() if not app.processes[name].overlap and app.process_counts[name]]
        named.append((("processes", name), process.hosts, single))
    for name, timer in settings.timers.items():
        named.append((("timers", name), timer.hosts, [host for host, app in targets.items() if name in app.timers]))
    for path, chosen, single in named:
        yield from single_host_problems(
            path, chosen, single=single, hosts=settings.hosts, groups=settings.groups, balancing=balancing, sources=sources
        )
    yield from balancer_problems(settings, targets, sources)
    yield from clients_problems(settings, sources)
    yield from metrics_problems(settings.metrics, settings.hosts, settings.measured, sources)
    yield from _host_entries(settings, balancing, sources)


def _host_entries(settings: Settings, balancing: Collection[str], sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield the problems of a host's own [processes] and [timers] that only the general tables, or [balancer], show."""
    for host, settings_of_host in settings.hosts.items():
        for section in ("processes", "timers"):
            for name, table in getattr(settings_of_host, section).items():
                path: KeyPath = ("hosts", host, section, name)
                source = source_of(sources, path)
                general = getattr(settings, section).get(name)
                if host in balancing:
                    problem = f"{host} is only a balancer ([balancer]), so the app does not run there"
                    yield Problem(source.label, source.key_name(path), problem, "Delete the table.")
                elif "hosts" in table:
                    remedy = f"Delete it: the table is for {host} only."
                    yield Problem(source.label, source.key_name((*path, "hosts")), "is not a setting of one host", remedy)
                elif general and general.hosts and host not in general.hosts:
                    problem = f"has no effect, because {section}.{name}.hosts does not name {host}"
                    yield Problem(source.label, source.key_name(path), problem, f"Add {host} to these hosts, or delete the table.")


def _host_tables(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, host) for name, host in subtable(data, "hosts").items() if isinstance(host, dict)]


def _secrets(source: Source) -> Iterator[Problem]:
    apps: list[tuple[KeyPath, dict[str, Any]]] = [(("app",), subtable(source.data, "app"))]
    apps += [(("hosts", name, "app"), subtable(host, "app")) for name, host in _host_tables(source.data)]
    for path, app in apps:
        repository = app.get("repository")
        if isinstance(repository, str) and has_secret(repository):
            remedy = "Use git@host:path with a deploy key, or move the address to .env: `SELVEDGE_APP__REPOSITORY=https://…`."
            problem = "contains a password or token, which must not be in this file"
            yield Problem(source.label, source.key_name((*path, "repository")), problem, remedy)


def _host_names(source: Source) -> Iterator[Problem]:
    for name, host in _host_tables(source.data):
        if "name" in host:
            key = source.key_name(("hosts", name, "name"))
            yield Problem(source.label, key, "is not a setting", "Delete it: the NAME in [hosts.NAME] is the host's name.")


def _host_sections(data: dict[str, Any], sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield the problems of the hosts' own sections, merged into the general ones, which these do not have already."""
    for name, host in _host_tables(data):
        for section in OVERRIDES:
            annotation, own = Settings.model_fields[section].annotation, subtable(host, section)
            if own:
                known = {(error["loc"], error["msg"]) for error in _errors(annotation, subtable(data, section))}
                for error in _errors(annotation, merged(subtable(data, section), own)):
                    if sets(own, error["loc"]) or (error["loc"], error["msg"]) not in known:
                        yield to_problem(error, sources, ("hosts", name, section))


def _errors(annotation: Any, data: dict[str, Any]) -> list[Any]:
    try:
        TypeAdapter(annotation).validate_python(data)
    except ValidationError as error:
        return list(error.errors())
    return []


def _groups(data: dict[str, Any], sources: Sequence[Source]) -> Iterator[Problem]:
    hosts = subtable(data, "hosts")
    for group, members in subtable(data, "groups").items():
        source = source_of(sources, ("groups", group))
        key = source.key_name(("groups", group))
        if group in hosts:
            yield Problem(source.label, key, "is also the name of a host", "Rename the group.")
        for member in members if isinstance(members, list) else ():
            if isinstance(member, str) and member not in hosts:
                yield Problem(source.label, key, *unknown_host(member, hosts))
