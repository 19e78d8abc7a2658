"""A server in a run: read it, plan its steps, make the changes of a step."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from selvedge.config.target import Release, Target
from selvedge.engine.plan import Plan
from selvedge.engine.progress import Progress
from selvedge.engine.script import call_script, parse_facts, read_script, step_script
from selvedge.engine.workstation import run_local, who
from selvedge.errors import Pending, SelvedgeError, StepError, UnreachableError
from selvedge.report import Report
from selvedge.report.text import Styled, last_lines
from selvedge.resources.base import Guard, Query, Resource
from selvedge.ssh import new_host_keys
from selvedge.ssh.connection import Remote, Result
from selvedge.ssh.failures import lost, ssh_command
from selvedge.ssh.fresh_login import require_fresh_login
from selvedge.ssh.known_hosts import HostKey
from selvedge.task import Step


@dataclass
class Planned:
    """A step on a server: its resources with their facts, and their plan.

    pending: what the step waits for. old: the server has changed since the plan was made.
    """

    step: Step
    resources: list[Resource]
    plan: Plan = field(default_factory=Plan)
    pending: str = ""
    old: bool = False
    facts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.step.name)

    def __bool__(self) -> bool:
        return bool(self.plan) or bool(self.pending)


Plans = dict[str, list[Planned]]
"""The planned steps of each host, by the host's name."""


class Session:
    """A server in a run.

    target: its settings. release: the run's decisions about its release. remote: its connection. mark: a random word that
    begins a script's lines of progress, so that no other program on the server can print such a line.
    """

    def __init__(self, target: Target, remote: Remote, report: Report) -> None:
        self.target = target
        self.release = Release()
        self.remote = remote
        self.report = report
        self.mark = f"@{secrets.token_hex(6)}"

    @property
    def name(self) -> str:
        return self.target.host.name

    @property
    def app(self) -> Target:
        """The settings together with the release, for a step."""
        return self.target.releasing(self.release)

    def read(self, queries: Sequence[Query]) -> list[str]:
        """Return the output of the probes in the order of the queries, by one exec. Equal probes run once.

        Raises UnreachableError or SelvedgeError.
        """
        if not queries:
            return []
        probes = [query.probe() for query in queries]
        once: dict[str, Query] = {}
        for probe, query in zip(probes, queries, strict=True):
            once.setdefault(probe, query)
        doing = "reading the server" if self.remote.user else "logging in and reading the server"
        with self.report.activity(self.name, "", doing, live_only=True):
            result = self.remote.run(read_script(list(once.values()), self.mark))
        facts = parse_facts(result.output, self.mark, len(once))
        if facts is not None:
            of_probe = dict(zip(once, facts, strict=True))
            return [of_probe[probe] for probe in probes]
        if result.status == -1:
            raise self.lost("while reading")
        said = last_lines(result.output, 5) or "nothing"
        command = f"`{ssh_command(self.target.host, self.remote.user)} id`"
        if self.mark in result.output:
            raise SelvedgeError(
                f"{self.name}: could not read the server (exit status {result.status}): {said}",
                f"Check with {command} that commands run there.",
            )
        raise SelvedgeError(
            f"{self.name}: {self.remote.user} can log in, but the login ends without running a command (exit status "
            f"{result.status}). It printed: {said}",
            f"{command} must print a user. If it does not, correct the login shell of {self.remote.user} or the command in its "
            "authorized_keys. Or log in as another user: set `bootstrap_user` in hosts.toml.",
        )

    def run(self, shell: str, *, on_line: Callable[[str], None] | None = None, more: bool = False) -> Result:
        """Run shell as root without standard input, by one exec; its output includes standard error.

        on_line gets each line as it arrives. more: another script will follow. If the connection is lost while the shell
        runs, the status is -1. Raises UnreachableError if no connection can be made, SelvedgeError if sudo refuses.
        """
        return self.remote.run(call_script(shell, self.mark), on_line=on_line, more=more)

    def lost(self, when: str) -> UnreachableError:
        """Return the error for a lost connection."""
        return lost(self.name, when)

    def declare(self, step: Step) -> Planned:
        """Return the step with the resources that are known now."""
        resources: list[Resource] = []
        try:
            for resource in step.resources(self.app):
                resources.append(resource)
        except Pending as waits:
            return Planned(step, resources, pending=str(waits))
        return Planned(step, resources)

    def plan(self, steps: Sequence[Step]) -> list[Planned]:
        """Read and plan several steps by one exec."""
        planned = [self.declare(step) for step in steps]
        return _with_plans(planned, self.read(_resources(planned)))

    def script(self, item: Planned) -> str:
        """Return the shell that makes the step's changes; each section is a script."""
        return "\n".join(step_script(part, "selvedge", self.target.name) for part in item.plan.sections())

    def apply(self, item: Planned, then: Sequence[Step]) -> list[Planned]:
        """Make the step's changes; then read and plan the steps `then`, if possible by the same exec.

        Raises StepError if a change fails, UnreachableError if the connection is lost.
        """
        planned = [self.declare(step) for step in then]
        facts: list[str] | None = None
        *_, last = sections = item.plan.sections()
        for part in sections:
            if part.guard:
                self._guarded(replace(item, plan=part), part.guard)
            else:
                facts = self._make(replace(item, plan=part), _resources(planned) if part is last else ())
        if last.guard or facts is None:
            facts = self.read(_resources(planned))
        return _with_plans(planned, facts)

    def _make(self, item: Planned, then: Sequence[Resource] = ()) -> list[str] | None:
        """Make the changes, then read the resources `then`; return None if that reading is incomplete."""
        for _, change in item.plan.changes:
            run_local(self.report, self.name, change.summary, change.local_commands, dict(change.local_env_vars))
            if change.local_work:
                with self.report.activity(self.name, item.name, change.summary):
                    change.local_work(
                        lambda line: self.report.wait(self.name, item.name, line),
                        lambda note: self.report.step(self.name, item.name, f"  {note}"),
                    )
        progress = Progress(self.report, self.name, item.name, item.plan, self.mark)
        script = step_script(item.plan, self.mark, self.target.name, by=who(), why=item.name)
        # In a separate shell, whose output is not logged: a fact may be the text of a file.
        script += f"(\n{read_script(then, self.mark)})\n" if then else ""
        result = self.remote.run(script, item.plan.payload(), progress.line, more=True)
        if not progress.ended and result.status == -1 and not progress.error:
            raise self.lost(progress.fail_lost())
        progress.conclude(result.status, log=f"/var/log/selvedge/{self.target.name}.log")
        return parse_facts("\n".join(["", *progress.rest, ""]), self.mark, len(then))

    def _guarded(self, item: Planned, guard: Guard) -> None:
        """Make changes that could lock the user out: between two fresh logins, with an undo armed on the server."""
        user = self.target.host.user
        self._log_in(item, f"a new login as {user} with sudo works; starting the changes that could prevent it")
        self._make(item)
        new_keys = self._new_host_keys(item)
        try:
            self._log_in(item, f"a new login as {user} with sudo works after the changes")
        except SelvedgeError as error:
            undone = self._succeeds(guard.revert)
            how = "were undone at once" if undone else "will be undone by the server within a minute"
            raise StepError(f"{error.message} The changes to sshd, firewall and sudo {how}.", error.remedy) from error
        if not self._succeeds(guard.disarm):
            raise StepError(
                f"{self.name}: {item.name}: the new login took too long, or the connection was lost. The server has undone the "
                "changes to sshd, firewall and sudo, or undoes them within a minute.",
                "Run the same command again.",
            )
        if new_keys:
            stored, todo = new_host_keys.store(self.remote, new_keys)
            if stored:
                self.report.step(self.name, item.name, Styled("✓", "green"), f" {stored}")
            if todo:
                self.report.step(self.name, item.name, Styled("!", "yellow"), f" {todo}")

    def _new_host_keys(self, item: Planned) -> list[HostKey]:
        """Return the host keys that sshd has after changes of them. From now on, logins of this run accept them, too."""
        if not any(change.host_keys for _, change in item.plan.changes):
            return []
        try:
            keys = new_host_keys.parse_keys(self.run(new_host_keys.PRINT_KEYS).output)
        except SelvedgeError:
            return []  # The login that follows fails as well, which undoes the changes.
        self.remote.proved.update(keys)
        return keys

    def _log_in(self, item: Planned, message: str) -> None:
        try:
            require_fresh_login(self.remote)
        except SelvedgeError as error:
            raise StepError(f"{self.name}: {item.name} was stopped. {error.message}", error.remedy) from error
        self.report.step(self.name, item.name, Styled("✓", "green"), f" {message}")

    def _succeeds(self, shell: str) -> bool:
        try:
            return self.run(f"( set -eu\n{shell}\n)").status == 0
        except SelvedgeError:
            return False


def _resources(planned: Sequence[Planned]) -> list[Resource]:
    return [resource for item in planned for resource in item.resources]


def _with_plans(planned: list[Planned], facts: Sequence[str]) -> list[Planned]:
    """Return the same steps with the plans that their facts require."""
    rest = iter(facts)
    for item in planned:
        item.facts = [resource.complete(next(rest)) for resource in item.resources]
        item.plan = Plan.of(item.resources, item.facts)
    return planned
