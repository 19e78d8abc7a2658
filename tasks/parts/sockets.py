"""The folder of the releases' sockets."""

import selvedge as sv


def socket_folder(app):
    """Create the folder of the releases' sockets. It is in memory, so it is created again at every boot."""
    manager = sv.process_manager(app)
    owner, mode = manager.socket_folder_owner(app.name), manager.socket_folder_mode
    yield sv.File(f"/etc/tmpfiles.d/{app.name}.conf", f"d {app.paths.run} {mode} {owner} www-data -\n")
    yield sv.Directory(app.paths.run, mode, owner=owner, group="www-data", removable=True)
