"""Metrics of the server, the site and the app, and alerts ([metrics])."""

import selvedge as sv
from selvedge import operations
from selvedge.release import preconditions

from .parts.messages import messages
from .parts.metrics import app_files, exporters, prometheus, server_files

REMOVE = sv.Option("remove", "Remove Prometheus and all that belongs to it.")


def remove(run):
    """Remove the metrics of the app, and those of the server if no other app has any."""
    operations.metrics.remove(run)


@sv.step(options=(REMOVE,), instead={REMOVE.name: remove}, precondition=preconditions.metrics)
def metrics(app):
    """Install Prometheus and exporters, and send alerts."""
    if not app.metrics.enabled:
        return
    programs = sv.metrics_programs(app)
    yield sv.Needs("/etc/nginx/nginx.conf", "install")
    yield sv.MetricsFree(tuple(programs.values()))
    for name in programs:
        yield sv.Port(*sv.metrics_port(name))
    if app.asked_by and app.machine.firewall:
        # Before the first file and package: it can only refuse.
        yield sv.PortAllowed(sv.METRICS_PORT, (app.asked_by,), "the Prometheus at", "it could not ask this server")
    yield from server_files(app)
    yield from app_files(app)
    yield from exporters(app, programs)
    if app.asked_by:
        yield sv.Absent(f"/etc/selvedge/metrics/targets/{app.name}.json")
        yield sv.OwnPrometheusOff(app.name)
    else:
        # No release of the app need be here, and Prometheus's alerts are messages. Its timer calls their program.
        yield from messages(app)
        yield from prometheus(app)
