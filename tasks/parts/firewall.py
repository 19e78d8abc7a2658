"""The firewall."""

import selvedge as sv


def firewall(app):
    """Set up ufw, if it is wanted."""
    if not app.machine.firewall:
        return
    more = ((app.asked_by, sv.METRICS_PORT),) if app.asked_by else ()
    limit = sv.Template("harden/before.init.j2")
    yield sv.Firewall(app.open_ports, app=app.name, limit=limit, inner=(*app.inner_ports, *more))
