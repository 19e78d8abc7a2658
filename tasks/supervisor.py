"""The process, watched and started at boot, and the switch from the old release to the new one."""

from selvedge.task import Option, step
from tasks.hooks import hook
from tasks.rotation import rotation

FORCE = Option("force", "Release a commit again that was rolled back from.")


@step(phase="switch", needs_commit=True, options=(FORCE,))
def supervisor(app):
    """Start it by the process manager; switch to it when healthy."""
    from selvedge.release.instance import Instance
    from selvedge.release.live import Live
    from selvedge.resources.files import Directory, File
    from selvedge.resources.need import Needs

    instance, systemd = Instance.of(app), app.manager == "systemd"
    yield Needs("/etc/logrotate.conf" if systemd else "/etc/supervisor/supervisord.conf", "install")
    yield Needs(f"{instance.folder}/gunicorn_start", "gunicorn")
    for name, text in instance.manager_files().items():
        yield File(f"{instance.folder}/{name}", text, "0640", group=app.name)
    yield from rotation(app)
    # Those for the server run between the gate and the switch, inside of `Live`.
    yield from hook(app, instance, "before_switch", local_only=True)
    yield Live(app, instance.id, forced=app.release.forced)
    if systemd:
        # Behind the switch, since an old release that runs under supervisor makes its socket there.
        yield File(f"/etc/tmpfiles.d/{app.name}.conf", f"d {app.paths.run} 0750 root www-data -\n")
        yield Directory(app.paths.run, "0750", group="www-data")
    yield from hook(app, instance, "after_switch")
