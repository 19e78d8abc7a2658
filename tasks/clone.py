"""The app's code on the server."""

import selvedge as sv
from selvedge.release import preconditions


@sv.step(options=(sv.COMMIT, sv.BRANCH), needs_commit=True, precondition=preconditions.repository)
def clone(app):
    """Bring the app's commit to the server, in its own folder."""
    paths = app.paths
    yield sv.Needs("/usr/bin/git", "install")
    yield sv.User(app.name, paths.shared, system=True, shell="/usr/sbin/nologin", comment=f"runs {app.name}")
    yield sv.Directory(paths.base, "0711")
    yield sv.Directory(paths.releases, "0711", removable=True)
    # If nginx serves folders of it, nginx's group may pass through, but not list it.
    mode, group = ("0710", "www-data") if app.nginx.media else ("0750", app.name)
    yield sv.Directory(paths.shared, mode, owner=app.name, group=group)
    yield sv.Mirror(paths.repo)
    source = sv.code_source(app)
    yield from source.access(app)
    yield source.commit(app)
    yield sv.Checkout.of(app)
