"""Programs from the Python package index, each in its own virtual environment."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.resources.code.python import ROOT
from selvedge.shell.library import call
from selvedge.shell.quoting import quote


class Tool(Resource):
    """A program from the Python package index in its own virtual environment ROOT/NAME, owned by root.

    requirement: as pip reads it, e.g. "uv>=0.9"; a changed requirement installs the program again. index: the address of the
    package index, "" for pip's own. plugins: further requirements.
    """

    name: str
    requirement: str
    index: str = ""
    plugins: tuple[str, ...] = ()

    def probe(self) -> str:
        return f"python_tool_fact {quote(self.name)}"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == " ".join((self.requirement, *self.plugins)):
            return None
        return Change(
            f"install {self.name} in {ROOT}/{self.name}",
            call("python_tool_install", self.name, self.requirement, *self.plugins, pypi_mirror=self.index),
            remedy="Check that the server reaches the package index. For another one, set pypi under [mirrors] in hosts.toml.",
        )
