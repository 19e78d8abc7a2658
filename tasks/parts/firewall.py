"""The firewall."""

import selvedge as sv


def firewall(app, *, metrics=True):
    """Set up ufw, if it is wanted. metrics: let in the Prometheus of another server ([metrics] server)."""
    if not app.machine.firewall:
        return
    more = ((app.asked_by, sv.METRICS_PORT),) if app.asked_by and metrics else ()
    limit = sv.Template("harden/before.init.j2")
    yield sv.Firewall(app.open_ports, app=app.name, limit=limit, inner=(*app.inner_ports, *more))
