"""The app's image, in place of a virtual environment (app.manager = "docker")."""

import selvedge as sv
from selvedge.release import preconditions


@sv.step(needs_commit=True, precondition=preconditions.image)
def image(app):
    """Build the app's image by its Dockerfile."""
    yield sv.Needs("/usr/bin/docker", "install")
    yield sv.Needs(app.paths.release(app.commit), "clone")
    yield sv.build_variables(app)
    yield from sv.build_hook(app, sv.Instance.of(app), "before_build")
    yield sv.Directory(app.paths.images, "0700", removable=True)
    yield sv.Image(app, sv.build_digest(app))
