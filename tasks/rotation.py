"""Logs of the app that stay small."""


def rotation(app):
    """supervisor rotates what it writes by itself; what systemd appends to is for logrotate, which then looks every hour."""
    from selvedge.resources.files import Absent, File
    from selvedge.resources.system import Service
    from selvedge.templates import template

    path = f"/etc/logrotate.d/{app.name}.app"
    if app.manager == "supervisor":
        yield Absent(path)
        return
    hourly = File("/etc/systemd/system/logrotate.timer.d/selvedge.conf", template("systemd/logrotate.timer.j2"))
    reload = "systemctl daemon-reload && systemctl restart logrotate.timer"
    yield File(path, template("systemd/logrotate.j2", app=app))
    yield hourly
    yield Service("logrotate.timer", (hourly,), reload_command=reload)
