"""The sources of code. Each is a module with the functions of `CodeSource`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from selvedge.resources.base import Resource
from selvedge.resources.code import fetched, pushed

if TYPE_CHECKING:
    from selvedge.config.target import Target


class CodeSource(Protocol):
    """How a commit is found and comes to the server."""

    def access(self, app: Target) -> Iterator[Resource]:
        """Return the resources that give the server access to the repository."""

    def commits(self, app: Target) -> Iterator[Resource]:
        """Return the commit in the mirror, and what it needs besides. Raises Pending while the commit is unknown."""

    def find(self, app: Target, run: Callable[[str], str]) -> str:
        """Return which commit `app.ref` is, e.g. "commit SHA", or why it is unknown (see git_resolve in git.sh).

        run: runs shell on the server, and returns its output.
        """


def code_source(app: Target) -> CodeSource:
    """Return the source of the app's repository."""
    return pushed if app.repository_is_local else fetched
