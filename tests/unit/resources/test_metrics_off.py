"""What a server keeps of the metrics when an app no longer needs it, and another one does."""

from __future__ import annotations

import pytest

from selvedge.resources.metrics_off import (
    ExporterRemoved,
    FormerMonitorsShutOut,
    OwnPrometheusOff,
    PrivateSocketRemoved,
)

RULE = "### tuple ### allow tcp {port} 0.0.0.0/0 any {source} in comment={comment}\n"
OURS, OTHERS = b"selvedge-hello".hex(), b"selvedge-shop".hex()


def rules(*sources: str, port: int = 9180, comment: str = OURS) -> str:
    return "".join(RULE.format(port=port, source=source, comment=comment) for source in sources)


@pytest.mark.parametrize(("fact", "changes"), [
    ("", False), ("other\nthere\n", False), ("own\nthere\n", True), ("own\nother\nthere\n", True), ("there\n", True),
])  # fmt: skip
def test_the_socket_and_an_exporter_stay_while_an_app_needs_them(fact: str, changes: bool) -> None:
    socket, exporter = PrivateSocketRemoved("hello").plan(fact), ExporterRemoved("prometheus-redis-exporter", "hello").plan(fact)
    assert bool(socket) is bool(exporter) is changes
    if socket and exporter:
        assert socket.shell == "metricsoff_private hello"
        assert exporter.shell == "metricsoff_exporter prometheus-redis-exporter hello"
        assert ("stop measuring" in exporter.summary) is ("other" in fact)


@pytest.mark.parametrize(("fact", "changes"), [("", False), ("other\nthere\n", False), ("there\n", True)])
def test_the_server_s_own_prometheus_is_turned_off_if_no_app_needs_it(fact: str, changes: bool) -> None:
    change = OwnPrometheusOff("hello").plan(fact)
    assert bool(change) is changes
    assert not change or "its data stays in /var/lib/prometheus" in change.summary


@pytest.mark.parametrize(("source", "fact", "closed"), [
    ("", "\n--- peers\n", []),
    ("10.0.0.1", rules("10.0.0.1") + "\n--- peers\n", []),
    ("10.0.0.1", rules("10.0.0.1", "10.0.0.9") + "\n--- peers\n", ["10.0.0.9"]),
    ("", rules("10.0.0.1", "fd00::1") + "\n--- peers\n", ["10.0.0.1", "fd00::1"]),
    ("", rules("10.0.0.1") + "\n--- peers\n10.0.0.1 9180 shop\n", []),
    ("", rules("10.0.0.1") + "\n--- peers\n10.0.0.1 80 shop\n", ["10.0.0.1"]),
    ("", rules("10.0.0.1", port=80) + rules("10.0.0.1", comment=OTHERS) + "\n--- peers\n", []),
])  # fmt: skip
def test_the_firewall_shuts_out_a_former_monitor(source: str, fact: str, closed: list[str]) -> None:
    change = FormerMonitorsShutOut(9180, "hello", source).plan(fact)
    assert (change.shell.splitlines() if change else []) == [f"firewall_close_to {address} 9180" for address in closed]
    assert not change or change.guard
