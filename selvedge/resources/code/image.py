"""The image of a commit, built on the server by the app's own Dockerfile."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from selvedge.config.target import Target
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call

DOCKERFILE = "Dockerfile"
MODULES = {"gunicorn": ("gunicorn",), "uvicorn": ("uvicorn",), "hypercorn": ("hypercorn",)}
"""The Python modules that an image must have, by its app server. gunicorn's worker is one of app.worker_class."""


def image_modules(app: Target) -> tuple[str, ...]:
    """Return the Python modules that the image must have."""
    more = (app.worker_class.partition(".")[0],) if app.server == "gunicorn" else ()
    return (*MODULES[app.server], *more)


def image_request(app: Target, variables: str) -> str:
    """Return the settings that need an image of their own. variables: a digest of those of its build."""
    return " ".join([app.root or ".", *image_modules(app), *filter(None, [variables])])


def image_name(app: Target, variables: str) -> str:
    """Return the name of the image of the app's commit: one for each request, so that no kept release gets another image.

    variables: a digest of those of its build.
    """
    digest = hashlib.sha256(image_request(app, variables).encode()).hexdigest()[:6]
    return f"{app.name}:{PurePosixPath(app.paths.release(app.commit)).name}.{digest}"


class Image(Resource):
    """The image of the app's commit. variables: a digest of those of its build."""

    app: Target
    variables: str = ""

    def __repr__(self) -> str:
        return f"Image({self._image!r})"

    @property
    def _name(self) -> str:
        return PurePosixPath(self.app.paths.release(self.app.commit)).name

    @property
    def _image(self) -> str:
        return image_name(self.app, self.variables)

    @property
    def _request(self) -> str:
        return image_request(self.app, self.variables)

    @property
    def _folder(self) -> str:
        return f"{self.app.paths.release(self.app.commit)}/{self.app.root}".rstrip("/")

    @property
    def path(self) -> str:
        """The file with its id."""
        return self.app.paths.image(self.app.commit)

    def probe(self) -> str:
        return call("image_fact", image=self._image, mark_path=self.path, request=self._request)

    def plan(self, fact: str) -> Change | None:
        if fact.strip().partition(" ")[2] == self._request:
            return None
        app = self.app
        shell = call(
            "image_build",
            given={**app.paths.shell_values, "app": app.name},
            new=self._name,
            release=app.paths.release(app.commit),
            folder=self._folder,
            dockerfile=DOCKERFILE,
            image=self._image,
            mark_path=self.path,
            request=self._request,
            modules=" ".join(image_modules(app)),
            server=app.server,
            build_digest=self.variables,
            keep=app.keep_releases,
            user=app.name,
        )
        return Change(
            f"build the image {self._image} from {DOCKERFILE}",
            shell,
            remedy=f"Correct {DOCKERFILE}, commit, and run the same command again. The live release keeps serving.",
        )
