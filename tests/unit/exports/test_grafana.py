"""`fab export.grafana`: three dashboards that ask for metrics which the server has, and Grafana's provisioning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import yaml

from selvedge.exports.grafana import DASHBOARDS
from selvedge.exports.written import is_unedited
from selvedge.project.render import template
from selvedge.resources.metrics import alert_limits
from selvedge.shell.library import library
from tests.support.exports import Exported

Make = Callable[..., Exported]


def test_the_dashboards_and_their_provisioning_are_written(exported: Make) -> None:
    made = exported()
    made.make("grafana")
    for name, (title, panels, variables) in DASHBOARDS.items():
        text = (made.folder / f"grafana/dashboards/selvedge-{name}.json").read_text()
        assert is_unedited(text, "grafana")
        found = json.loads(text)
        assert (found["uid"], found["title"]) == (f"selvedge-{name}", f"Selvedge: {title}")
        assert [each["title"] for each in found["panels"]] == [panel[0] for panel in panels]
        assert {each["name"] for each in found["templating"]["list"]} == set(variables)
        assert found["annotations"]["list"][0]["useValueForTime"] == "on"
    sources = yaml.safe_load((made.folder / "grafana/provisioning/datasources/selvedge.yaml").read_text())
    assert sources["datasources"][0]["uid"] == "selvedge"
    providers = yaml.safe_load((made.folder / "grafana/provisioning/dashboards/selvedge.yaml").read_text())
    assert providers["providers"][0]["options"]["path"] == "/etc/grafana/selvedge"
    assert "unchanged  grafana/dashboards/selvedge-app.json" in made.make("grafana")


def test_each_query_and_rule_asks_for_metrics_that_are_written() -> None:
    written = set(re.findall(r"selvedge_[a-z_]+", library("collect") + template("metrics/requests.mtail.j2")))
    written |= {"selvedge_request_seconds_bucket"}
    queries = [query for _, panels, _ in DASHBOARDS.values() for _, _, targets in panels for query, _ in targets]
    asked = set(re.findall(r"\bselvedge_[a-z_]+", "\n".join([*queries, template("metrics/rules.yml.j2", **alert_limits())])))
    assert asked <= written and len(asked) > 8
