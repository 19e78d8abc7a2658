"""The metrics of a server ([metrics]): whether their programs run, and the alerts that fire now."""

from __future__ import annotations

import json
from typing import Any

from selvedge.config.target import Target
from selvedge.resources.metrics import metrics_programs
from selvedge.shell.library import call
from selvedge.value import Value


class Alert(Value):
    """An alert of Prometheus that fires. app, instance: "" if it is not about one."""

    name: str
    severity: str
    app: str
    instance: str
    summary: str

    def as_dict(self) -> dict[str, str]:
        """Return the fields that are not empty, for JSON."""
        return {key: str(value) for key, value in vars(self).items() if value}


def metrics_units(app: Target) -> list[str]:
    """Return the units of a server with metrics."""
    own = ["selvedge-metrics.timer", "selvedge-metrics-private.socket" if app.asked_by else "selvedge-alerts.timer"]
    return [*metrics_programs(app).values(), *own]


def metrics_query(app: Target) -> list[str]:
    """Return shell that prints the state of the metrics, if the app has any."""
    if not app.metrics.enabled:
        return []
    shell = [call("status_metrics", *metrics_units(app))]
    return shell if app.asked_by else [*shell, "status_alerts"]


def parse_alerts(text: str) -> list[Alert] | None:
    """Return the alerts that fire, from Prometheus's answer in JSON; None if that is no answer."""
    try:
        found = json.loads(text)["data"]["alerts"]
        return [_alert(each) for each in found if each["state"] == "firing"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _alert(found: dict[str, Any]) -> Alert:
    labels = found["labels"]
    notes = found.get("annotations", {})
    summary = " ".join(f"{notes.get('summary', '')} {notes.get('remedy', '')}".split())
    severity, app, instance = (str(labels.get(name, "")) for name in ("severity", "app", "instance"))
    return Alert(str(labels["alertname"]), severity, app, instance, summary)
