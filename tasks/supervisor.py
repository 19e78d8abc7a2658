"""The process, watched and started at boot, and the switch from the old release to the new one."""

import selvedge as sv
from tasks.parts.hooks import hook
from tasks.parts.log_rotation import log_rotation

FORCE = sv.Option("force", "Release a commit again that was rolled back from.")


@sv.step(phase="switch", needs_commit=True, options=(FORCE,))
def supervisor(app):
    """Start it by the process manager; switch to it when healthy."""
    instance, systemd = sv.Instance.of(app), app.manager == "systemd"
    yield sv.Needs("/etc/logrotate.conf" if systemd else "/etc/supervisor/supervisord.conf", "install")
    yield sv.Needs(f"{instance.folder}/gunicorn_start", "gunicorn")
    for name, text in instance.manager_files().items():
        yield sv.File(f"{instance.folder}/{name}", text, "0640", group=app.name)
    yield from log_rotation(app)
    # Those for the server run between the gate and the switch, inside of `Live`.
    yield from hook(app, instance, "before_switch", local_only=True)
    yield sv.Live(app, instance.id, forced=app.release.forced)
    if systemd:
        # Behind the switch, since an old release that runs under supervisor makes its socket there.
        yield sv.File(f"/etc/tmpfiles.d/{app.name}.conf", f"d {app.paths.run} 0750 root www-data -\n")
        yield sv.Directory(app.paths.run, "0750", group="www-data")
    yield from hook(app, instance, "after_switch")
