"""The order at boot: the services of an app, then the app."""

import selvedge as sv


def service_order(app):
    """Start the process manager after the app's services. Under systemd, the unit of the release says the same."""
    own = sv.process_manager(app).service
    for service in ("supervisor", "docker"):
        path = f"/etc/systemd/system/{service}.service.d/50-selvedge-{app.name}.conf"
        if app.services.units(app.name) and service == own:
            yield sv.File(path, sv.template("supervisor/after.conf.j2", app=app, service=service))
        else:
            yield sv.Absent(path)
