"""`fab status` and `fab doctor`: the programs of [metrics], and the alerts of Prometheus. The script runs with fake programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.operations.doctor.facts import ServerFacts, facts_query
from selvedge.operations.doctor.server import check_server
from selvedge.operations.status import status
from selvedge.resources.base import Ask
from tests.hosts.scripts.operations.fakes import Fake

SAID = "web:\n  only 7% of the memory is free.|`fab -H one status` shows \x1b[31mthe app's part."
TEXT = " ".join(SAID.replace("|", " ").split())


def alert(name: str, summary: str = "", state: str = "firing", **labels: str) -> dict[str, Any]:
    """Return an alert as Prometheus has it. summary: what happened, and after "|" what to do."""
    about = {"alertname": name, "instance": "one", **labels}
    notes = dict(zip(("summary", "remedy"), summary.split("|"), strict=False)) if summary else {}
    return {"labels": about, "annotations": notes, "state": state}


ALERTS = [
    alert("MemoryLow", SAID, severity="warning"),
    alert("SlowRequests", app="hello.balancer"),
    alert("AppDown", "another app", app="shop"),
    alert("DiskFull", "not yet", state="pending"),
]
PROGRAMS = ["prometheus", "prometheus-node-exporter", "prometheus-nginx-exporter", "mtail"]
UNITS = [*PROGRAMS, "selvedge-metrics.timer", "selvedge-alerts.timer"]


@pytest.fixture
def one(fake: Callable[..., Fake]) -> Callable[..., Fake]:
    """Return a server that is not deployed, with these alerts. states: those of its units, "active" for the others."""

    def make(alerts: object = (), states: dict[str, str] | None = None, **more: Any) -> Fake:
        found = fake("one", **{"metrics": {"enabled": True}, **more})
        server = found.servers["one"]
        lines = "".join(f"{unit}) echo {state} ;; " for unit, state in (states or {}).items())
        server.program("systemctl", f"shift; for unit; do case $unit in {lines}*) echo active ;; esac; done")
        answer = alerts if isinstance(alerts, str) else json.dumps({"status": "success", "data": {"alerts": list(alerts)}})  # type: ignore[call-overload]
        server.path("/var/log/answer").write_text(answer)
        server.program("curl", 'printf "%s\\n" "$*" >>/var/log/asked; cat /var/log/answer')
        return found

    return make


def lines(one: Fake) -> list[str]:
    """Return the report's lines about metrics and alerts."""
    return [" ".join(line.split()[1:]) for line in one.text.splitlines() if " metrics " in line or " alert " in line]


def test_nothing_is_said_or_asked_without_metrics(one: Callable[..., Fake]) -> None:
    found = one(ALERTS, metrics={})
    status(found.run, as_json=True)
    assert "metrics" not in json.loads(found.text)["one"]
    assert not found.servers["one"].path("/var/log/asked").exists()
    (session,) = found.run.fleet.sessions
    assert "status_metrics" not in facts_query(session.target) and "9090" not in facts_query(session.target)


def test_all_is_well(one: Callable[..., Fake]) -> None:
    found = one()
    status(found.run)
    assert lines(found) == ["metrics ✓ all programs run, no alert now"]
    assert found.run.fleet.sessions[0].remote.execs == 1


def test_alerts_that_fire_are_warnings(one: Callable[..., Fake]) -> None:
    """Those of another app, and those that do not fire yet, are left out."""
    found = one(ALERTS)
    status(found.run)
    assert lines(found) == [
        "metrics ✓ all programs run, 2 alerts now",
        "alert ! MemoryLow: web: only 7% of the memory is free. `fab -H one status` shows the app's part.",
        "alert ! SlowRequests",
    ]


def test_json(one: Callable[..., Fake]) -> None:
    found = one(ALERTS)
    status(found.run, as_json=True)
    document = json.loads(found.text)["one"]
    assert document["healthy"] is True
    assert document["metrics"]["units"] == dict.fromkeys(UNITS, "active")
    assert document["metrics"]["alerts"] == [
        {"name": "MemoryLow", "severity": "warning", "instance": "one", "summary": TEXT},
        {"name": "SlowRequests", "app": "hello.balancer", "instance": "one"},
    ]


NO_ANSWERS = ["", "<html>\nlive fake\n", "[]", '{"data": null}', '{"data": {"alerts": [{"state": "firing"}]}}']


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_a_prometheus_that_does_not_answer(one: Callable[..., Fake], answer: str) -> None:
    found = one(answer)
    with pytest.raises(Exception, match="Problems: one: metrics"):
        status(found.run)
    assert lines(found) == ["metrics ✗ Prometheus does not answer, so there are no alerts"]
    assert "live fake" not in found.text


def test_a_program_that_has_stopped(one: Callable[..., Fake]) -> None:
    found = one(ALERTS[:1], {"mtail": "failed"})
    with pytest.raises(Exception, match="Problems: one: metrics"):
        status(found.run)
    assert lines(found)[0] == "metrics ✗ mtail is failed" and "MemoryLow" in lines(found)[1]
    assert "Run `fab -H one metrics`. `sudo journalctl -u mtail` on the server shows why it stopped." in found.text


def test_metrics_that_are_not_set_up_yet(one: Callable[..., Fake]) -> None:
    found = one("", dict.fromkeys(UNITS, "inactive"))
    status(found.run)
    assert lines(found) == ["metrics ! not set up, but metrics.enabled is true"]
    assert "Run `fab -H one metrics`." in found.text


def test_the_prometheus_of_another_server(one: Callable[..., Fake]) -> None:
    hosts = {"monitor": {"address": "10.0.0.1", "private_address": "10.0.0.1"}, "one": {"address": "10.0.0.2"}}
    found = one(metrics={"enabled": True, "server": "monitor"}, hosts=hosts)
    status(found.run)
    assert lines(found) == ["metrics ✓ all programs run; the Prometheus of monitor asks them"]
    assert not found.servers["one"].path("/var/log/asked").exists()


def test_doctor_says_it_too(one: Callable[..., Fake]) -> None:
    found = one(ALERTS[:1])
    (session,) = found.run.fleet.sessions
    facts = ServerFacts.parse(session.read([Ask(facts_query(session.target))])[0], "root")
    shown = [each.text for each in check_server(session.target, facts) if each.subject in ("metrics", "alert")]
    assert shown == ["all programs run, 1 alert now", f"MemoryLow: {TEXT}"]
