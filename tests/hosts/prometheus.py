"""Questions to the Prometheus of a server."""

from __future__ import annotations

import json
from typing import Any

from sandbox import Server

API = "http://127.0.0.1:9090/api/v1"
QUICKER = """cd /etc/selvedge/metrics
cp rules.yml /root/rules.yml
sed -i 's/ for: [0-9]*m$/ for: 1s/' rules.yml
sed -i 's/: 30s/: 5s/; s/: 10s/: 5s/' prometheus.yml
systemctl restart prometheus
"""
"""Minutes become seconds. The expressions of the rules stay. `fab metrics` takes it back."""


def ask(server: Server, query: str) -> list[dict[str, Any]]:
    """Return the result of a query."""
    found: list[dict[str, Any]] = _get(server, f"-G {API}/query --data-urlencode 'query={query}'")["result"]
    return found


def alerts(server: Server) -> list[dict[str, Any]]:
    """Return the alerts that are pending or fire."""
    found: list[dict[str, Any]] = _get(server, f"{API}/alerts")["alerts"]
    return found


def _get(server: Server, arguments: str) -> dict[str, Any]:
    """A Prometheus that has just been started answers after some seconds: connections are refused first, then comes a 503."""
    done = server.run(f"curl -sf --retry 30 --retry-delay 1 --retry-connrefused {arguments}")
    found: dict[str, Any] = json.loads(done.stdout)["data"]
    return found
