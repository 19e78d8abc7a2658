"""One server in one run: read its steps, plan them, make the changes of a step, and read again to prove it."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from selvedge.config.settings import Target
from selvedge.engine.plan import HEAD, Plan, apply_script, parse_facts, plan, read_script
from selvedge.engine.workstation import run_local, who
from selvedge.errors import SelvedgeError, StepError, UnreachableError
from selvedge.report import Report
from selvedge.resources.base import Guard, Resource
from selvedge.shell import library, quote
from selvedge.ssh.connection import Remote
from selvedge.ssh.failures import lost
from selvedge.ssh.fresh_login import prove
from selvedge.task import Pending, Step

TAIL = 40
"""Lines of a failed change's output that are shown."""
WIDEST = 1000
"""Characters of each that are shown."""


@dataclass
class Planned:
    """A step of this run on this server: its resources, what would change, and what it still waits for. old: something was
    changed after it was read."""

    step: Step
    resources: list[Resource]
    plan: Plan = field(default_factory=Plan)
    pending: str = ""
    old: bool = False

    @property
    def name(self) -> str:
        return str(self.step.name)

    def __bool__(self) -> bool:
        return bool(self.plan) or bool(self.pending)


class Session:
    """A server in this run. `target` are the settings as they hold for it, `remote` the connection."""

    def __init__(self, target: Target, remote: Remote, report: Report) -> None:
        self.target = target
        self.remote = remote
        self.report = report
        self.mark = f"@{secrets.token_hex(6)}"

    @property
    def name(self) -> str:
        return self.target.host.name

    def facts(self, resources: Sequence[Resource]) -> list[str]:
        """What the probes print, in one exec. What several steps ask for is read once.

        Raises UnreachableError or SelvedgeError.
        """
        if not resources:
            return []
        probes = [resource.probe() for resource in resources]
        once: dict[str, Resource] = {}
        for probe, resource in zip(probes, resources, strict=True):
            once.setdefault(probe, resource)
        result = self.remote.run(self._read(list(once.values())))
        facts = parse_facts(result.output, self.mark, len(once))
        if facts is not None:
            of_probe = dict(zip(once, facts, strict=True))
            return [of_probe[probe] for probe in probes]
        if result.status == -1:
            raise self.lost("while reading")
        raise SelvedgeError(
            f"{self.name}: the server could not be read (exit status {result.status}): {last_lines(result.output, 5)}",
            f"Try `ssh {self.remote.user}@{self.target.host.address or self.name} true`: is a POSIX shell there?",
        )

    def lost(self, when: str) -> UnreachableError:
        return lost(self.name, when)

    def declare(self, step: Step) -> Planned:
        """The step's resources, as far as they can be said now."""
        resources: list[Resource] = []
        try:
            for resource in step.resources(self.target):
                resources.append(resource)
        except Pending as waits:
            return Planned(step, resources, pending=str(waits))
        return Planned(step, resources)

    def plan(self, steps: Sequence[Step]) -> list[Planned]:
        """Read and plan several steps in one exec."""
        planned = [self.declare(step) for step in steps]
        return _judge(planned, self.facts(_resources(planned)))

    def _read(self, resources: Sequence[Resource]) -> str:
        return read_script(resources, self.mark)

    def script(self, item: Planned) -> str:
        """The shell that makes the step's changes; what is guarded stands in a script of its own."""
        name = self.target.name
        return "\n".join(apply_script(part, "selvedge", lock=name, log=name) for part in item.plan.sections())

    def apply(self, item: Planned, then: Sequence[Step]) -> list[Planned]:
        """Make the step's changes; then read and plan these steps, in the same exec where that can be.

        Raises StepError with the cause, or UnreachableError when the connection is lost.
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
            facts = self.facts(_resources(planned))
        return _judge(planned, facts)

    def _make(self, item: Planned, then: Sequence[Resource] = ()) -> list[str] | None:
        """Make the changes, and read these resources behind them; None where that reading did not come to its end."""
        for _, change in item.plan.changes:
            run_local(self.name, change.summary, change.local, dict(change.local_environment))
        progress = _Progress(self, item)
        name = self.target.name
        script = apply_script(item.plan, self.mark, lock=name, log=name, by=who(), why=item.name)
        # In a shell of its own, and behind the end of the log: what is read may be the text of a file.
        script += f"(\n{self._read(then)})\n" if then else ""
        result = self.remote.run(script, item.plan.payload(), progress.line, more=True)
        progress.conclude(result.status)
        return parse_facts("\n".join(["", *progress.behind, ""]), self.mark, len(then))

    def _guarded(self, item: Planned, guard: Guard) -> None:
        """Changes that could shut their own user out: between two fresh logins, with an undo armed on the server."""
        user = self.target.host.user
        self._prove(item, f"a fresh login as {user} with sudo works; now what it could be shut out by")
        self._make(item)
        try:
            self._prove(item, f"a fresh login as {user} with sudo works over the new rules")
        except SelvedgeError as error:
            back = self._guard(guard, guard.revert)
            how = "It was taken back at once" if back else "The server takes it back by itself within a minute"
            then = "are as they were" if back else "will be as they were"
            raise StepError(f"{error.message} {how}: sshd, firewall and sudo {then}.", error.remedy) from error
        if not self._guard(guard, guard.disarm):
            raise StepError(
                f"{self.name}: {item.name}: the proof came too late, or the connection was lost: the server has taken "
                "the changes to sshd, firewall and sudo back, or does so within a minute.",
                "Run the same command again.",
            )

    def _prove(self, item: Planned, proved: str) -> None:
        try:
            prove(self.remote)
        except SelvedgeError as error:
            raise StepError(f"{self.name}: {item.name} was stopped: {error.message}", error.remedy) from error
        self.report.step(self.name, item.name, f"{self.report.paint('✓', 'green')} {proved}")

    def _guard(self, guard: Guard, shell: str) -> bool:
        libraries = "".join(library(name) for name in dict.fromkeys(["probe", "apply", *guard.uses]))
        script = f"{HEAD}mark={quote(self.mark)}\n{libraries}\n( set -eu\n{shell}\n) </dev/null\n"
        try:
            return self.remote.run(script).status == 0
        except SelvedgeError:
            return False


def _resources(planned: Sequence[Planned]) -> list[Resource]:
    return [resource for item in planned for resource in item.resources]


def _judge(planned: list[Planned], facts: Sequence[str]) -> list[Planned]:
    """The same steps, with what their facts say that has to change."""
    rest = iter(facts)
    for item in planned:
        item.plan = plan(item.resources, [next(rest) for _ in item.resources])
    return planned


class _Progress:
    """Reads the lines of a running script: marked ones are progress, the others output, kept for the worst. behind: the
    lines that follow the script's end."""

    def __init__(self, session: Session, item: Planned) -> None:
        self._session = session
        self._item = item
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._error = ""
        self._current = -1
        self._end: int | None = None
        self.behind: list[str] = []

    def line(self, text: str) -> None:
        if self._end is not None:
            self.behind.append(text)
            return
        head, _, rest = text.partition(" ")
        if head != self._session.mark:
            # A progress bar draws over itself with carriage returns; its last state is enough.
            row = text.rstrip("\r").rsplit("\r", 1)[-1][:WIDEST]
            self._tail.extend([row] if row.strip() else [])
            return
        kind, _, value = rest.partition(" ")
        report, name, step = self._session.report, self._session.name, self._item.name
        if kind == "begin":
            self._current = -1 if value == "before" else int(value)
            self._tail.clear()
            if self._current >= 0:
                report.begin(name, step, self._summary())
        elif kind == "done" and value != "before":
            report.done(name, step, self._summary())
        elif kind == "say":
            report.step(name, step, f"  {value[:WIDEST]}")
        elif kind == "error":
            self._error = value[:WIDEST]
        elif kind == "end":
            self._end = int(value)

    def _summary(self) -> str:
        return self._item.plan.changes[self._current][1].summary if self._current >= 0 else "check before changing"

    def conclude(self, status: int) -> None:
        if self._end == 0:
            return
        session, step = self._session, self._item.name
        if self._end is None and not self._error and status == -1:
            session.report.failed(session.name, step, self._summary())
            raise session.lost(f"in {step}, at: {self._summary()}")
        session.report.failed(session.name, step, self._summary())
        cause = self._error or last_lines("\n".join(self._tail), 1) or f"exit status {status}"
        if self._tail and (not self._error or self._show_tail()):
            session.report.line(f"    the last lines of its output on {session.name}:")
            for row in self._tail:
                session.report.line(f"    {row}")
        remedy = self._item.plan.changes[self._current][1].remedy if self._current >= 0 else ""
        log = f"All of its output: /var/log/selvedge/{session.target.name}.log on the server."
        raise StepError(f"{session.name}: {step} failed at: {self._summary()}. {cause}", f"{remedy} {log}".strip())

    def _show_tail(self) -> bool:
        return any(row.strip() for row in self._tail)


def last_lines(text: str, count: int) -> str:
    """The last lines of a text that hold something, joined, without escape sequences."""
    lines = [re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", row).strip() for row in text.splitlines()]
    return " | ".join([row for row in lines if row][-count:])
