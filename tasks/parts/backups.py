"""The app's backups, which a timer of the server takes."""

import selvedge as sv

UNIT = "/etc/systemd/system/selvedge-{app}-{name}.{kind}"


def backups(app):
    """Set up the backups of the app ([backup] to), or remove them."""
    folder = app.paths.backup
    if not app.backup.to:
        yield sv.NoTimers(app.name, folder=folder)
        return
    yield sv.Packages("restic")
    # The app's user passes through to the copies of its own databases, and can list nothing.
    yield sv.Directory(folder, "0710", group=app.name, removable=True)
    for name in ("state", "program", "program/backup"):
        yield sv.Directory(f"{folder}/{name}", "0700")
    for name, text in sv.backup_program().items():
        yield sv.File(f"{folder}/program/{name}", text, "0600")
    yield sv.File(f"{folder}/settings.json", sv.backup_settings(app), "0600")
    yield from sv.backup_secrets(app)
    yield from timer(app, "backup", app.backup.times["schedule"], f"Back up {app.name}", "take scheduled")
    rehearsal = f"Restore the newest backup of {app.name} for a test"
    yield from timer(app, "rehearsal", app.backup.times["rehearse"], rehearsal, "rehearse")


def timer(app, name, times, title, command):
    """Run a command of the backups at these times (values of OnCalendar=), or not at all."""
    if not times:
        yield sv.NoTimers(app.name, (name,))
        return
    values = {"app": app, "title": title, "times": times, "command": command, "unit": name, "messages": sv.MESSAGES}
    units = [
        sv.File(UNIT.format(app=app.name, name=name, kind=kind), sv.template(f"backup/backup.{kind}.j2", **values))
        for kind in ("service", "timer")
    ]
    yield from units
    unit = f"selvedge-{app.name}-{name}.timer"
    yield sv.Service(unit, tuple(units), check="systemctl daemon-reload", reload_command=f"service_run restart {unit}")
