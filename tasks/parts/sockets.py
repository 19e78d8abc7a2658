"""The folder of the releases' sockets."""

import selvedge as sv


def socket_folder(app):
    """Create the folder of the releases' sockets. It is in memory, so it is created again at every boot."""
    manager = sv.process_manager(app)
    owner, mode = manager.socket_folder_owner(app.name), manager.socket_folder_mode
    text = f"# The folder of {app.name}'s sockets. Written by Selvedge; changes here are overwritten.\n"
    text += f"d {app.paths.run} {mode} {owner} www-data -\n"
    yield sv.File(f"/etc/tmpfiles.d/{app.name}.conf", text)
    yield sv.Directory(app.paths.run, mode, owner=owner, group="www-data", removable=True)
