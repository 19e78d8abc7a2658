"""`fab stop` and `fab start`: stop and start the live release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.release.record import Releases
from selvedge.resources.base import Change, Resource
from selvedge.resources.restores import half_of, half_restored
from selvedge.resources.timers import TimersRunning
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.task import Step


class Running(Resource):
    """The live release, running and healthy. With running=False it is stopped, and a boot does not start it."""

    app: Target
    running: bool

    def probe(self) -> str:
        return call("process_fact", given=self.app.shell_values)

    def plan(self, fact: str) -> Change | None:
        """Return the change. Raises SelvedgeError if nothing is live."""
        found = Releases.parse(fact)
        facts = fact.splitlines()
        app, host = self.app.name, self.app.host.name
        if not found.live:
            raise SelvedgeError(f"{host}: {app} has no live release.", f"Run `fab -H {host} deploy` first.")
        known = "known yes" in facts
        if self.running and (chosen := half_of(fact)) is not None:
            raise half_restored(self.app, chosen)
        running = known and found.listening and "alive yes" in facts and all(each.kept == each.count for each in found.processes)
        stopped = not known and not found.listening
        marks = call("restoring_forget", given=self.app.shell_values)
        if self.running and running and "paused yes" in facts:
            return Change("note that the app runs again after a restore", marks, noted=True)
        if running if self.running else stopped:
            return None
        verb = "start" if self.running else "stop"
        shell = call(f"process_{verb}", found.live, given={**self.app.shell_values, **self.app.settle_values})
        return Change(
            f"{verb} the release {found.live} of {app}",
            f"{shell}\n{marks}" if self.running else shell,
            remedy=f"Run `fab -H {host} logs` to see its log.",
            noted=True,
        )

    def unchanged(self, fact: str) -> str:
        state = "is already running" if self.running else "is already stopped"
        return f"{self.app.name} {state} (release {Releases.parse(fact).live})"


def stop(run: Run, flags: Mapping[str, Any]) -> None:
    """Stop the live release of every host. Raises SelvedgeError."""
    run.of_app().chain([_step("stop", running=False)], flags)


def start(run: Run, flags: Mapping[str, Any]) -> None:
    """Start the live release of every host. Raises SelvedgeError."""
    run.of_app().chain([_step("start", running=True)], flags)


def _step(name: str, *, running: bool) -> Step:
    def body(app: Target) -> Iterator[Resource]:
        # No timer runs while the app is stopped.
        parts = [Running(app, running), TimersRunning(app.name, running)]
        yield from parts if running else reversed(parts)

    return Step(body, name=name)
