"""What the servers of hosts.toml have in common. An export describes one environment, and servers may differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

from selvedge.config.hosts import Host
from selvedge.config.settings import Settings
from selvedge.config.target import Target

_APP = (
    "module", "factory", "server", "worker_class", "workers", "timeout", "stop_timeout", "log_level", "access_log",
    "root", "requirements", "extras", "dependency_groups", "python", "installer", "index_strategy", "build_env_file",
    "shared_paths",
    "health", "health_status", "health_host", "health_timeout", "start_timeout", "migrate", "migrate_timeout",
    "memory_max", "tasks_max",
    "domains", "strategy", "drain", "keep_releases",
)  # fmt: skip
_NGINX = ("path", "max_body", "read_timeout")
SECTIONS = ("processes", "timers")


def own_hosts(settings: Settings) -> list[str]:
    """Return the names of the servers of hosts.toml, without those of the sandbox."""
    return [name for name in settings.hosts if name not in settings.sandbox]


def own_targets(settings: Settings) -> list[Target]:
    """Return the settings of each server of hosts.toml on which the app runs, so without those that only balance."""
    return on_app_servers(settings, own_hosts(settings))


def on_app_servers(settings: Settings, names: Sequence[str]) -> list[Target]:
    """Return the settings of these servers, without those that only balance ([balancer])."""
    return [app for app in map(settings.target, names) if not app.backends]


def shared_target(settings: Settings) -> Target:
    """Return the settings of the servers if they are the same on all of them, else those without the tables of single servers."""
    targets = own_targets(settings)
    if targets and all(_values(each) == _values(targets[0]) for each in targets):
        return targets[0]
    return settings.target(Host(name="export", address="localhost"))


def entries(settings: Settings, section: str, targets: Sequence[Target]) -> dict[str, Any]:
    """Return the processes or timers of an export: those of the section, then those that only single servers have.

    If all servers that have an entry agree, it is theirs.
    """
    found: dict[str, Any] = dict(getattr(settings, section))
    for name in dict.fromkeys(name for target in targets for name in getattr(target, section)):
        theirs = [getattr(target, section)[name] for target in targets if name in getattr(target, section)]
        if name not in found or all(each == theirs[0] for each in theirs):
            found[name] = theirs[0]
    return found


def differences(settings: Settings, app: Target, targets: Sequence[Target], left: Set[str]) -> Iterator[str]:
    """Yield the settings of single servers that an export of `app` does not have, as hosts.NAME.….

    left: keys that the export has for each server, or that it does not need.
    """
    ours = _values(app)
    for target in targets:
        for key, value in _values(target).items():
            if key.rpartition(".")[2] not in left and value != ours[key]:
                yield f"hosts.{target.host.name}.{key}"
    for section in SECTIONS:
        base = entries(settings, section, targets)
        for target in targets:
            for name, entry in getattr(target, section).items():
                for key in type(entry).model_fields:
                    if key not in left | {"hosts"} and getattr(entry, key) != getattr(base[name], key):
                        yield f"hosts.{target.host.name}.{section}.{name}.{key}"


def _values(target: Target) -> dict[str, Any]:
    """Return the settings that the exports use, by their names in hosts.toml."""
    return {
        **{f"app.{key}": getattr(target, key) for key in _APP},
        **{f"nginx.{key}": getattr(target.nginx, key) for key in _NGINX},
        "server.packages": target.machine.packages,
        "mirrors.pypi": target.mirrors.pypi_url,
    }
