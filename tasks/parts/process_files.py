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
    """Have the app finish its work at a reboot, before Docker or supervisor stop, and the app's services. systemd waits itself."""
    docker, supervisor = app.manager == "docker", app.manager == "supervisor" and bool(app.processes)
    path = f"/etc/systemd/system/{app.paths.stop_unit}"
    for service, wanted in {"docker": docker, "supervisor": supervisor}.items():
        if not wanted:
            yield sv.Absent(f"/etc/systemd/system/{service}.service.wants/{app.paths.stop_unit}")
    if supervisor:
        yield sv.File(app.paths.stop_script, sv.template("supervisor/stop_processes.py.j2", app=app), "0600")
    else:
        yield sv.Absent(app.paths.stop_script)
    if docker or supervisor:
        unit = sv.File(path, sv.template(f"{app.manager}/stop.service.j2", app=app))
        yield unit
        # Not a restart, which would stop what it is for.
        yield sv.Service(app.paths.stop_unit, (unit,), reload_command="systemctl daemon-reload")
    else:
        yield sv.Absent(path)
