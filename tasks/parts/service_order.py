"""The order at boot and at a shutdown: the services of an app start before it, and stop after it."""

import selvedge as sv


def service_order(app):
    """Start the process manager after the app's services, and stop it before them. A unit of systemd says the same itself."""
    own = sv.process_manager(app).service
    for service in ("supervisor", "docker"):
        path = f"/etc/systemd/system/{service}.service.d/50-selvedge-{app.name}.conf"
        if app.services.units(app.name) and service == own:
            order = sv.File(path, sv.template("supervisor/after.conf.j2", app=app, service=service))
            yield order
            # At a shutdown systemd uses the order that it has read.
            stamp = f"{service}-order-{app.name}"
            yield sv.Service(f"{service}.service", (order,), reload_command="systemctl daemon-reload", stamp=stamp)
        else:
            yield sv.Absent(path)
