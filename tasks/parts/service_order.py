"""The order at boot and at a shutdown: the services of an app start before it, and stop after it."""

import selvedge as sv


def service_order(app):
    """Start supervisor after the app's services, and stop it before them. Under systemd, the unit of the release says the same."""
    path = f"/etc/systemd/system/supervisor.service.d/50-selvedge-{app.name}.conf"
    if app.services.units(app.name) and sv.process_manager(app).app_listens:
        order = sv.File(path, sv.template("supervisor/after.conf.j2", app=app))
        yield order
        # At a shutdown systemd uses the order that it has read.
        stamp = f"supervisor-order-{app.name}"
        yield sv.Service("supervisor.service", (order,), reload_command="systemctl daemon-reload", stamp=stamp)
    else:
        yield sv.Absent(path)
