"""`fab stop` and `fab start`: the live release, taken out of its process manager and put back."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.settings import Target
from selvedge.engine.workstation import who
from selvedge.errors import SelvedgeError
from selvedge.release.live import MANAGER, Standing
from selvedge.resources.base import Change, Resource
from selvedge.shell import assign, quote
from selvedge.task import Step
from selvedge.value import dataclass


@dataclass(frozen=True, repr=False)
class Running(Resource):
    """The live release, running and healthy; or stopped, and not started again at a boot."""

    app: Target
    running: bool

    @property
    def uses(self) -> tuple[str, ...]:  # type: ignore[override]
        """The shell libraries of the probe."""
        return ("standing", *MANAGER, "power")

    def probe(self) -> str:
        return f"{self._variables()}\npower_fact"

    def plan(self, fact: str) -> Change | None:
        """As of every resource. Raises SelvedgeError where nothing is live that could be stopped or started."""
        standing = Standing.parse(fact)
        facts = fact.splitlines()
        app, host = self.app.name, self.app.host.name
        if not standing.live:
            raise SelvedgeError(f"{host}: nothing of {app} is live there.", f"Run `fab -H {host} deploy` first.")
        known = "known yes" in facts
        up = known and standing.listening and "alive yes" in facts
        if up if self.running else not known and not standing.listening:
            return None
        verb = "start" if self.running else "stop"
        return Change(
            f"{verb} {app}, release {standing.live}",
            f"{self._variables()}\npower_{verb} {quote(standing.live)}",
            uses=("standing", "gate", *MANAGER, "power"),
            remedy=f"`fab -H {host} logs` shows what it wrote.",
        )

    def _variables(self) -> str:
        app, paths = self.app, self.app.paths
        return assign(
            app=app.name,
            by=who(),
            base=paths.base,
            run_dir=paths.run,
            log_dir=paths.logs,
            site_enabled=paths.site_enabled,
            supervisor_conf=paths.supervisor_conf,
            health=app.health,
            health_host=app.health_host_header,
            health_ranges=" ".join(f"{first}-{last}" for first, last in app.health_ranges),
            health_timeout=app.health_timeout,
            health_attempts=app.health_attempts,
            health_interval=app.health_interval,
        )


def stopped() -> Step:
    """A step that stops the live release."""

    def stop(app: Target) -> Iterator[Resource]:
        yield Running(app, running=False)

    return Step(stop, name="stop")


def started() -> Step:
    """A step that starts the live release."""

    def start(app: Target) -> Iterator[Resource]:
        yield Running(app, running=True)

    return Step(start, name="start")
