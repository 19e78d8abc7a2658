"""Where the app's image comes from."""

from __future__ import annotations

from selvedge.config.dotenv import build_digest
from selvedge.config.target import Target
from selvedge.resources.code.image import AppImage, Image
from selvedge.resources.code.pulled_image import PulledImage
from selvedge.resources.code.sent_image import SentImage


def app_image(app: Target) -> AppImage:
    """Return the image of the app's commit: the one of the command line, else as `[docker] build` says.

    Raises ConfigError as `build_digest` does.
    """
    variables = build_digest(app)
    if app.release.image:
        return PulledImage(app, variables)
    return SentImage(app, variables) if app.docker.build == "here" else Image(app, variables)
