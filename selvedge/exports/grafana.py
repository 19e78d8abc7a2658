"""`fab export.grafana`: dashboards of the metrics ([metrics]), and the files with which Grafana finds them and Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile, mark, marked

NAME = "grafana"
FOLDER = "grafana"
SOURCE = {"type": "prometheus", "uid": "selvedge"}
REQUESTS = 'selvedge_requests_total{app="$app"}[5m]'
FAILED = 'selvedge_requests_total{app="$app", status=~"5.."}[5m]'
TIMES = 'selvedge_request_seconds_bucket{app="$app"}[5m]'
HERE = 'instance="$instance"'
DISK = f'{HERE}, fstype!~"tmpfs|ramfs|squashfs"'

Panel = tuple[str, str, Sequence[tuple[str, str]]]
"""The title, the unit, and the queries with their legends."""
SERVER: Sequence[Panel] = (
    ("CPU", "percentunit", [(f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{HERE}, mode="idle"}}[5m]))', "busy")]),
    ("Memory", "percentunit", [(f"1 - node_memory_MemAvailable_bytes{{{HERE}}} / node_memory_MemTotal_bytes", "used")]),
    ("Disk", "percentunit", [(f"1 - node_filesystem_avail_bytes{{{DISK}}} / node_filesystem_size_bytes", "{{mountpoint}}")]),
    ("Load", "short", [(f"node_load1{{{HERE}}}", "1 minute"), (f"node_load15{{{HERE}}}", "15 minutes")]),
    ("Network", "Bps", [
        (f'rate(node_network_receive_bytes_total{{{HERE}, device!="lo"}}[5m])', "{{device}} in"),
        (f'rate(node_network_transmit_bytes_total{{{HERE}, device!="lo"}}[5m])', "{{device}} out"),
    ]),
    ("What Prometheus asks", "short", [(f"up{{{HERE}}}", "{{job}}")]),
)  # fmt: skip
SITE: Sequence[Panel] = (
    ("Requests by status", "reqps", [(f"sum by (status) (rate({REQUESTS}))", "{{status}}")]),
    ("Failed requests (5xx)", "percentunit", [(f"(sum(rate({FAILED})) or vector(0)) / sum(rate({REQUESTS}))", "share")]),
    ("Time of an answer", "s", [
        (f"histogram_quantile({share}, sum by (le) (rate({TIMES})))", f"{share:.0%}") for share in (0.5, 0.95, 0.99)
    ]),
    ("nginx's connections", "short", [
        ("nginx_connections_active", "{{instance}} active"), ("nginx_connections_waiting", "{{instance}} waiting"),
    ]),
    ("Certificate", "s", [('selvedge_certificate_expiry_seconds{app="$app"} - time()', "{{instance}}")]),
)  # fmt: skip
APP: Sequence[Panel] = (
    ("Requests by release", "reqps", [(f"sum by (release) (rate({REQUESTS}))", "{{release}}")]),
    ("Failed requests by release", "percentunit", [
        (f"sum by (release) (rate({FAILED})) / sum by (release) (rate({REQUESTS}))", "{{release}}"),
    ]),
    ("Time of 95 % of the answers, by release", "s", [
        (f"histogram_quantile(0.95, sum by (release, le) (rate({TIMES})))", "{{release}}"),
    ]),
    ("Answers its health check", "short", [('selvedge_app_up{app="$app"}', "{{instance}}")]),
    ("Restarts", "short", [('increase(selvedge_process_restarts_total{app="$app"}[1h])', "{{instance}} {{process}}")]),
    ("Failed timers", "short", [('selvedge_timer_failed{app="$app"}', "{{instance}} {{timer}}")]),
    ("Age of the last backup", "s", [('time() - selvedge_backup_last_seconds{app="$app"}', "{{instance}}")]),
)  # fmt: skip
RELEASES = "(selvedge_release_start_seconds * 1000) * on (app, instance) group_left (release, branch) selvedge_release_info"
"""The moment of each release in milliseconds, as Grafana takes the time of an annotation from a value."""
DASHBOARDS = {
    "server": ("Server", SERVER, {"instance": "label_values(node_uname_info, instance)"}),
    "site": ("Site", SITE, {"app": "label_values(selvedge_limit, app)"}),
    # A balancer's site has no releases there.
    "app": ("App", APP, {"app": 'label_values(selvedge_limit{app!~".+[.]balancer"}, app)'}),
}


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the files of the provisioning, and a file for each dashboard."""
    for kind in ("datasources", "dashboards"):
        yield rendered(facts, f"{FOLDER}/provisioning/{kind}/selvedge.yaml", f"grafana/{kind}.yaml.j2", NAME)
    for name, (title, panels, variables) in DASHBOARDS.items():
        text = json.dumps(dashboard(name, title, panels, variables), indent=2) + "\n"
        yield ExportFile(f"{FOLDER}/dashboards/selvedge-{name}.json", marked(text))


def notes(_facts: Facts) -> Sequence[str]:
    """Return what to do with the files."""
    return ("Mount grafana/provisioning at /etc/grafana/provisioning, and grafana/dashboards at /etc/grafana/selvedge.",)


def dashboard(name: str, title: str, panels: Sequence[Panel], variables: dict[str, str]) -> dict[str, Any]:
    """Return a dashboard in Grafana's form."""
    release = {
        "datasource": SOURCE, "enable": True, "expr": RELEASES, "iconColor": "blue", "name": "Releases", "step": "60s",
        "titleFormat": "{{app}}", "textFormat": "{{release}} ({{branch}})", "useValueForTime": "on",
    }  # fmt: skip
    return {
        "description": f"{mark(NAME)} After an edit, Selvedge overwrites this file only with --force.",
        "uid": f"selvedge-{name}",
        "title": f"Selvedge: {title}",
        "tags": ["selvedge"],
        "schemaVersion": 39,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": [release]},
        "templating": {"list": [_variable(key, query) for key, query in variables.items()]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(panels)],
    }


def _variable(name: str, query: str) -> dict[str, Any]:
    return {"name": name, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1}


def _panel(number: int, title: str, unit: str, queries: Sequence[tuple[str, str]]) -> dict[str, Any]:
    targets = [
        {"datasource": SOURCE, "refId": chr(ord("A") + index), "expr": query, "legendFormat": legend}
        for index, (query, legend) in enumerate(queries)
    ]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": targets,
    }
