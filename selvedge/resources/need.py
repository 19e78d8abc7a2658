"""Paths that a step needs from an earlier step."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote


class Needs(Resource):
    """A path that an earlier step makes. If it is missing, the step stops and says which task to run first."""

    path: str
    task: str

    def probe(self) -> str:
        return f"[ -e {quote(self.path)} ] && echo there || true"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "there":
            return None
        sentence = f"{self.path} is not there yet: run `fab {self.task}` first, or `fab deploy`, which runs all steps"
        return Change.refused(f"needs {self.path}, which `fab {self.task}` makes", sentence, waits=True)
