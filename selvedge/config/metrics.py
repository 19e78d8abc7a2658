"""`[metrics]`: metrics of the server, the site and the app, and the alerts about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from selvedge.config.balancer import private_address
from selvedge.config.hosts import Host
from selvedge.config.private_addresses import address_problems, version_problems
from selvedge.config.section import Section
from selvedge.config.single_host import unknown_host
from selvedge.config.sources import Source, problem_at
from selvedge.config.types import Seconds, Switch, Text, Whole
from selvedge.errors import Problem

METRICS_PORT = 9180
"""nginx answers Prometheus here on loopback, and at the private address of a server that another one asks."""


def _path(value: str) -> str:
    if value and not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?", value, re.ASCII):
        raise ValueError("must be a path of letters, digits and any of . _ ~ - / such as /metrics")
    return value


MetricsPath = Annotated[Text, AfterValidator(_path)]


class Metrics(Section):
    """Prometheus on the server, with metrics of the server, nginx, the app and its services, and alerts. `fab metrics` sets it up.

    Everything listens on loopback only. `fab tunnel --port 9090` shows Prometheus's pages in your browser. `fab metrics --remove`
    removes it all.
    """

    enabled: Switch = Field(
        False, description="Install Prometheus and what it asks. `fab setup` and `fab deploy` do it.", examples=[True]
    )
    path: MetricsPath = Field(
        "/metrics",
        description="The path of the app's own metrics. An app that does not have it has the metrics of nginx. Visitors get 404 "
        "there. Empty: do not ask the app, and leave its paths alone.",
        examples=["/internal/metrics"],
    )
    public: Switch = Field(False, description="Let visitors see `path`, too.", examples=[True])
    slow: Seconds = Field(
        2.0, gt=0, le=30, description="Seconds: an alert says when 5 % of the requests take longer for 10 minutes.", examples=[0.5]
    )
    errors: Whole = Field(
        5, ge=1, le=100, description="Per cent: an alert says when more of the requests fail (5xx) for 5 minutes.", examples=[1]
    )
    backup_hours: Whole = Field(
        26, ge=1, le=9999, description="Hours: an alert says when the last good backup is older (`[backup]`).", examples=[170]
    )
    server: Text = Field(
        "",
        description="The server, a name of `[hosts]`, whose Prometheus also asks the others, at their `private_address`. Their "
        "firewall lets in only this server. Default: each server has its own Prometheus.",
        examples=["server"],
    )

    def asked(self, host: str, hosts: Mapping[str, Host], enabled: Sequence[str]) -> list[str]:
        """Return the names of the other servers that a host's Prometheus asks. enabled: those with metrics."""
        return [name for name in enabled if name != host and private_address(hosts[name])] if self.server == host else []

    def asked_by(self, host: str, hosts: Mapping[str, Host], enabled: Sequence[str]) -> str:
        """Return the address of the server whose Prometheus asks a host; "" if that is the host itself. enabled: as for `asked`."""
        if host not in enabled or self.server == host or self.server not in hosts:
            return ""
        return private_address(hosts[self.server])


def metrics_problems(
    metrics: Metrics, hosts: Mapping[str, Host], enabled: Sequence[str], sources: Sequence[Source]
) -> Iterator[Problem]:
    """Yield the problems of `metrics.server`.

    enabled: the hosts with metrics. sources: the strongest last.
    """
    for name in (name for name, host in hosts.items() if "server" in host.metrics):
        remedy = "Delete it, and set `server` in [metrics]: one Prometheus asks all servers."
        yield problem_at(sources, ("hosts", name, "metrics", "server"), "is not a setting of one host", remedy)
    if not metrics.server:
        return
    if metrics.server not in hosts:
        yield problem_at(sources, ("metrics", "server"), *unknown_host(metrics.server, hosts))
        return
    if enabled and metrics.server not in enabled:
        problem = f"is {metrics.server}, which has no metrics itself, so no Prometheus would ask the other servers"
        remedy = f"Set `enabled = true` under [hosts.{metrics.server}.metrics], or name another server."
        yield problem_at(sources, ("metrics", "server"), problem, remedy)
    names, who = [metrics.server, *enabled], "metrics.server and the servers that it asks"
    for path, problem, remedy in (*address_problems(names, hosts, who), *version_problems(names, hosts)):
        yield problem_at(sources, path, problem, remedy)
