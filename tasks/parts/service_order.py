"""The order at boot and at a shutdown: the services of an app start before it, and stop after it."""

import selvedge as sv


def service_order(app):
    """Start supervisor after the app's services, and stop all processes at once. Under systemd, the units of the release say it."""
    path = f"/etc/systemd/system/supervisor.service.d/50-selvedge-{app.name}.conf"
    if sv.process_manager(app).app_listens and (app.services.units(app.name) or app.processes):
        order = sv.File(path, sv.template("supervisor/after.conf.j2", app=app))
        yield order
        # systemd stops services in the order that it has read.
        yield sv.Service("supervisor", (order,), reload_command="systemctl daemon-reload", stamp=f"supervisor-order-{app.name}")
    else:
        yield sv.Absent(path)
