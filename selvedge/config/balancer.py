"""`[balancer]`: several web servers behind one address."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from selvedge.config.backup import Backup
from selvedge.config.hosts import EntryName, Host
from selvedge.config.section import Section
from selvedge.config.server import Server
from selvedge.config.services import Services
from selvedge.config.types import Port, Text

SERVED = {"static": {}, "media": {}, "spa": "", "cache": "", "gzip": False, "brotli": False, "include": ""}
"""The settings of [nginx] that the backends apply, and the balancer does not."""
OF_BACKEND = ("http_port", "trusted_proxies", "rate_limit", "basic_auth")
"""The settings of [nginx] that a backend has from [balancer]."""
SUFFIX = ".balancer"
"""The end of the name that the balancer's site has on its server. No app has a dot in its name."""


class Balancer(Section):
    """nginx on one server passes the requests to the others, the backends. `fab balancer` sets it up.

    The balancer has the certificate, HTTPS, the limits and the password of the site. A backend answers the balancers alone, over
    HTTP, at its `private_address`.
    """

    hosts: list[EntryName] = Field(
        default_factory=list,
        description="The servers that balance: names of `[hosts]`. A balancer may be one of the backends, too.",
        examples=[["lb"]],
    )
    backends: Text = Field("", description="The group of the servers that run the app.", examples=["web"])
    method: Literal["least_conn", "ip_hash"] = Field(
        "least_conn",
        description="How the balancer chooses a backend: the one with the fewest open requests, or always the same for a client's "
        "address, for an app that keeps state in its process, such as Socket.IO.",
        examples=["ip_hash"],
    )
    port: Port = Field(
        80,
        description="The port of the backends. It must not be one of the balancer's own ports if a balancer is also a backend.",
        examples=[8080],
    )

    def on(self, host: str) -> bool:
        """Return whether a host is a balancer."""
        return host in self.hosts

    def members(self, groups: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the names of the backends, each once."""
        return list(dict.fromkeys(groups.get(self.backends, ()))) if self.hosts else []


def private_address(host: Host) -> str:
    """Return the address at which the other servers reach a host; "" if hosts.toml has no IP address for it.

    An address with a zone (fe80::2%eth0) is none: the zone is the name of a network card of this machine.
    """
    address = host.private_address or host.address
    try:
        return str(ipaddress.ip_address(address)) if "%" not in address else ""
    except ValueError:
        return ""


def endpoint(address: str, port: int) -> str:
    """Return an address with a port."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def of_balancer(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a host for the balancer's site. Nothing of the app runs there."""
    nothing = {"hooks": {}, "processes": {}, "timers": {}, "migrate": "", "env_file": "", "env_command": ""}
    nginx = {**sections["nginx"], **SERVED}
    return {**sections, **nothing, "services": Services(), "database": None, "backup": Backup(), "nginx": nginx}


def of_backend(sections: Mapping[str, Any], balancers: Sequence[str], port: int) -> dict[str, Any]:
    """Return the settings of a host for a backend. balancers: their addresses, which alone tell it the clients' addresses."""
    nginx = {**sections["nginx"], "http_port": port, "trusted_proxies": list(balancers), "rate_limit": "", "basic_auth": []}
    return {**sections, "nginx": nginx, "tls": {"upstream": True}}


def rebooting(machine: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the table [server] of the backend with this number, which reboots 10 minutes after the one before it."""
    hour, minute = map(int, Server.model_validate(machine).reboot_time.split(":"))
    later = (60 * hour + minute + 10 * number) % (24 * 60)
    return {**machine, "reboot_time": f"{later // 60:02}:{later % 60:02}"}
