"""`fab metrics --remove`: take the metrics off a server."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.balancer import SUFFIX
from selvedge.config.metrics import METRICS_PORT
from selvedge.config.target import Target
from selvedge.resources.base import Resource
from selvedge.resources.metrics import MetricsRemoved
from selvedge.resources.metrics_off import FormerMonitorsShutOut
from selvedge.run import Run
from selvedge.task import Step


def remove(run: Run) -> None:
    """Remove the metrics of the app from every host, and those of the host if no other app there has any. Raises SelvedgeError."""

    def resources(app: Target) -> Iterator[Resource]:
        yield MetricsRemoved(app)
        if app.machine.firewall:
            yield FormerMonitorsShutOut(METRICS_PORT, app.name.removesuffix(SUFFIX), "")

    run.chain([Step(resources, name="metrics")], run.flags)
    if run.flags.get("dry_run"):
        return
    targets = [session.target for session in run.fleet.sessions]
    if any(app.metrics.enabled for app in targets):
        run.report.line("hosts.toml still has metrics.enabled = true: delete it, or the next deploy sets the metrics up again.")
    open_now = {app.at(app.metrics.path) for app in targets if app.metrics.path and not app.metrics.public}
    if open_now:
        paths = " and ".join(sorted(open_now))
        run.report.line(f"Visitors can now reach {paths}, if the app answers there: nginx closed it only for the metrics.")
