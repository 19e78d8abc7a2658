"""The live instance: the plan of a release switch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from selvedge.config.target import Target
from selvedge.config.types import LOCAL_PREFIX
from selvedge.engine.script import script
from selvedge.errors import SelvedgeError
from selvedge.release.record import Releases, original
from selvedge.resources.base import Change, Resource
from selvedge.shell import library
from selvedge.shell.library import call

_SERVER = Path(library.__file__).parent / "server"
PROGRAMS = {
    "preflight": (_SERVER / "preflight.py").read_bytes(),
    "remedy": (_SERVER / "remedy.py").read_bytes(),
    "gunicorn": (_SERVER / "gunicorn_conf.py").read_bytes(),
}
"""The programs that check a release on the server, and find the remedy if it fails."""


def switch_payload(app: Target) -> bytes:
    """Return the payload of `switch_release`: a line with names and sizes, PROGRAMS, and `drain`, the script that drains a release.

    That script runs on the server after the run has ended. Its argument is the release.
    """
    drain = call("drain_run", given=app.shell_values, drain=app.drain, keep=app.keep_releases)
    programs = {**PROGRAMS, "drain": script(f'{drain} "$1"', mark="drain").encode()}
    sizes = " ".join(f"{name} {len(text)}" for name, text in programs.items())
    return f"{sizes}\n".encode() + b"".join(programs.values())


def releases_query(app: Target) -> str:
    """Return shell that prints the releases on the server, for `Releases.parse`."""
    return call("releases_fact", given=app.shell_values)


class Live(Resource):
    """The instance that nginx sends requests to.

    A new instance starts next to the old one on its own socket, and gets requests only once it is healthy. If it fails, the
    old one keeps serving. forced: switch even to a commit that was rolled back. why: deploy, rollback, restart or revert.
    downgraded: the database was downgraded for this rollback.
    """

    app: Target
    instance: str
    forced: bool = False
    why: str = "deploy"
    downgraded: bool = False

    def __repr__(self) -> str:
        flags = f"{self.forced}, {self.why!r}, {self.app.release.migrates}, {self.downgraded}"
        return f"Live({self.app.name!r}, {self.instance!r}, {flags})"

    def owned(self) -> tuple[str, ...]:
        paths = self.app.paths
        return paths.supervisor_conf, paths.previous_socket, paths.current, paths.live_socket

    def probe(self) -> str:
        return releases_query(self.app)

    def plan(self, fact: str) -> Change | None:
        """Return the change. Raises SelvedgeError for a commit that was rolled back, before anything is built for it."""
        found = Releases.parse(fact)
        # A restarted instance ("…r1") also counts as the instance that it is a copy of.
        live = found.live if found.live == self.instance else original(found.live)
        record = found.record(found.live if live == self.instance else self.instance)
        healthy = found.listening and found.current == f"releases/{self.instance[:12]}"
        if live == self.instance and healthy and record and record.state == "good":
            clean_up = replace(self, instance=found.live)._change
            # A crash of the server or of the drain may leave an old instance running.
            if others := [each for each in found.running if each not in (found.live, *found.draining)]:
                return clean_up(f"stop the releases that an interrupted run left running: {', '.join(others)}")
            # Someone has edited or removed the process manager's files.
            return None if found.boots else clean_up(f"rewrite the files that start {found.live} at boot")
        rolled_back = found.rolled_back(self.instance)
        if rolled_back and not self.forced and found.live != self.instance:
            raise SelvedgeError(
                f"{self.app.host.name}: the release {rolled_back.id} of this commit was rolled back after it became live on "
                f"{rolled_back.at}.",
                "Correct the app and commit, or correct the setting or variable that was wrong. "
                "To release this commit again, add --force.",
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
            module=app.asgi,
            start_timeout=app.start_seconds,
            header=app.release_header,
            settle=f"{app.settle:g}",
            settle_ms=int(app.settle * 1000),
            drain=app.drain,
            stop_timeout=app.stop_timeout,
            strategy=app.strategy,
            migrate=app.migrate if app.release.migrates else "",
            alembic=app.migrate,
            downgraded=self.downgraded,
            migrate_timeout=app.migrate_timeout,
            settings="false" if app.settings is False else str(app.settings),
            host=app.host.name,
            before_switch="\n".join(hook for hook in app.hooks.before_switch if not hook.startswith(LOCAL_PREFIX)),
            keep=app.keep_releases,
        )
        remedy = f"Correct the cause, and commit if it is in the app. Then run `fab -H {app.host.name} deploy` again."
        return Change(summary, shell, payload=switch_payload(app), noted=True, remedy=remedy if self.why == "deploy" else "")
