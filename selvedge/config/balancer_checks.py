"""Checks of `[balancer]` together with the hosts, the groups and the other tables."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from selvedge.config.balancer import SUFFIX, Balancer, private_address
from selvedge.config.private_addresses import address_problems, version_problems
from selvedge.config.settings import Settings
from selvedge.config.single_host import single_host_problems
from selvedge.config.sources import KeyPath, Source, problem_at
from selvedge.config.target import Target
from selvedge.errors import Problem

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
INNER = [
    ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
"""The networks of providers and VPNs, which no server outside of them reaches (RFC 1918, 6598, 4193)."""

_SAME = "Delete it there: all balancers and backends have the same app.{key}."


def balancer_problems(settings: Settings, targets: Mapping[str, Target], sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield the problems of `[balancer]`. targets: the settings of the hosts. sources: the strongest last."""
    balancer = settings.balancer
    if not balancer.hosts and not balancer.backends:
        return
    yield from single_host_problems(
        ("balancer",), balancer.hosts, single=(), hosts=settings.hosts, groups=settings.groups, sources=sources
    )
    found = [problem for check in (_missing, _addresses, _reachable) for problem in check(balancer, settings)]
    found += [*_sites(balancer, targets), *_different_apps(balancer, settings, targets)]
    for path, problem, remedy in dict.fromkeys(found):
        yield problem_at(sources, path, problem, remedy)


def _missing(balancer: Balancer, settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    if not balancer.hosts:
        yield ("balancer", "hosts"), "is missing: no server balances the requests", 'Name the servers, as in `hosts = ["lb"]`.'
    if balancer.backends not in settings.groups:
        close = difflib.get_close_matches(balancer.backends, settings.groups, n=1)
        group = '`web = ["web-1", "web-2"]`'
        remedy = f"Did you mean `{close[0]}`?" if close else f"Name the servers that run the app in a group: {group}."
        problem = f"no group is named {balancer.backends!r}" if balancer.backends else "is missing: no servers run the app"
        yield ("balancer", "backends"), problem, remedy
    elif not settings.groups[balancer.backends]:
        yield ("groups", balancer.backends), "is empty, but balancer.backends names it", "Add the servers that run the app."


def _members(balancer: Balancer, settings: Settings) -> list[str]:
    """Return the names of the balancers and of their backends, each once; also those that no host has."""
    return list(dict.fromkeys([*balancer.hosts, *balancer.members(settings.groups)]))


def _addresses(balancer: Balancer, settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    yield from address_problems(_members(balancer, settings), settings.hosts, "balancers and backends")


def _reachable(balancer: Balancer, settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield the hosts whose address does not go together with that of the first balancer: another network, or IPv4 and IPv6."""
    names = _members(balancer, settings)
    yield from version_problems(names, settings.hosts)
    texts = {name: private_address(settings.hosts[name]) for name in names if name in settings.hosts}
    found = {name: ipaddress.ip_address(text) for name, text in texts.items() if text}
    if not found:
        return
    first, ours = next(iter(found.items()))
    for name, address in found.items():
        comparable = address.version == ours.version and not address.is_loopback and not ours.is_loopback
        if comparable and _is_inner(address) != _is_inner(ours):
            kinds = {True: "in a private network", False: "a public address"}
            outer = first if _is_inner(address) else name
            problem = f"{address} is {kinds[_is_inner(address)]}, but {ours}, that of {first}, is {kinds[_is_inner(ours)]}"
            remedy = f"Set the private_address of {outer} in the network of the others, or delete it on all of them."
            yield ("hosts", name, "private_address"), problem, remedy


def _is_inner(address: IPAddress) -> bool:
    return any(address in network for network in INNER if network.version == address.version)


def _sites(balancer: Balancer, targets: Mapping[str, Target]) -> Iterator[tuple[KeyPath, str, str]]:
    for name in balancer.hosts:
        if not (name in targets and (site := targets[name].balancer_site)):
            continue
        if targets[name].balancers and balancer.port in (site.nginx.http_port, site.nginx.https_port):
            problem = f"is {balancer.port}, which {name} needs as a balancer, because it is also a backend"
            yield ("balancer", "port"), problem, "Set another port for the backends, such as 8080."
        if site.nginx.path:
            problem = "cannot be set together with [balancer], which passes on a whole site"
            yield ("nginx", "path"), problem, "Delete one of them."
        if len(balancer.hosts) > 1 and site.challenge == "http":
            problem = "is \"http\", but the authority's request may reach another one of the balancers"
            remedy = 'Set `challenge = "dns"` with dns_plugin under [tls], or bring your own certificate and certificate_key.'
            yield ("tls", "challenge"), problem, remedy


def _different_apps(balancer: Balancer, settings: Settings, targets: Mapping[str, Target]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield the hosts whose app has another name, or answers at other names, than on the first balancer: [hosts.NAME.app]."""
    known = [name for name in _members(balancer, settings) if name in targets]
    apps = {name: targets[name].balancer_site or targets[name] for name in known}
    for name, app in apps.items():
        first = known[0]
        other = apps[first]
        if app.name.removesuffix(SUFFIX) != other.name.removesuffix(SUFFIX):
            problem = f"{name} runs the app {app.name}, but the balancer {first} is that of {other.name.removesuffix(SUFFIX)}"
            yield _own(settings, name, first, "name"), problem, _SAME.format(key="name")
        if set(app.served_names) != set(other.served_names):
            own, names = (", ".join(each.served_names) or "any name" for each in (app, other))
            problem = f"{name} answers at {own}, but the balancer {first} at {names}"
            yield _own(settings, name, first, "domains"), problem, _SAME.format(key="domains")


def _own(settings: Settings, name: str, first: str, key: str) -> KeyPath:
    """Return the setting of [app] that a host has for itself; that of the first balancer if it has none."""
    return ("hosts", name if key in settings.hosts[name].app else first, "app", key)
