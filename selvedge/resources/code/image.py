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


class AppImage(Resource):
    """The image of the app's commit. variables: a digest of those of its build.

    `path` on the server has its id, and the request that it answers.
    """

    app: Target
    variables: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.image!r})"

    @property
    def name(self) -> str:
        """The name of the checkout."""
        return PurePosixPath(self.app.paths.release(self.app.commit)).name

    @property
    def tag(self) -> str:
        """The image of the commit on other machines than the server."""
        return f"{self.app.name}:{self.name}"

    @property
    def image(self) -> str:
        """The image on the server: one for each request, so that no release that is live or kept gets another image."""
        return f"{self.tag}.{hashlib.sha256(self.request.encode()).hexdigest()[:6]}"

    @property
    def modules(self) -> tuple[str, ...]:
        """The Python modules that it must have."""
        more = (self.app.worker_class.partition(".")[0],) if self.app.server == "gunicorn" else ()
        return (*MODULES[self.app.server], *more)

    @property
    def build(self) -> str:
        """What decides the content of an image besides the commit: the folder of its Dockerfile, and the build's variables."""
        return " ".join([self.app.root or ".", *filter(None, [self.variables])])

    @property
    def request(self) -> str:
        """What the image was made for: another request makes it again."""
        return " ".join([self.app.root or ".", *self.modules, *filter(None, [self.variables])])

    @property
    def path(self) -> str:
        """The file with its id."""
        return self.app.paths.image(self.app.commit)

    def probe(self) -> str:
        return call("image_fact", image=self.image, mark_path=self.path, request=self.request)

    def shell(self, function: str, **values: str | int) -> str:
        """Return the call of a shell function that makes the image."""
        app = self.app
        known: dict[str, str | int] = {
            **app.paths.shell_values,
            "app": app.name,
            "new": self.name,
            "image": self.image,
            "dockerfile": DOCKERFILE,
            "mark_path": self.path,
            "request": self.request,
            "modules": " ".join(self.modules),
            "module": app.asgi,
            "migrate": app.migrate,
            "server": app.server,
            "build_digest": self.variables,
            "keep": app.keep_releases,
            "user": app.name,
        }
        return call(function, given=known, **values)


class Image(AppImage):
    """The image, built on the server."""

    def plan(self, fact: str) -> Change | None:
        if fact.strip().partition(" ")[2] == self.request:
            return None
        release = self.app.paths.release(self.app.commit)
        return Change(
            f"build the image {self.image} from {DOCKERFILE}",
            self.shell("image_build", release=release, folder=f"{release}/{self.app.root}".rstrip("/"), commit=self.app.commit),
            remedy=f"Correct {DOCKERFILE}, commit, and run the same command again. The live release keeps serving.",
        )
