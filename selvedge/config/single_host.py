"""`hosts` of a process, timer or service: the names exist, and what must run once does not run on each server of a group."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence

from selvedge.config.sources import KeyPath, Source, source_of
from selvedge.errors import Problem


def single_host_problems(
    path: KeyPath,
    chosen: Sequence[str],
    *,
    single: Collection[str],
    hosts: Collection[str],
    groups: Mapping[str, Sequence[str]],
    sources: Sequence[Source],
    balancing: Collection[str] = (),
) -> Iterator[Problem]:
    """Yield the problems of `hosts` in the table at `path`, such as ("processes", "beat").

    chosen: the value of its `hosts`, empty if it runs on all hosts of the app. single: the hosts on which it runs, if it must run
    once for all servers: a timer, a service, a process with `overlap = false`. hosts, groups: those of the settings. sources: the
    strongest last. balancing: the hosts that only balance ([balancer]), on which nothing of the app runs.
    """
    key = (*path, "hosts")
    source = source_of(sources, key if chosen else path)
    for name in chosen:
        if name in groups:
            listed = ", ".join(f'"{each}"' for each in dict.fromkeys(groups[name]))
            yield Problem(source.label, source.key_name(key), f"{name!r} is a group", f"Name its hosts: `hosts = [{listed}]`.")
        elif name not in hosts:
            yield Problem(source.label, source.key_name(key), *unknown_host(name, hosts))
        elif name in balancing:
            problem = f"{name} is only a balancer ([balancer]), so the app does not run there"
            yield Problem(source.label, source.key_name(key), problem, "Name one of the backends instead.")
    if not chosen and (shared := _shared_group(groups, single)):
        group, members = shared
        names = f"{', '.join(members[:-1])} and {members[-1]}"
        problem = f"would run on each server of the group {group}, at the same time: {names}"
        first, table = members[0], ".".join(str(each) for each in path)
        remedy = f'Add `hosts = ["{first}"]` to [{table}] to run it on one of them. If each server needs its own, name them all.'
        yield Problem(source.label, source.key_name(path), problem, remedy)


def unknown_host(name: str, hosts: Collection[str]) -> tuple[str, str]:
    """Return the problem and the remedy for the name of a host that hosts.toml does not have."""
    close = difflib.get_close_matches(name, hosts, n=1)
    known = f"Use one of the hosts {', '.join(hosts)}." if hosts else f"Add a table [hosts.{name}]."
    return f"no host is named {name!r}", f"Did you mean `{close[0]}`?" if close else known


def _shared_group(groups: Mapping[str, Sequence[str]], single: Collection[str]) -> tuple[str, list[str]] | None:
    """Return the first group with several of these hosts, and those; None if there is none."""
    members = {group: [name for name in dict.fromkeys(names) if name in single] for group, names in groups.items()}
    return next(((group, names) for group, names in members.items() if len(names) > 1), None)
