"""`fab status`: the present state of each server and its app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.operations.support.balancer_checks import is_drained, is_set_up, requests_of
from selvedge.operations.support.check_results import CheckResult, has_problem, print_results, problem_summaries
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.operations.support.host_status import HostStatus, status_query
from selvedge.operations.support.metrics_checks import alerts_of, metrics_states
from selvedge.operations.support.status_checks import check_status
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import when
from selvedge.report.text import Style
from selvedge.resources.base import Ask
from selvedge.run import Run

TITLES = ("host", "state", "release", "live since", "requests")
STYLES: dict[str, Style] = {"ok": "green", "warning": "yellow", "problem": "red", "unreachable": "red"}


def status(run: Run, *, as_json: bool = False) -> None:
    """Print the status of each host, as lines or as one JSON document.

    Raises, after printing: SelvedgeError if a host has problems, or the error of the first host that could not be read.
    """
    found = on_each_host(run, lambda session: HostStatus.parse(session.read([Ask(status_query(session.target))])[0]))
    targets = {session.name: session.target for session in run.fleet.sessions}
    results = {
        name: list(check_status(targets[name], each)) for name, each in found.items() if isinstance(each, HostStatus)
    }
    if as_json:
        print_json(run.report, {name: _as_json(targets[name], each, results.get(name, [])) for name, each in found.items()})
    else:
        for name, checked in results.items():
            print_results(run.report, name, checked)
        if len(found) > 1:
            run.report.line()
            rows = [row(targets[name], each, results.get(name, [])) for name, each in found.items()]
            # Without a balancer, the last column is empty.
            columns = len(TITLES) if any(cells[-1] for cells in rows) else len(TITLES) - 1
            print_table(run.report, TITLES[:columns], [cells[:columns] for cells in rows], STYLES, secondary=("live since",))
    raise_first_error(run, found)
    if problems := problem_summaries(results):
        names = ",".join(name for name, checked in results.items() if has_problem(checked))
        raise SelvedgeError(f"Problems: {'; '.join(problems)}.", f"Run `fab -H {names} doctor` to find the cause.")


def row(app: Target, status: HostStatus | SelvedgeError, results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Return the row of a host in the table that ends the status of several hosts. results: its checks."""
    if isinstance(status, SelvedgeError):
        return app.host.name, "unreachable" if isinstance(status, UnreachableError) else "problem", "", "", ""
    worst = next((level for level in ("problem", "warning") if any(result.level == level for result in results)), "ok")
    record = status.releases.record(status.releases.live)
    since = when(record.at if record else "")
    return app.host.name, worst, status.releases.live or "-", since, requests_of(app, status)


def _as_json(app: Target, status: HostStatus | SelvedgeError, results: Sequence[CheckResult]) -> dict[str, Any]:
    if isinstance(status, SelvedgeError):
        return {"healthy": False, "error": str(status)}
    record = status.releases.record(status.releases.live)
    return {
        "app": app.name,
        "healthy": not has_problem(results),
        "live": status.releases.live or None,
        "since": record.at if record else None,
        "maintenance": {"since": maintained.at, "by": maintained.by} if (maintained := status.maintenance) else None,
        "draining": list(status.releases.draining),
        **({"drained": is_drained(status)} if app.balancers else {}),
        **({"balancer": is_set_up(status), "backends": status.backends} if app.balancer_site else {}),
        **({"metrics": _metrics(app, status)} if app.metrics.enabled else {}),
        "processes": {
            each.name: {"count": each.count, "up": each.up, "restarts": each.restarts, "stopping": each.leaving}
            for each in status.releases.processes
        },
        "workers": len(status.workers),
        "memory_kb": status.memory,
        "uptime_seconds": status.age,
        "restarts": status.restarts,
        "health": _named(status, "health", "status", "seconds"),
        "services": status.services,
        "timers": {name: timer.as_dict() for name, timer in status.timers.items()},
        "certificate_days": round(status.certificate[0] / 86400, 2) if status.certificate else None,
        "disk": _named(status, "disk", "free_kb", "size_kb"),
        "memory": _named(status, "memory", "free_kb", "size_kb"),
        "load": _named(status, "load", "one_minute", "cores"),
        "upgrades": _named(status, "upgrades", "all", "security"),
        "reboot_required": "reboot" in status.facts,
        "findings": [result.as_dict() for result in results if result.level != "ok"],
    }


def _metrics(app: Target, status: HostStatus) -> dict[str, Any]:
    """Return the states of the metrics' units, and the alerts that fire; null if no Prometheus of the server answers."""
    alerts = alerts_of(app, status)
    return {
        "units": {unit: state or None for unit, state in metrics_states(app, status).items()},
        "alerts": None if alerts is None else [alert.as_dict() for alert in alerts],
    }


def _named(status: HostStatus, fact: str, *names: str) -> dict[str, float] | None:
    values = status.numbers(fact, len(names))
    if values is None:
        return None
    return {name: int(value) if value.is_integer() else value for name, value in zip(names, values, strict=True)}
