"""One command line: its settings, its servers, and what happens to them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from fabric import Config

from selvedge.config.load import load
from selvedge.config.settings import Settings
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.release import commits
from selvedge.report import Report
from selvedge.ssh.connection import Credentials, Remote
from selvedge.task import Step

if TYPE_CHECKING:
    from selvedge.release.live import Standing
    from selvedge.release.rollout import Reading


class Run:
    """The settings and servers of one command line; what steps and operations work with."""

    def __init__(self, settings: Settings, fleet: Fleet) -> None:
        self.settings = settings
        self.fleet = fleet
        self._ahead: list[Reading] = []

    @classmethod
    def load(cls, names: Sequence[str], config: Config) -> Run:
        """Read hosts.toml and choose the servers; nothing is contacted.

        Raises ConfigError and UsageError (exit status 2).
        """
        # paramiko logs a failed connection with its traceback; the error that is raised says what a user needs.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        settings = load()
        typed = config.sudo.password
        known = settings.sudo_password
        password = typed or (known.get_secret_value() if known else "")
        report = Report()
        sessions = [
            Session(settings.target(host), Remote(host, config, Credentials(password)), report)
            for host in settings.select(names)
        ]
        report.hosts([session.name for session in sessions])
        return cls(settings, Fleet(sessions, report, settings.rollout))

    @property
    def report(self) -> Report:
        return self.fleet.report

    def prepare(self, steps: Sequence[tuple[Step, Mapping[str, Any]]]) -> None:
        """Look at what the steps of the command line need of this machine. Raises ConfigError or UsageError: nothing has
        been contacted then."""
        for step, flags in steps:
            ref = commits.named(flags)
            for session in self.fleet.sessions:
                target = session.target.model_copy(update={"branch": ref}) if ref else session.target
                for part in step.parts(target):
                    if part.local:
                        part.local(target)

    def step(self, step: Step, flags: Mapping[str, Any], then: Sequence[tuple[Step, Mapping[str, Any]]] = ()) -> None:
        """Run a step or chain with its flags of the command line, or what one of its flags asks for instead.

        `then` are the steps that follow on the command line: they are read at the same time, and as long as nothing turns
        out to have to be changed, that reading holds.
        """
        # Here, since the logins have begun: what takes time now takes none of theirs.
        from selvedge.release.rollout import read, run_step

        for flag, work in step.instead.items():
            if flags.get(flag):
                work(self)
                return
        if not self._ahead:
            alike = takewhile(lambda following: _read_alike(*following, flags), then)
            self._ahead = read(self.fleet, [step, *(following for following, _ in alike)], flags)
        planned, *self._ahead = self._ahead
        if run_step(self.fleet, step, flags, planned):
            self._ahead = []

    def standings(self) -> dict[str, Standing]:
        """What runs on each host of the run, by its name; read from all at once."""
        from selvedge.release.live import Live, Standing

        read = self.fleet.each(lambda session: session.facts([Live(session.target, "")])[0])
        names = (session.name for session in self.fleet.sessions)
        return {name: Standing.parse(fact) for name, fact in zip(names, read, strict=True)}

    def close(self) -> None:
        """End all connections."""
        self.fleet.close()


def _read_alike(step: Step, flags: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Whether the step can be read with another one: it is of the same commit, and nothing else is asked for instead of it."""
    same = all((flags.get(flag) or None) == (first.get(flag) or None) for flag in ("branch", "commit", "force"))
    return same and not any(flags.get(flag) for flag in step.instead)
