"""Links from a release's folder to files and folders that all releases share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import words

if TYPE_CHECKING:
    from selvedge.config.target import Target


class SharedPaths(Resource):
    """Paths in the app's folder of a release are links to the same paths in `shared`, which the app may write.

    release, shared: folders. folder: the app's folder in the release. A path that is not in `shared` yet is copied from the
    release; if it is in neither, it becomes a folder, or it is a file that the app creates (a name with a dot, without a `/` at
    its end). user: the app's.
    """

    release: str
    folder: str
    shared: str
    shared_paths: tuple[str, ...]
    user: str

    @classmethod
    def of(cls, app: Target) -> SharedPaths:
        """Return the links of the commit to release. Raises Pending while the commit is unknown."""
        release = app.paths.release(app.commit)
        return cls(release, f"{release}/{app.root}".rstrip("/"), app.paths.shared, tuple(app.shared_paths), app.name)

    @property
    def _plain(self) -> list[str]:
        return [path.rstrip("/") for path in self.shared_paths]

    def probe(self) -> str:
        return f"shared_fact {words(self.folder, self.shared, *self._plain)}"

    def plan(self, fact: str) -> Change | None:
        linked = fact.split()
        missing = [path for path in self.shared_paths if path.rstrip("/") not in linked]
        if not missing:
            return None
        links = [
            call(
                "shared_link",
                *(path.rstrip("/"), _kind(path)),
                release=self.release,
                folder=self.folder,
                shared=self.shared,
                user=self.user,
            )
            for path in missing
        ]
        return Change(f"link {', '.join(missing)} of the release to {self.shared}", "\n".join(links))


def _kind(path: str) -> str:
    return "file" if "." in path.rpartition("/")[2] else "folder"
