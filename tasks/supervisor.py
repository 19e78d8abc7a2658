"""The release's process, started at boot and restarted if it ends, and the switch to it from the live release."""

import selvedge as sv
from selvedge.release import preconditions

from .parts.backups import backups
from .parts.log_rotation import log_rotation
from .parts.messages import messages
from .parts.process_files import process_end
from .parts.service_order import service_order
from .parts.sockets import socket_folder
from .parts.timers import timers

FORCE = sv.Option("force", "Redeploy a rolled-back commit.")


@sv.step(phase="switch", needs_commit=True, options=(FORCE,), precondition=preconditions.switch)
def supervisor(app):
    """Start the release; switch to it once it is healthy."""
    instance, manager = sv.Instance.of(app), sv.process_manager(app)
    yield sv.Needs(manager.installed, "install")
    yield sv.Needs(instance.start, "gunicorn")
    for name, text in instance.manager_files().items():
        mode = "0750" if manager.contains else "0640"
        yield sv.File(f"{instance.folder}/{name}", text, mode, group=app.name)
    yield from log_rotation(app)
    yield from service_order(app)
    yield from process_end(app)
    # Before the timers, which call its program.
    yield from messages(app)
    # Before the switch, whose migration may take a backup first.
    yield from backups(app)
    # It also runs the hook before_switch: between the health check and the switch.
    counts = tuple(app.process_counts.items())
    hashes = instance.environment_hashes
    yield sv.Live(app, instance.id, instance.commit, forced=app.release.forced, environment=hashes, processes=counts)
    if not manager.app_listens:
        # After the switch, because an old release of another manager may open its own socket there.
        yield from socket_folder(app)
    if not app.remote_database:
        # After the switch, because the previous release may use it.
        yield sv.Absent(app.paths.database_certificate)
    yield from timers(app)
    yield from sv.after_switch(app, instance.id, instance.commit)
