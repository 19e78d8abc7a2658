"""The files of the processes that run beside the web process ([processes])."""

import selvedge as sv


def process_files(app, instance):
    """Yield the files with which the release's process manager starts each of them."""
    if app.processes:
        yield sv.Directory(f"{instance.folder}/processes", "0750", group=app.name)
    for name in app.processes:
        yield sv.Directory(f"{instance.folder}/processes/{name}", "0750", group=app.name)
    for path, text in instance.process_files().items():
        yield sv.File(f"{instance.folder}/{path}", text, "0750" if path.endswith("/start") else "0640", group=app.name)


def process_end(app):
    """Have the processes finish their work before supervisor stops, for example at a reboot. systemd waits for them itself."""
    path = f"/etc/systemd/system/{app.paths.stop_unit}"
    if app.processes and app.manager == "supervisor":
        unit = sv.File(path, sv.template("supervisor/stop.service.j2", app=app))
        yield sv.File(app.paths.stop_script, sv.template("supervisor/stop_processes.py.j2", app=app), "0600")
        yield unit
        # Not a restart, which would stop the processes.
        yield sv.Service(app.paths.stop_unit, (unit,), reload_command="systemctl daemon-reload")
    else:
        for each in (f"/etc/systemd/system/supervisor.service.wants/{app.paths.stop_unit}", path, app.paths.stop_script):
            yield sv.Absent(each)
