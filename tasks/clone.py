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
    yield sv.Directory(paths.releases, "0711")
    # Where nginx serves folders of it, nginx's group may pass through, and list nothing.
    mode, group = ("0710", "www-data") if app.nginx.media else ("0750", app.name)
    yield sv.Directory(paths.shared, mode, owner=app.name, group=group)
    yield sv.Mirror(paths.repo)
    access = {
        "deploy_key": paths.deploy_key,
        "git_known_hosts": paths.git_known_hosts,
        "git_credentials": paths.git_credentials,
    }
    if app.ssh_server:
        yield sv.DeployKey(paths.deploy_key, f"{app.name}@{app.host.name}")
        yield sv.GitHostKey(paths.git_known_hosts, *app.ssh_server)
    if app.credentials:
        yield sv.File(paths.git_credentials, app.credentials.get_secret_value() + "\n", "0600", secret=True)
    else:
        yield sv.Absent(paths.git_credentials)
    if app.local_path:
        yield sv.Pushed(paths.repo, app.local_path, app.commit)
    else:
        yield sv.Fetched(paths.repo, app.repository_shown, app.commit, **access)
    release, keep = paths.release(app.commit), app.keep_releases
    yield sv.Checkout(release, paths.repo, app.commit, app.name, app.submodule_base, **access, keep=keep)
