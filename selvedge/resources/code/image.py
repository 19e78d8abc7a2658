"""The image of a commit, built on the server by the app's own Dockerfile."""

from __future__ import annotations

from pathlib import PurePosixPath

from selvedge.config.target import Target
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call

DOCKERFILE = "Dockerfile"
MODULES = {"gunicorn": ("gunicorn",), "uvicorn": ("uvicorn",), "hypercorn": ("hypercorn",)}
"""The Python modules that an image must have, by its app server. gunicorn's worker is one of app.worker_class."""


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
        return f"{self.app.name}:{self._name}"

    @property
    def _folder(self) -> str:
        return f"{self.app.paths.release(self.app.commit)}/{self.app.root}".rstrip("/")

    @property
    def _modules(self) -> tuple[str, ...]:
        more = (self.app.worker_class.partition(".")[0],) if self.app.server == "gunicorn" else ()
        return (*MODULES[self.app.server], *more)

    @property
    def _request(self) -> str:
        return " ".join([self.app.root or ".", *self._modules, *filter(None, [self.variables])])

    @property
    def path(self) -> str:
        """The file with its id."""
        return self.app.paths.image(self.app.commit)

    def probe(self) -> str:
        return call("image_fact", image=self._image, mark_path=self.path)

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
            modules=" ".join(self._modules),
            module=app.asgi,
            migrate=app.migrate,
            server=app.server,
            user=app.name,
        )
        return Change(
            f"build the image {self._image} from {DOCKERFILE}",
            shell,
            remedy=f"Correct {DOCKERFILE}, commit, and run the same command again. The live release keeps serving.",
        )
