"""The checkout of a commit on the server."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from selvedge.paths import Paths
from selvedge.resources.base import Change, Resource
from selvedge.resources.code import pushed
from selvedge.shell.library import call
from selvedge.shell.quoting import quote

if TYPE_CHECKING:
    from selvedge.config.target import Target


class Checkout(Resource):
    """The files of a commit in the folder `path`, owned by root, read-only for the app, without .git.

    group: the app's. url: the repository's address, where the server fetches submodules and files in Git LFS; "" if the mirror
    has them already. submodules: the folder and commit of each that the mirror has. keep: how many good releases stay if there
    is too little space.
    """

    path: str
    repo: str
    commit: str
    group: str
    url: str
    deploy_key: str
    git_known_hosts: str
    git_credentials: str
    keep: int = 5
    submodules: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, app: Target) -> Checkout:
        """Return the checkout of the commit to release. Raises Pending while the commit is unknown."""
        paths = app.paths
        keys = (paths.deploy_key, paths.git_known_hosts, paths.git_credentials)
        release = paths.release(app.commit)
        url = "" if app.repository_is_local else app.repository_shown
        submodules = pushed.submodules(app) if app.repository_is_local else ()
        return cls(release, paths.repo, app.commit, app.name, url, *keys, keep=app.keep_releases, submodules=submodules)

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("directory"):
            return None
        shell = call(
            "checkout_make",
            given=Paths(self.group).shell_values,
            app=self.group,
            new=PurePosixPath(self.path).name,
            keep=self.keep,
            checkout=self.path,
            repo=self.repo,
            commit=self.commit,
            group=self.group,
            url=self.url,
            submodules="".join(f"{commit} {folder}\n" for folder, commit in self.submodules),
            deploy_key=self.deploy_key,
            git_known_hosts=self.git_known_hosts,
            git_credentials=self.git_credentials,
        )
        return Change(f"check out {self.path}", shell)
