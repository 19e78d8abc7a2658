"""Logs of the app that stay small."""


def rotation(app):
    """What the releases print is for logrotate, which then looks every hour."""
    from selvedge.resources.files import File
    from selvedge.resources.system import Service
    from selvedge.templates import template

    hourly = File("/etc/systemd/system/logrotate.timer.d/selvedge.conf", template("supervisor/logrotate.timer.j2"))
    reload = "systemctl daemon-reload && systemctl restart logrotate.timer"
    yield File(f"/etc/logrotate.d/{app.name}.app", template("supervisor/logrotate.j2", app=app))
    yield hourly
    yield Service("logrotate.timer", (hourly,), reload_command=reload)
