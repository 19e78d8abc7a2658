"""Programs from the Python package index, each in its own virtual environment."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.resources.code.python import ROOT
from selvedge.shell.quoting import quote, words


class Tool(Resource):
    """A program from the Python package index in its own virtual environment ROOT/NAME, owned by root.

    requirement: as pip reads it, e.g. "uv>=0.9"; a changed requirement installs the program again. plugins: further requirements.
    """

    name: str
    requirement: str
    plugins: tuple[str, ...] = ()

    def probe(self) -> str:
        return f"python_tool_fact {quote(self.name)}"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == " ".join((self.requirement, *self.plugins)):
            return None
        return Change(
            f"install {self.name} in {ROOT}/{self.name}",
            f"python_tool_install {words(self.name, self.requirement, *self.plugins)}",
            remedy="Check that the server can reach a Python package index.",
        )
