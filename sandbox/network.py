"""The bridge between this machine and its servers: a private subnet with access to the Internet."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from . import kernel, machine, state
from .shell import SandboxError, attempt, run


def bridge() -> str:
    """Return the bridge's name: 12 characters of the 15 that Linux allows."""
    return f"{kernel.OWN}{state.tag()}"


def ensure() -> IPv4Network:
    """Create what is missing of the bridge and its rules, and return its subnet. The caller holds the lock.

    Raises SandboxError.
    """
    subnet = _subnet()
    name = bridge()
    if attempt(["ip", "link", "show", name]).returncode != 0:
        run(["ip", "link", "add", name, "type", "bridge"])
    run(["ip", "address", "replace", f"{gateway(subnet)}/{subnet.prefixlen}", "dev", name])
    run(["ip", "link", "set", name, "up"])
    kernel.ensure()
    for rule in _rules(name, subnet):
        if attempt(_iptables(rule, "-C")).returncode != 0:
            run(_iptables(rule, "-I"))
    return subnet


def remove() -> list[str]:
    """Remove the bridge and its rules, and restore the kernel settings. The caller holds the lock.

    Return a sentence for each thing that stays because others use it.
    """
    path = state.home() / "network.json"
    if not path.is_file():
        return []
    if others := _other_members():
        return [
            f"The bridge {bridge()} and its rules were not removed, because {', '.join(others)} of this machine use it. "
            f"To remove it later: `sudo ip link delete {bridge()}`."
        ]
    for rule in _rules(bridge(), IPv4Network(json.loads(path.read_text())["subnet"])):
        while attempt(_iptables(rule, "-D")).returncode == 0:
            pass
    attempt(["ip", "link", "delete", bridge()])
    return [] if any(kernel.INTERFACES.glob(f"{kernel.OWN}*")) else kernel.restore()


def exists() -> bool:
    """Return whether the bridge is here."""
    return (kernel.INTERFACES / bridge()).exists()


def _other_members() -> list[str]:
    """Return the interfaces in the bridge that are not a server's. systemd-nspawn names those vb-MACHINE."""
    return sorted(path.name for path in (kernel.INTERFACES / bridge()).glob("brif/*") if not path.name.startswith("vb-"))


def gateway(subnet: IPv4Network) -> IPv4Address:
    """Return this machine's address on the bridge."""
    return subnet.network_address + 1


def new_address(subnet: IPv4Network, taken: Iterable[str]) -> str:
    """Return the next free address of the subnet. Raises SandboxError if all 253 are taken.

    Addresses are given out in turn, so that a freed address is reused late: this machine and the other servers cache
    the old server's hardware address for up to 45 seconds (arp(7), base_reachable_time).
    """
    path = state.home() / "network.json"
    last = json.loads(path.read_text()).get("last", str(gateway(subnet)))
    used = {*taken, str(gateway(subnet))}
    hosts = list(map(str, subnet.hosts()))
    start = hosts.index(last) + 1
    for address in hosts[start:] + hosts[:start]:
        if address not in used:
            state.write(path, json.dumps({"subnet": str(subnet), "last": address}))
            return address
    raise SandboxError(f"All addresses of the sandbox's subnet {subnet} are in use. `fab sandbox.down all` frees them.")


def _subnet() -> IPv4Network:
    path = state.home() / "network.json"
    if path.is_file():
        return IPv4Network(json.loads(path.read_text())["subnet"])
    subnet = pick_subnet(_routes(), int(state.tag(), 16))
    state.write(path, json.dumps({"subnet": str(subnet)}))
    return subnet


def pick_subnet(taken: list[IPv4Network], start: int) -> IPv4Network:
    """Return the first 10.x.y.0/24 from number `start` on that overlaps no network of `taken`. Raises SandboxError."""
    blocks = 1 << 16
    for number in range(start, start + blocks):
        subnet = IPv4Network((int(IPv4Address("10.0.0.0")) + (number % blocks) * 256, 24))
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise SandboxError(
        "Could not find a free private subnet for the sandbox: this machine has a route for every 10.x.y.0/24. "
        "Use Docker instead: `SELVEDGE_SANDBOX_DRIVER=docker fab sandbox.up`."
    )


def _routes() -> list[IPv4Network]:
    """Return the networks of this machine's routes and its name servers, except the default route."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    found = []
    for word in [route["dst"] for route in routes] + machine.nameservers():
        with contextlib.suppress(ipaddress.AddressValueError, ValueError):
            found.append(IPv4Network(word))
    return found


def _rules(name: str, subnet: IPv4Network) -> list[list[str]]:
    """Return the rules as table, chain and match. A Docker engine sets FORWARD's policy to DROP; hence two accepts."""
    return [
        ["nat", "POSTROUTING", "-s", str(subnet), "!", "-o", name, "-j", "MASQUERADE"],
        ["filter", "FORWARD", "-i", name, "-j", "ACCEPT"],
        ["filter", "FORWARD", "-o", name, "-j", "ACCEPT"],
    ]


def _iptables(rule: list[str], verb: str) -> list[str]:
    return ["iptables", "-w", "30", "-t", rule[0], verb, rule[1], *rule[2:]]
