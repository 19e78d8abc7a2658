"""The check of the addresses at which the servers of a project find each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from selvedge.config.balancer import private_address
from selvedge.config.hosts import Host
from selvedge.config.sources import KeyPath


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
            problem = f"is missing: {who} find each other by IP address, and `address` is a name"
            yield ("hosts", name, "private_address"), problem, "Set it to the server's address in its private network."
        elif seen.setdefault(address, name) != name:
            problem = f"{address} is also the address of {seen[address]}"
            yield ("hosts", name, "private_address"), problem, "Give each server its own address."
