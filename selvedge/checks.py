"""What no single value shows: hosts' own tables, groups, secrets in a file that is meant to be shared."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from selvedge.errors import Problem
from selvedge.fields import section_of
from selvedge.giturl import has_secret
from selvedge.hosts import OVERRIDES
from selvedge.problems import Layer, explain
from selvedge.settings import Settings, merged


def credentials(layers: Sequence[Layer]) -> Iterator[Problem]:
    """A password or token in an address that stands in hosts.toml, which belongs into the repository."""
    for layer in layers:
        tables = {("app",): layer.data.get("app")}
        hosts = layer.data.get("hosts")
        for name, host in hosts.items() if isinstance(hosts, dict) else ():
            tables["hosts", name, "app"] = host.get("app") if isinstance(host, dict) else None
        for path, table in tables.items():
            source = table.get("repository") if isinstance(table, dict) else None
            if isinstance(source, str) and has_secret(source) and layer.label.endswith(".toml"):
                key = layer.key((*path, "repository"))
                remedy = "Use git@host:path with the server's deploy key, or set SELVEDGE_APP__REPOSITORY in .env."
                yield Problem(
                    layer.label, key, "holds a password or token, and this file is meant to be shared", remedy
                )


def host_names(layers: Sequence[Layer]) -> Iterator[Problem]:
    """A `name` in a host's table: the name is that of the table."""
    for layer in layers:
        hosts = layer.data.get("hosts")
        for name, host in hosts.items() if isinstance(hosts, dict) else ():
            if isinstance(host, dict) and "name" in host:
                yield Problem(
                    layer.label, layer.key(("hosts", name, "name")), "is not a setting", "The table's own name is it."
                )


def host_tables(data: dict[str, Any], layers: Sequence[Layer]) -> Iterator[Problem]:
    """What is wrong in the hosts' own tables, each laid over the general one, and is not wrong there already."""
    hosts = data.get("hosts")
    for name, host in hosts.items() if isinstance(hosts, dict) else ():
        for section in OVERRIDES if isinstance(host, dict) else ():
            own, general = host.get(section), data.get(section, {})
            model = section_of(Settings.model_fields[section].annotation)
            if model and isinstance(own, dict) and own and isinstance(general, dict):
                yield from _table_problems(model, general, own, layers, ("hosts", name, section))


def _table_problems(
    model: type[BaseModel],
    general: dict[str, Any],
    own: dict[str, Any],
    layers: Sequence[Layer],
    within: tuple[str, ...],
) -> Iterator[Problem]:
    known = {(error["loc"], error["msg"]) for error in _errors(model, general)}
    for error in _errors(model, merged(general, own)):
        if (error["loc"], error["msg"]) not in known or error["loc"][:1] in {(key,) for key in own}:
            yield explain(error, layers, within)


def _errors(model: type[BaseModel], data: dict[str, Any]) -> list[Any]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        return error.errors()
    return []


def groups(settings: Settings, layers: Sequence[Layer]) -> Iterator[Problem]:
    """Groups that are called like a host, or hold one that there is not."""
    for group, members in settings.groups.items():
        layer = next((each for each in reversed(layers) if each.has(("groups", group))), layers[0])
        key = layer.key(("groups", group))
        if group in settings.hosts:
            yield Problem(layer.label, key, "is the name of a host too", "Give the group another name.")
        for member in members:
            if member not in settings.hosts:
                close = difflib.get_close_matches(member, settings.hosts, n=1)
                hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(settings.hosts) or 'none yet'}."
                yield Problem(layer.label, key, f"there is no host {member!r}", hint)


def targets(settings: Settings, layers: Sequence[Layer]) -> list[Problem]:
    """What is wrong with the settings of a host as a whole."""
    problems = []
    for name in settings.hosts:
        try:
            settings.target(name)
        except ValidationError as error:
            problems += [explain(each, layers, ("hosts", name)) for each in error.errors()]
    return problems
