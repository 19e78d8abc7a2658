"""The app's timers, as they are on the server."""

from __future__ import annotations

from selvedge.paths import Paths
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.resources.services import Service
from selvedge.shell.library import call


def timer_service(app: str, name: str, units: tuple[File, ...]) -> Service:
    """Return the timer of systemd that runs a timer of the app called `app`. units: the files of its units."""
    return Service(f"{Paths(app).timer_unit(name)}.timer", units, reload_command=call("timers_reload", name, app=app))


class FormerTimersRemoved(Resource):
    """The app called `app` has no timers but these. A run of a removed timer that is going finishes."""

    app: str
    names: tuple[str, ...]

    def owned(self) -> tuple[str, ...]:
        return (Paths(self.app).timers,)

    def probe(self) -> str:
        return call("timers_listed", app=self.app)

    def plan(self, fact: str) -> Change | None:
        former = [name for name in fact.split() if name not in self.names]
        if not former:
            return None
        paths = Paths(self.app)
        shown = [f"-/etc/systemd/system/{paths.timer_unit(name)}.{kind}" for name in former for kind in ("service", "timer")]
        noun = "timer" if len(former) == 1 else "timers"
        shell = call("timers_remove", *former, app=self.app, base=paths.base)
        return Change(f"remove the {noun} {', '.join(former)}", shell, diff="\n".join(shown))


class TimersRunning(Resource):
    """The schedules of all timers on the server are on. With running=False they are off, and no run is going."""

    app: str
    running: bool = True

    def probe(self) -> str:
        return call("timers_fact", app=self.app)

    def plan(self, fact: str) -> Change | None:
        rows = [line.split() for line in fact.splitlines() if line.startswith("timer ")]
        names = [name for _, name, state, run, *_ in rows if (state == "off" if self.running else (state, run) != ("off", "-"))]
        if not names:
            return None
        verb, noun = "start" if self.running else "stop", "timer" if len(names) == 1 else "timers"
        # The history has the stop, start, rollback or restart of the release.
        return Change(f"{verb} the {noun} {', '.join(names)}", call(f"timers_{verb}", *names, app=self.app), noted=True)
