"""Which instance is live: started beside the old one, judged, switched to, or refused."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

from selvedge.config.settings import Target
from selvedge.engine.workstation import who
from selvedge.errors import SelvedgeError
from selvedge.resources.base import Change, Resource
from selvedge.shell import assign
from selvedge.value import dataclass

MANAGER = ("manager", "supervisor", "systemd")
"""The shell libraries of the process managers: an instance may run under the one that `manager` named before."""
_RECORDED = re.compile(r"([^/\s]+)/(?:(state):|record:(\w+) )(.*)")
PREFLIGHT = Path(__file__).parent.parent / "shell" / "server" / "preflight.py"


@dataclass(frozen=True)
class Record:
    """What a server knows of an instance.

    state: "building", "good", "bad", or "left" (rolled back from). at: UTC, ISO 8601, of its last switch. heads: alembic's
    revisions that its code brings the database to. database: those that the database was at when it became live.
    """

    id: str
    state: str
    commit: str = ""
    subject: str = ""
    author: str = ""
    at: str = ""
    by: str = ""
    seconds: str = ""
    heads: str = ""
    database: str = ""


@dataclass(frozen=True)
class Standing:
    """What runs on a server: the live instance, whether its socket is listened on, the link `current`, all records.

    boots: whether a boot starts the live instance, and no other. running: the instances whose sockets are listened on.
    """

    live: str = ""
    listening: bool = False
    boots: bool = True
    current: str = ""
    records: tuple[Record, ...] = ()
    running: tuple[str, ...] = ()

    def record(self, instance: str) -> Record | None:
        """The record of an instance, None where there is none."""
        return next((record for record in self.records if record.id == instance), None)

    def left(self, instance: str) -> Record | None:
        """The record that says that this instance, or its commit with other settings, was rolled back from; else None."""
        same = [each for each in self.records if each.id[:12] == instance[:12] and each.state in ("good", "left")]
        own = self.record(instance)
        last = own if own in same else same[-1] if same and self.live[:12] != instance[:12] else None
        return last if last and last.state == "left" else None

    @classmethod
    def parse(cls, fact: str) -> Standing:
        """Read what the shell function `live_fact` printed."""
        values: dict[str, str] = {}
        records: dict[str, dict[str, str]] = {}
        running: list[str] = []
        for line in fact.splitlines():
            key, _, value = line.partition(" ")
            if said := _RECORDED.fullmatch(line):
                instance, state, name, text = said.groups()
                if (field := state or name) in Record.__dataclass_fields__ and instance in records:
                    records[instance][field] = text
            elif key == "instance":
                name = value.removesuffix("/")
                records[name] = {"id": name, "state": "building"}
            elif key == "running":
                running.append(value)
            else:
                values[key] = value
        return cls(
            live=values.get("live", ""),
            listening=values.get("listening") == "yes",
            boots=values.get("boots") == "yes",
            current=values.get("current", ""),
            records=tuple(sorted((Record(**record) for record in records.values()), key=lambda record: record.at)),
            running=tuple(sorted(running)),
        )


@dataclass(frozen=True, repr=False)
class Live(Resource):
    """The instance that nginx sends requests to.

    The new one starts beside the old one on a socket of its own and gets traffic only when it is healthy; whatever goes
    wrong, the old one keeps serving.
    """

    app: Target
    instance: str
    forced: bool = False
    why: str = "deploy"
    migrates: bool = True
    downgraded: bool = False
    uses = ("standing",)

    def __repr__(self) -> str:
        return f"Live({self.app.name!r}, {self.instance!r}, {self.forced}, {self.why!r}, {self.migrates}, {self.downgraded})"

    def probe(self) -> str:
        return f"{assign(base=self.app.paths.base, run_dir=self.app.paths.run)}\nlive_fact"

    def plan(self, fact: str) -> Change | None:
        """As of every resource. Raises SelvedgeError for a commit that was rolled back from, so that nothing is built."""
        standing = Standing.parse(fact)
        # A restarted instance ("…r1") is the one that it was made from.
        live = standing.live if self.why == "restart" else standing.live.partition("r")[0]
        record = standing.record(standing.live if live == self.instance else self.instance)
        healthy = standing.listening and standing.current == f"releases/{self.instance[:12]}"
        if live == self.instance and healthy and record and record.state == "good":
            tidy = replace(self, instance=standing.live)._change
            # A power cut between the switch and the end of the old one's draining leaves both.
            if left := [instance for instance in standing.running if instance != standing.live]:
                return tidy(f"stop what an earlier run left running: {', '.join(left)}")
            # The manager's files were edited or removed.
            return None if standing.boots else tidy(f"write again what starts {standing.live} at a boot")
        gone = standing.left(self.instance)
        if gone and not self.forced and standing.live != self.instance:
            raise SelvedgeError(
                f"{self.app.host.name}: {gone.id} was rolled back from on {gone.at}.",
                "Release a newer commit, or this one again with --force.",
            )
        old = standing.live
        if old == self.instance:
            summary = f"start {self.instance} again"
        else:
            summary = f"switch from {old} to {self.instance}" if old else f"start {self.instance} and make it live"
        return self._change(summary)

    def _change(self, summary: str) -> Change:
        return Change(
            summary,
            f"{self._variables()}\nlive_switch",
            payload=PREFLIGHT.read_bytes(),
            uses=("standing", "gate", "hide", "workers", "prune", "record", "live", *MANAGER),
        )

    def _variables(self) -> str:
        app, paths = self.app, self.app.paths
        return assign(
            app=app.name,
            new=self.instance,
            why=self.why,
            by=who(),
            base=paths.base,
            run_dir=paths.run,
            log_dir=paths.logs,
            repo=paths.repo,
            site_enabled=paths.site_enabled,
            supervisor_conf=paths.supervisor_conf,
            module=app.module,
            health=app.health,
            health_host=app.health_host_header,
            health_ranges=" ".join(f"{first}-{last}" for first, last in app.health_ranges),
            health_timeout=app.health_timeout,
            health_attempts=app.health_attempts,
            health_interval=app.health_interval,
            # An import may take as long as the gate would wait, within reason.
            import_timeout=min(60, max(15, math.ceil(app.health_attempts * (app.health_interval + app.health_timeout)))),
            header=app.release_header,
            settle=app.settle,
            settle_ms=int(app.settle * 1000),
            drain=app.drain,
            strategy=app.strategy,
            migrate=app.migrate if self.migrates else "",
            alembic=app.migrate,
            downgraded=self.downgraded,
            migrate_timeout=app.migrate_timeout,
            settings=app.settings,
            preflight_size=PREFLIGHT.stat().st_size,
            host=app.host.name,
            before_switch="\n".join(hook for hook in app.hooks.before_switch if not hook.startswith("local:")),
            keep=app.keep_releases,
        )
