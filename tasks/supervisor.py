"""The process, watched and started at boot, and the switch from the old release to the new one."""

from selvedge.resources.files import File
from selvedge.resources.need import Needs
from selvedge.step import Option, Pending, step
from tasks.hooks import hook

FORCE = Option("force", "Release a commit again that was rolled back from.")


@step(phase="switch", needs_commit=True, options=(FORCE,))
def supervisor(app):
    """Start the release, and switch to it when it is healthy."""
    from selvedge.instance import Instance
    from selvedge.resources.live import Live

    if app.commit is None:
        raise Pending("follows the commit")
    instance = Instance.of(app)
    yield Needs("/etc/supervisor/supervisord.conf", "install")
    yield Needs(f"{instance.folder}/gunicorn_start", "gunicorn")
    yield File(f"{instance.folder}/program.conf", instance.program(), "0640", group=app.name)
    # Those for the server run between the gate and the switch, inside of `Live`.
    yield from hook(app, instance, "before_switch", local_only=True)
    yield Live(app, instance.id, forced=app.forced, migrates=app.migrates)
    yield from hook(app, instance, "after_switch")
