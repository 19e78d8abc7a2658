"""A source of code: a git address that the server fetches from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.resources.code.access import DeployKey, GitHostKey, alias_hint
from selvedge.resources.code.mirror import MirroredCommit
from selvedge.resources.files import Absent, File
from selvedge.shell.library import call

if TYPE_CHECKING:
    from selvedge.config.target import Target

ANSWERS = ("commit ", "refused ", "silent ", "changed ", "missing", "nogit")
"""How an answer of git_resolve (git.sh) begins."""


class FetchedCommit(MirroredCommit):
    """A commit that the server fetches from `url`."""

    url: str
    deploy_key: str
    git_known_hosts: str
    git_credentials: str

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("present"):
            return None
        shell = call(
            "git_fetch",
            repo=self.repo,
            url=self.url,
            ref=self.commit,
            deploy_key=self.deploy_key,
            git_known_hosts=self.git_known_hosts,
            git_credentials=self.git_credentials,
        )
        return Change(f"fetch the commit {self.commit[:12]} from {self.url}", shell)


def access(app: Target) -> Iterator[Resource]:
    """Return the server's keys and credentials for the repository."""
    paths = app.paths
    if app.ssh_server:
        yield DeployKey(paths.deploy_key, f"{app.name}@{app.host.name}", app.deploy_key_type)
        yield GitHostKey.of(paths.git_known_hosts, *app.ssh_server, app.ssh_config, alias_hint(app))
    if app.credentials:
        yield File(paths.git_credentials, app.credentials.get_secret_value() + "\n", "0600", secret=True)
    else:
        yield Absent(paths.git_credentials)


def commits(app: Target) -> Iterator[Resource]:
    """Return the commit in the mirror. Raises Pending while the commit is unknown."""
    paths = app.paths
    keys = (paths.deploy_key, paths.git_known_hosts, paths.git_credentials)
    yield FetchedCommit(paths.repo, app.commit, app.repository_shown, *keys)


def find(app: Target, run: Callable[[str], str]) -> str:
    """Return the answer of git_resolve. run: runs shell on the server, and returns its output."""
    output = run(resolve_call(app))
    lines = [line for line in output.splitlines() if line.startswith(ANSWERS)]
    return lines[-1] if lines else f"refused {output.strip()[-500:]}"


def resolve_call(app: Target, seconds: int = 30) -> str:
    """Return shell that asks the repository for the commit, for at most so many seconds."""
    return call("git_resolve", given=app.shell_values, url=app.repository_shown, ref=app.ref, git_seconds=seconds)
