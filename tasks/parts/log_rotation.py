"""Rotation of the app's logs."""

import selvedge as sv


def log_rotation(app):
    """Rotate the output of the releases; logrotate runs every hour."""
    hourly = sv.File("/etc/systemd/system/logrotate.timer.d/selvedge.conf", sv.template("supervisor/logrotate.timer.j2"))
    reload = "systemctl daemon-reload\nservice_run restart logrotate.timer"
    yield sv.File(f"/etc/logrotate.d/{app.name}.app", sv.template("supervisor/logrotate.j2", app=app))
    yield hourly
    yield sv.Service("logrotate.timer", (hourly,), reload_command=reload)
