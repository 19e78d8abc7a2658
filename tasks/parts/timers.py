"""The app's timers ([timers.NAME] in hosts.toml)."""

import selvedge as sv


def timers(app):
    """Run the timers of hosts.toml on this host, and no others of the app."""
    paths = app.paths
    yield sv.FormerTimersRemoved(app.name, tuple(app.timers))
    if app.timers:
        yield sv.Directory(paths.timers, "0750", group=app.name, removable=True)
        yield sv.File(f"{paths.timers}/record", sv.template("systemd/timer_record.j2", app=app, program=sv.MESSAGES), "0640")
    for name, timer in app.timers.items():
        unit = paths.timer_unit(name)
        values = {"app": app, "manager": sv.process_manager(app), "timer_name": name, "timer": timer}
        yield sv.File(f"{paths.timers}/{name}.sh", sv.template("systemd/timer_command.j2", **values), "0750", group=app.name)
        loads = tuple(
            sv.File(f"/etc/systemd/system/{unit}.{kind}", sv.template(f"systemd/timer.{kind}.j2", **values))
            for kind in ("service", "timer")
        )
        yield from loads
        yield sv.timer_service(app.name, name, loads)
