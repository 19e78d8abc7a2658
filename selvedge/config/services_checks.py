"""Checks of `[services] clients` together with the hosts and the groups."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from selvedge.config.private_addresses import address_problems
from selvedge.config.settings import Settings
from selvedge.config.sources import KeyPath, Source, problem_at
from selvedge.errors import Problem


def clients_problems(settings: Settings, sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield the problems of `services.clients`. sources: the strongest last."""
    if not settings.services.clients:
        return
    for path, problem, remedy in [*_services(settings), *_group(settings), *_addresses(settings)]:
        yield problem_at(sources, path, problem, remedy)


def _services(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    services = settings.services
    if not services.postgres:
        yield ("services", "clients"), "has no effect without a database", "Set `postgres = true`, or delete it."
    if services.redis:
        problem = "cannot be set together with services.clients: Redis has no port, so other servers cannot reach it"
        remedy = "Delete it, and set REDIS_URL in app.env_file to a Redis that all servers reach, such as one of your provider."
        yield ("services", "redis"), problem, remedy
    if len(services.hosts) != 1:
        named = f"names {len(services.hosts)} servers" if services.hosts else "is missing"
        problem = f"{named}, but services.clients needs the one server that has the database"
        yield ("services", "hosts"), problem, 'Name one, as in `hosts = ["db"]`.'


def _group(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    services, groups = settings.services, settings.groups
    if services.clients not in groups:
        close = difflib.get_close_matches(services.clients, groups, n=1)
        example = '`web = ["web-1", "web-2"]`'
        remedy = f"Did you mean `{close[0]}`?" if close else f"Name the servers that use the database in a group: {example}."
        yield ("services", "clients"), f"no group is named {services.clients!r}", remedy
    elif not set(groups[services.clients]) - set(services.hosts):
        problem = "names no other server, but services.clients names this group"
        yield ("groups", services.clients), problem, "Add the servers that use the database, or delete services.clients."


def _addresses(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    names = [*settings.services.hosts[:1], *settings.groups.get(settings.services.clients, ())]
    yield from address_problems(names, settings.hosts, "the database and its clients")
