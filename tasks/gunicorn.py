"""The start script of the release."""

import selvedge as sv
from selvedge.release import preconditions

from .parts.process_files import process_files
from .parts.sockets import socket_folder


@sv.step(needs_commit=True, precondition=preconditions.environment)
def gunicorn(app):
    """Write the start script and environment of the release."""
    instance, paths, own = sv.Instance.of(app), app.paths, {"group": app.name}
    manager = sv.process_manager(app)
    if manager.contains:
        yield sv.Needs(paths.image(app.commit), "image")
    else:
        yield sv.Needs(f"{instance.release}/.venv/bin/python", "venv")
    if manager.app_listens:
        yield from socket_folder(app)
    # After a rotation nginx's workers open the logs as www-data: they may enter the folder, but not list it.
    yield sv.Directory(paths.logs, "0710", group="www-data")
    yield sv.Directory(paths.instances, "0750", **own, removable=True)
    yield sv.Directory(instance.folder, "0750", **own)
    if not manager.contains:
        yield sv.SameLink(instance.venv, f"{instance.release}/.venv")
    yield instance.environment_file()
    yield sv.File(f"{instance.folder}/run", instance.run_script(), "0750", **own)
    for name, text in instance.modules().items():
        yield sv.File(f"{instance.folder}/{name}", text, "0640", **own)
    yield sv.File(instance.start, instance.start_script(), "0750", **own)
    yield from process_files(app, instance)
    yield from sv.build_hook(app, instance, "after_build")
    # Before the switch: from then on nginx serves these folders of this release.
    yield from sv.static_folders(app, instance.release)
