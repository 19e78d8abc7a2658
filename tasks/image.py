"""The app's image, in place of a virtual environment (app.manager = "docker").

`image` is a step on the servers. The others work with the Docker engine of this machine, and contact no server.
"""

import selvedge as sv
from selvedge import operations
from selvedge.release import preconditions

PLATFORM = sv.Option("platform", "For another platform, e.g. linux/arm64.", "")


@sv.step(name="image", options=(sv.IMAGE,), needs_commit=True, precondition=preconditions.image)
def image(app):
    """Build, send or pull the app's image."""
    yield sv.Needs("/usr/bin/docker", "install")
    yield sv.Needs(app.paths.release(app.commit), "clone")
    yield sv.build_variables(app)
    yield from sv.build_hook(app, sv.Instance.of(app), "before_build")
    yield sv.Directory(app.paths.images, "0700", removable=True)
    yield sv.app_image(app)


@sv.operation(sv.COMMIT, sv.BRANCH, PLATFORM)
def build(run, **flags):
    """Build the app's image on your machine."""
    operations.image_build.build(run, flags)


@sv.operation(sv.COMMIT, sv.BRANCH, PLATFORM)
def push(run, **flags):
    """Push the image to its registry, and show its digest."""
    operations.image_push.push(run, flags)
