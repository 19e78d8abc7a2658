"""Checks of a server's metrics: whether their programs run, and the alerts that fire now."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.balancer import SUFFIX
from selvedge.config.target import Target
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.host_status import HostStatus
from selvedge.operations.support.metrics_state import Alert, metrics_units
from selvedge.operations.support.text import counted


def check_metrics(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Yield the state of the metrics, and a warning for each alert that fires; nothing if the app has no metrics."""
    if not app.metrics.enabled:
        return
    host, states = app.host.name, metrics_states(app, status)
    if "active" not in states.values():
        yield warning("metrics", "not set up, but metrics.enabled is true", f"Run `fab -H {host} metrics`.")
        return
    stopped = {unit: state for unit, state in states.items() if state != "active"}
    for unit, state in stopped.items():
        remedy = f"Run `fab -H {host} metrics`. `sudo journalctl -u {unit}` on the server shows why it stopped."
        yield problem("metrics", f"{unit} is {state or 'not there'}", remedy)
    if app.asked_by:
        if not stopped:
            yield ok("metrics", f"all programs run; the Prometheus of {app.metrics.server} asks them")
        return
    alerts = alerts_of(app, status)
    if alerts is None:
        if not stopped:
            remedy = "Run `sudo journalctl -u prometheus -n 50` on the server to see why."
            yield problem("metrics", "Prometheus does not answer, so there are no alerts", remedy)
        return
    if not stopped:
        yield ok("metrics", f"all programs run, {counted(len(alerts), 'alert') if alerts else 'no alert'} now")
    for alert in alerts:
        # Prometheus clears an alert up to two minutes after its cause: no reason for an exit status of 1.
        yield warning("alert", f"{alert.name}: {alert.summary}" if alert.summary else alert.name)


def metrics_states(app: Target, status: HostStatus) -> dict[str, str]:
    """Return the state of each unit of the metrics, in systemd's words; "" if the server did not report it."""
    units, states = metrics_units(app), status.facts.get("metrics", [])
    return {unit: states[index] if index < len(states) else "" for index, unit in enumerate(units)}


def alerts_of(app: Target, status: HostStatus) -> list[Alert] | None:
    """Return the alerts about the app and its servers, without those of other apps; None if there was no answer."""
    if status.alerts is None:
        return None
    return [alert for alert in status.alerts if alert.app.removesuffix(SUFFIX) in ("", app.name.removesuffix(SUFFIX))]
