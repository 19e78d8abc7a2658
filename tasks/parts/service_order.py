"""The order at boot: the services of an app, then the app."""

import selvedge as sv


def service_order(app):
    """Start supervisor after the app's services. Under systemd, the unit of the release says the same."""
    path = f"/etc/systemd/system/supervisor.service.d/50-selvedge-{app.name}.conf"
    if app.services.units(app.name) and sv.process_manager(app).app_listens:
        yield sv.File(path, sv.template("supervisor/after.conf.j2", app=app))
    else:
        yield sv.Absent(path)
