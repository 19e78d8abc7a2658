"""`fab stop` and `fab start`: the live release, taken out of its process manager and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.release.record import Releases
from selvedge.resources.base import Change, Resource
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.task import Step


class Running(Resource):
    """The live release, running and healthy; or stopped, and not started again at a boot."""

    app: Target
    running: bool

    def probe(self) -> str:
        return call("process_fact", given=self.app.shell_values)

    def plan(self, fact: str) -> Change | None:
        """As of every resource. Raises SelvedgeError where nothing is live that could be stopped or started."""
        found = Releases.parse(fact)
        facts = fact.splitlines()
        app, host = self.app.name, self.app.host.name
        if not found.live:
            raise SelvedgeError(f"{host}: nothing of {app} is live there.", f"Run `fab -H {host} deploy` first.")
        known = "known yes" in facts
        up = known and found.listening and "alive yes" in facts
        if up if self.running else not known and not found.listening:
            return None
        verb = "start" if self.running else "stop"
        return Change(
            f"{verb} {app}, release {found.live}",
            call(f"process_{verb}", found.live, given=self.app.shell_values),
            remedy=f"`fab -H {host} logs` shows what it wrote.",
            noted=True,
        )


def stop(run: Run, flags: Mapping[str, Any]) -> None:
    """Stop the live release of every host. Raises SelvedgeError."""
    run.chain([_step("stop", running=False)], flags)


def start(run: Run, flags: Mapping[str, Any]) -> None:
    """Start the live release of every host. Raises SelvedgeError."""
    run.chain([_step("start", running=True)], flags)


def _step(name: str, *, running: bool) -> Step:
    def body(app: Target) -> Iterator[Resource]:
        yield Running(app, running)

    return Step(body, name=name)
