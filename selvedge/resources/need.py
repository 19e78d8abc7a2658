"""Paths that a step needs from an earlier step."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote


class Needs(Resource):
    """A path that an earlier step creates. If it is missing, the step fails and names the task to run first."""

    path: str
    task: str

    def probe(self) -> str:
        return f"[ -e {quote(self.path)} ] && echo there || true"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "there":
            return None
        problem = f"{self.path} is missing."
        remedy = f"Run `fab {self.task}` first, or run all steps with `fab deploy`."
        return Change.refused(f"check that `fab {self.task}` has run", problem, remedy=remedy, waits=True)
