"""The live instance: the plan of a release switch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from selvedge.config.target import Target
from selvedge.engine.script import script
from selvedge.errors import SelvedgeError
from selvedge.release.alembic import alembic_command
from selvedge.release.environment import Hashes, changed_variables, parse_hashes
from selvedge.release.hooks import hook_env_vars
from selvedge.release.record import Record, Releases, original
from selvedge.resources.base import Change, Resource
from selvedge.resources.code.hook import local_commands, server_commands
from selvedge.shell import library
from selvedge.shell.library import call

_SERVER = Path(library.__file__).parent / "server"
PROGRAMS = {
    "preflight": (_SERVER / "preflight.py").read_bytes(),
    "answering": (_SERVER / "answering.py").read_bytes(),
    "remedy": (_SERVER / "remedy.py").read_bytes(),
    "routes": (_SERVER / "routes.py").read_bytes(),
    "gunicorn": (_SERVER / "gunicorn_conf.py").read_bytes(),
}
"""The programs that check a release on the server, and find the remedy if it fails."""


def switch_payload(app: Target) -> bytes:
    """Return the payload of `switch_release`: a line with names and sizes, PROGRAMS, and `drain`, the script that drains a release.

    That script runs on the server after the run has ended. Its arguments are those of `drain_run`.
    """
    drain = call("drain_run", given=app.shell_values, drain=app.drain, keep=app.keep_releases)
    programs = {**PROGRAMS, "drain": script(f'{drain} "$@"', mark="drain").encode()}
    sizes = " ".join(f"{name} {len(text)}" for name, text in programs.items())
    return f"{sizes}\n".encode() + b"".join(programs.values())


def releases_query(app: Target) -> str:
    """Return shell that prints the releases on the server, for `Releases.parse`."""
    return call("releases_fact", given=app.shell_values)


class Live(Resource):
    """The instance that nginx sends requests to.

    A new instance starts next to the old one on its own socket, and gets requests only once it is healthy. If it fails, the
    old one keeps serving. commit: its full hash, if known. forced: switch even to a commit that was rolled back.
    why: deploy, rollback, restart or revert. downgraded: the database was downgraded for this rollback.
    environment: the release's variables with their hashes. processes: how many of each process run on this host; a rollback runs as
    many as its release did.
    """

    app: Target
    instance: str
    commit: str = ""
    forced: bool = False
    why: str = "deploy"
    downgraded: bool = False
    environment: Hashes = ()
    processes: tuple[tuple[str, int], ...] = ()

    def __repr__(self) -> str:
        flags = f"{self.forced}, {self.why!r}, {self.app.release.migrates}, {self.downgraded}"
        return f"Live({self.app.name!r}, {self.instance!r}, {flags})"

    def owned(self) -> tuple[str, ...]:
        paths = self.app.paths
        return paths.supervisor_conf, paths.previous_socket, paths.current, paths.live_socket

    def probe(self) -> str:
        query = releases_query(self.app)
        if self.why != "deploy" or self.forced or not self.commit:
            return query
        return f"{query}\n{call('environment_of_left', self.instance, given=self.app.shell_values)}"

    def plan(self, fact: str) -> Change | None:
        """Return the change. Raises SelvedgeError for a commit that was rolled back, before anything is built for it."""
        found = Releases.parse(fact)
        # A restarted instance ("…r1") also counts as the instance that it is a copy of.
        live = found.live if found.live == self.instance else original(found.live)
        record = found.record(found.live if live == self.instance else self.instance)
        healthy = found.listening and found.current == f"releases/{self.instance.rpartition('-')[0]}"
        if live == self.instance and healthy and record and record.state == "good":
            clean_up = replace(self, instance=found.live)._change
            # A crash of the server or of the drain may leave an old instance running.
            if others := [each for each in found.running if each not in (found.live, *found.draining)]:
                return clean_up(f"stop the releases that an interrupted run left running: {', '.join(others)}")
            if changed := self._changed_processes(found):
                return clean_up("; ".join(changed))
            # Someone has edited or removed the process manager's files.
            return None if found.boots else clean_up(f"rewrite the files that start {found.live} at boot")
        rolled_back = found.rolled_back(self.instance)
        if rolled_back and not self.forced and found.live != self.instance:
            raise self._was_rolled_back(rolled_back, fact)
        old = found.live
        if old == self.instance:
            summary = f"start {self.instance} again"
        else:
            summary = f"switch from {old} to {self.instance}" if old else f"start {self.instance} and make it live"
        change = self._change(summary)
        env_vars = {**hook_env_vars(self.app, self.instance, self.commit, self.why), "PREVIOUS": old}
        return replace(change, local_commands=local_commands(self.app.hooks.before_switch), local_env_vars=tuple(env_vars.items()))

    def _changed_processes(self, found: Releases) -> list[str]:
        """Return what must change to run as many processes of the live release as hosts.toml says."""
        wanted = {each.name: each.count for each in found.processes} | dict(self.processes)
        kept = {each.name: each.kept if each.count == wanted[each.name] else -each.kept for each in found.processes}
        return [
            f"run {count} of the process {name}, not {abs(kept.get(name, 0))}" if count else f"stop the process {name}"
            for name, count in wanted.items()
            if kept.get(name, 0) != count
        ]

    def _was_rolled_back(self, record: Record, fact: str) -> SelvedgeError:
        """Return the error for a commit that was rolled back. It says how this release differs from the one of that time."""
        host, same = self.app.host.name, original(record.id) == self.instance
        differs = " This release is the same commit with the same settings and the same environment."
        if not same:
            old = parse_hashes(fact, f"left {record.id}")
            names = changed_variables(old, self.environment) if old is not None else ""
            how = f"its environment differs: {names}" if names else "its settings in hosts.toml or its environment differ"
            if old is not None and not names:
                how = "its settings in hosts.toml differ"
            differs = f" The release {self.instance} is the same commit, but {how}."
        again = f"`fab -H {host} deploy --commit {self.instance[:12]} --force`"
        return SelvedgeError(
            f"{host}: the release {record.id} of this commit was rolled back after it became live on {record.at}.{differs}",
            f"If it was not at fault, release it again: {again}. Or correct the app and commit."
            if same
            else f"If that corrects the fault, release {self.instance}: {again}. Or correct the app and commit.",
        )

    def _change(self, summary: str) -> Change:
        app = self.app
        shell = call(
            "switch_release",
            given={**app.shell_values, **app.settle_values},
            new=self.instance,
            why=self.why,
            module=app.asgi,
            start_timeout=app.start_seconds,
            header=app.release_header,
            drain=app.drain,
            stop_timeout=app.stop_timeout,
            migrate=app.migrate if app.release.migrates else "",
            alembic=alembic_command(app.migrate, "read"),
            downgraded=self.downgraded,
            migrate_timeout=app.migrate_timeout,
            wait_for=app.wait_for,
            settings="false" if app.settings is False else str(app.settings),
            host=app.host.name,
            before_switch="\n".join(server_commands(app.hooks.before_switch)),
            processes=" ".join(f"{name}={count}" for name, count in self.processes),
            keep=app.keep_releases,
        )
        hosts = app.release.hosts or app.host.name
        remedy = f"Correct the cause, and commit if it is in the app. Then run `fab -H {hosts} deploy` again."
        return Change(summary, shell, payload=switch_payload(app), noted=True, remedy=remedy if self.why == "deploy" else "")
