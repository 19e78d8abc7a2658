"""Which instance is live: started beside the old one, judged, switched to, or refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.release.record import Releases
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call

PREFLIGHT = Path(__file__).parent.parent / "shell" / "server" / "preflight.py"


def releases_query(app: Target) -> str:
    """Return shell that prints the releases on the server, for Releases.parse."""
    return call("releases_fact", given=app.shell_values)


class Live(Resource):
    """The instance that nginx sends requests to.

    The new one starts beside the old one on a socket of its own and gets traffic only when it is healthy; whatever goes
    wrong, the old one keeps serving.
    """

    app: Target
    instance: str
    forced: bool = False
    why: str = "deploy"
    downgraded: bool = False

    def __repr__(self) -> str:
        flags = f"{self.forced}, {self.why!r}, {self.app.release.migrates}, {self.downgraded}"
        return f"Live({self.app.name!r}, {self.instance!r}, {flags})"

    def probe(self) -> str:
        return releases_query(self.app)

    def plan(self, fact: str) -> Change | None:
        """As of every resource. Raises SelvedgeError for a commit that was rolled back from, so that nothing is built."""
        found = Releases.parse(fact)
        # A restarted instance ("…r1") is the one that it was made from.
        live = found.live if self.why == "restart" else found.live.partition("r")[0]
        record = found.record(found.live if live == self.instance else self.instance)
        healthy = found.listening and found.current == f"releases/{self.instance[:12]}"
        if live == self.instance and healthy and record and record.state == "good":
            tidy = replace(self, instance=found.live)._change
            # A power cut between the switch and the end of the old one's draining leaves both.
            if left := [instance for instance in found.running if instance != found.live]:
                return tidy(f"stop what an earlier run left running: {', '.join(left)}")
            # The manager's files were edited or removed.
            return None if found.boots else tidy(f"write again what starts {found.live} at a boot")
        gone = found.left(self.instance)
        if gone and not self.forced and found.live != self.instance:
            raise SelvedgeError(
                f"{self.app.host.name}: {gone.id} was rolled back from on {gone.at}.",
                "Release a newer commit, or this one again with --force.",
            )
        old = found.live
        if old == self.instance:
            summary = f"start {self.instance} again"
        else:
            summary = f"switch from {old} to {self.instance}" if old else f"start {self.instance} and make it live"
        return self._change(summary)

    def _change(self, summary: str) -> Change:
        app = self.app
        shell = call(
            "switch_release",
            given=app.shell_values,
            new=self.instance,
            why=self.why,
            module=app.module,
            # An import may take as long as the gate would wait, within reason.
            import_timeout=min(60, max(15, math.ceil(app.health_attempts * (app.health_interval + app.health_timeout)))),
            header=app.release_header,
            settle=app.settle,
            settle_ms=int(app.settle * 1000),
            drain=app.drain,
            strategy=app.strategy,
            migrate=app.migrate if app.release.migrates else "",
            alembic=app.migrate,
            downgraded=self.downgraded,
            migrate_timeout=app.migrate_timeout,
            settings=app.settings,
            preflight_size=PREFLIGHT.stat().st_size,
            host=app.host.name,
            before_switch="\n".join(hook for hook in app.hooks.before_switch if not hook.startswith("local:")),
            keep=app.keep_releases,
        )
        return Change(summary, shell, payload=PREFLIGHT.read_bytes(), noted=True)
