"""The check of the addresses at which the servers of a project find each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

from selvedge.config.balancer import private_address
from selvedge.config.hosts import Host
from selvedge.config.sources import KeyPath

BROADCAST = IPv4Address("255.255.255.255")


def address_problems(names: Sequence[str], hosts: Mapping[str, Host], who: str) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield the key, the problem and the remedy for each host without an IP address, or with that of another one.

    who: what these hosts are, in the plural. Unknown names are another check's.
    """
    seen: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if name not in hosts:
            continue
        address = private_address(hosts[name])
        if not address:
            zone = "%" in hosts[name].address
            kind = "is an address with a zone, which has no meaning on another server" if zone else "is a name"
            problem = f"is missing: {who} find each other by IP address, and `address` {kind}"
            yield ("hosts", name, "private_address"), problem, "Set it to the server's address in its private network."
        elif seen.setdefault(address, name) != name:
            problem = f"{address} is also the address of {seen[address]}"
            yield ("hosts", name, "private_address"), problem, "Give each server its own address."
        elif kind := _unreachable(ipaddress.ip_address(address)):
            problem = f"{address} is {kind}"
            yield ("hosts", name, "private_address"), problem, "Set it to the server's address in its private network."


def _unreachable(address: IPv4Address | IPv6Address) -> str:
    """Return what an address is if no other server can connect to it; "" if one may."""
    if address.is_loopback:
        return "an address of this server itself, where no other one reaches it"
    if address.is_unspecified:
        return "no address of a server: programs that listen there listen at all addresses"
    if address.is_multicast or address == BROADCAST:
        return "no address of a single server, but of several at once"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return f"{address.ipv4_mapped} written as IPv6, which nginx and the firewall take for another address"
    return ""


def version_problems(names: Sequence[str], hosts: Mapping[str, Host]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield the key, the problem and the remedy for each host whose address has not the version of that of the first host."""
    texts = {name: private_address(hosts[name]) for name in dict.fromkeys(names) if name in hosts}
    found = {name: ipaddress.ip_address(text) for name, text in texts.items() if text}
    first, ours = next(iter(found.items()), ("", None))
    for name, address in found.items():
        if ours and address.version != ours.version:
            problem = f"{address} is an IPv{address.version} address, but that of {first} is {ours}"
            remedy = "They reach each other by one version: set addresses of the same one."
            yield ("hosts", name, "private_address"), problem, remedy
