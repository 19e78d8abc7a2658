"""IP addresses of names, and which of them say something about a server."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterable


def resolve(name: str) -> frozenset[str]:
    """Return the addresses of a name; none if it cannot be resolved."""
    try:
        return frozenset(str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


def is_loopback(address: str) -> bool:
    """Return whether an address or name is that of the machine itself."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"


def reachable(addresses: Iterable[str]) -> list[str]:
    """Return the addresses that another machine can use: not loopback, not link-local."""
    return [each for each in addresses if not (is_loopback(each) or each.lower().startswith("fe80:"))]


def may_be_translated(addresses: Iterable[str], own: Iterable[str]) -> bool:
    """Return whether the addresses may be those of a router with address translation: the server itself has no public one."""
    ours, theirs = _parsed(own), _parsed(addresses)
    return not any(each.is_global for each in ours) and all(each.is_global and each.version == 4 for each in theirs)


def _parsed(addresses: Iterable[str]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    found = []
    for each in addresses:
        with contextlib.suppress(ValueError):
            found.append(ipaddress.ip_address(each.partition("%")[0]))
    return found
