"""`fab metrics --remove`: take the metrics off a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from selvedge.config.target import Target
from selvedge.resources.base import Resource
from selvedge.resources.metrics import MetricsRemoved
from selvedge.run import Run
from selvedge.task import Step


def remove(run: Run, firewall: Callable[..., Iterator[Resource]]) -> None:
    """Remove the metrics of the app from every host, and those of the host if no other app there has any.

    firewall: yields the firewall of a host. Raises SelvedgeError.
    """

    def resources(app: Target) -> Iterator[Resource]:
        yield MetricsRemoved(app)
        if app.asked_by:
            yield from firewall(app, metrics=False)

    run.chain([Step(resources, name="metrics")], run.flags)
    if any(session.target.metrics.enabled for session in run.fleet.sessions) and not run.flags.get("dry_run"):
        run.report.line("hosts.toml still has metrics.enabled = true: delete it, or the next deploy sets the metrics up again.")
