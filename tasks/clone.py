"""The app's code on the server."""

import selvedge as sv
from selvedge.release import preconditions

from .parts.app_user import app_user


@sv.step(options=(sv.COMMIT, sv.BRANCH), needs_commit=True, precondition=preconditions.repository)
def clone(app):
    """Check out the app's commit on the server."""
    paths = app.paths
    if app.backup.to:
        yield sv.NotHalfRestored.of(app)
    yield sv.Needs("/usr/bin/git", "install")
    yield from app_user(app)
    yield sv.Directory(paths.base, "0711")
    yield sv.Directory(paths.releases, "0711", removable=True)
    # If nginx serves a folder in it, nginx's group may pass through it, but not list it.
    mode, group = ("0710", "www-data") if app.nginx.media else ("0750", app.name)
    yield sv.Directory(paths.shared, mode, owner=app.name, group=group)
    yield sv.Mirror(paths.repo)
    source = sv.code_source(app)
    yield from source.access(app)
    yield from source.commits(app)
    yield sv.Checkout.of(app)
    if app.carry:
        yield sv.CarriedFiles.of(app)
    if app.shared_paths:
        yield sv.SharedPaths.of(app)
