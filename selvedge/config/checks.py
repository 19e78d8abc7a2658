"""What no single value shows: hosts' own tables, groups, secrets in a file that is meant to be shared.

All of it looks at the tables as they were read, so that it is told together with what pydantic finds.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from selvedge.config.giturl import has_secret
from selvedge.config.hosts import OVERRIDES
from selvedge.config.messages import Layer, Path, explain
from selvedge.config.schema import section_of
from selvedge.config.settings import Settings, merged
from selvedge.errors import Problem, UsageError


def check(data: dict[str, Any], layers: Sequence[Layer]) -> list[Problem]:
    """All problems of this module. data: what the layers, the strongest last, come to together."""
    hosts = [each for layer in layers for each in _host_names(layer)]
    secrets = [each for layer in layers if not layer.variables for each in _credentials(layer)]
    return [*secrets, *hosts, *_host_tables(data, layers), *_groups(data, layers)]


def targets(settings: Settings, layers: Sequence[Layer]) -> Iterator[Problem]:
    """What is wrong with the settings of a host as a whole, each table being right."""
    for name in settings.hosts:
        try:
            settings.target(name)
        except UsageError as error:
            layer = next(each for each in reversed(layers) if each.has(("hosts", name)))
            yield Problem(layer.label, layer.key(("hosts", name)), error.message)


def table(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The table `name` in `data`; empty if there is none, or something else."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _host_tables_of(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, host) for name, host in table(data, "hosts").items() if isinstance(host, dict)]


def _credentials(layer: Layer) -> Iterator[Problem]:
    apps: list[tuple[Path, dict[str, Any]]] = [(("app",), table(layer.data, "app"))]
    apps += [(("hosts", name, "app"), table(host, "app")) for name, host in _host_tables_of(layer.data)]
    for path, app in apps:
        source = app.get("repository")
        if isinstance(source, str) and has_secret(source):
            remedy = "Use git@host:path with the server's deploy key, or set SELVEDGE_APP__REPOSITORY in .env."
            problem = "holds a password or token, and this file is meant to be shared"
            yield Problem(layer.label, layer.key((*path, "repository")), problem, remedy)


def _host_names(layer: Layer) -> Iterator[Problem]:
    for name, host in _host_tables_of(layer.data):
        if "name" in host:
            key = layer.key(("hosts", name, "name"))
            yield Problem(layer.label, key, "is not a setting", "The host is called as its table is.")


def _host_tables(data: dict[str, Any], layers: Sequence[Layer]) -> Iterator[Problem]:
    """What is wrong in the hosts' own tables, each laid over the general one, and is not wrong there already."""
    for name, host in _host_tables_of(data):
        for section in OVERRIDES:
            model, own = section_of(Settings.model_fields[section].annotation), table(host, section)
            if model and own:
                known = {(error["loc"], error["msg"]) for error in _errors(model, table(data, section))}
                for error in _errors(model, merged(table(data, section), own)):
                    if error["loc"][:1] in {(key,) for key in own} or (error["loc"], error["msg"]) not in known:
                        yield explain(error, layers, ("hosts", name, section))


def _errors(model: type[BaseModel], data: dict[str, Any]) -> list[Any]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        return list(error.errors())
    return []


def _groups(data: dict[str, Any], layers: Sequence[Layer]) -> Iterator[Problem]:
    hosts = table(data, "hosts")
    for group, members in table(data, "groups").items():
        layer = next((each for each in reversed(layers) if each.has(("groups", group))), layers[0])
        key = layer.key(("groups", group))
        if group in hosts:
            yield Problem(layer.label, key, "is the name of a host too", "Give the group another name.")
        for member in members if isinstance(members, list) else ():
            if isinstance(member, str) and member not in hosts:
                close = difflib.get_close_matches(member, hosts, n=1)
                hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(hosts) or 'none yet'}."
                yield Problem(layer.label, key, f"there is no host {member!r}", hint)
