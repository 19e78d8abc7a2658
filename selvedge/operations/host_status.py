"""How a server and its app are doing: what one exec reads, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from selvedge.config.target import Target
from selvedge.release.record import Releases
from selvedge.resources.certbot import UNITS
from selvedge.resources.certificate import Certificate
from selvedge.shell.library import call
from selvedge.value import Value


class Process(Value):
    """A process that serves. memory: kB resident; age: seconds."""

    pid: int
    parent: int
    memory: int
    age: int


@dataclass
class HostStatus:
    """What a server said of itself. Sizes in kB, times in seconds; None where it did not say.

    orphans: process ids of workers whose gunicorn was killed.
    """

    releases: Releases
    processes: list[Process] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    facts: dict[str, list[str]] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    failed_renewals: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, fact: str) -> HostStatus:
        """What the shell of `status_query` printed."""
        status = cls(Releases.parse(fact))
        for line in fact.splitlines():
            key, *values = line.split()[:12] or [""]
            if key == "process" and len(values) == 4:
                status.processes.append(Process(*map(int, values)))
            elif key == "orphan" and values:
                status.orphans.append(values[0])
            elif key == "service" and values:
                status.services[values[0]] = values[1] if len(values) > 1 else "unknown"
            elif key == "renewal":
                status.failed_renewals += [values[0]] if len(values) > 1 and values[1] != "success" else []
            elif not key.startswith("."):
                status.facts[key] = values
        return status

    def numbers(self, key: str, count: int) -> list[float] | None:
        """The numbers of a fact; None where it does not have so many."""
        try:
            found = [float(value) for value in self.facts.get(key, [])[:count]]
        except ValueError:
            return None
        return found if len(found) == count else None

    @property
    def restarts(self) -> int:
        """How often the process manager has started the live release anew."""
        return int(max((self.numbers("restarts", 1) or [0])[0], 0))

    @property
    def memory(self) -> int:
        """The resident memory of the app's processes, kB; what they share counts for each."""
        return sum(process.memory for process in self.processes)

    @property
    def age(self) -> int | None:
        """Seconds since the live release was started, None where it does not run."""
        return max((process.age for process in self.processes), default=None)

    @property
    def certificate(self) -> tuple[float, float] | None:
        """Seconds that the certificate has left, and those of its whole life; None where there is none."""
        dates, now = self.numbers("certificate", 2), self.numbers("now", 1)
        return (dates[1] - now[0], dates[1] - dates[0]) if dates and now else None

    @property
    def served(self) -> str:
        """Until when the certificate is valid that nginx serves instead of the one in the file, in openssl's words, or "none";
        "" where it serves that one."""
        return " ".join(self.facts.get("served", []))

    @property
    def workers(self) -> list[Process]:
        """The processes that answer: those whose parent serves too."""
        pids = {process.pid for process in self.processes}
        return [process for process in self.processes if process.parent in pids]


def status_query(app: Target) -> str:
    """Return shell that prints the status of a server, for HostStatus.parse."""
    shell = call("status_fact", app.manager, given=app.shell_values)
    return f"{shell}\n{status_certificate(app)}" if app.has_tls else shell


def status_certificate(app: Target) -> str:
    """Return shell that prints the status of the certificate."""
    return call("status_certificate", fullchain(app), f"{UNITS[app.tls.certbot]}.service", app.domains[0])


def fullchain(app: Target) -> str:
    """Return the path of the certificate on the server."""
    return app.paths.certificate if app.tls.certificate else Certificate.of(app).fullchain
