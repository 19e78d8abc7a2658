"""Plans of changes that are shell of a test's own."""

from __future__ import annotations

from selvedge.engine.plan import Plan
from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import with_input

MARK = "@test"


class Says(Resource):
    """A resource with a given fact and a given change."""

    text: str = ""
    change: Change | None = None

    def probe(self) -> str:
        return with_input("cat", self.text)

    def plan(self, fact: str) -> Change | None:
        assert fact == self.text
        return self.change


def changes(*shells: str | Change) -> Plan:
    made = [shell if isinstance(shell, Change) else Change(shell.split("\n")[0], shell) for shell in shells]
    return Plan([(Says(change=change), change) for change in made])


def summaries(planned: Plan) -> list[str]:
    return [change.summary for _, change in planned.changes]
