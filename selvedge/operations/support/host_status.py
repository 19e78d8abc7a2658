"""The status of a server and its app, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from selvedge.config.target import Target
from selvedge.operations.support.metrics_state import Alert, metrics_query, parse_alerts
from selvedge.operations.support.timer_states import TimerState, parse_timers
from selvedge.release.record import Releases
from selvedge.resources.nginx.certbot import UNITS
from selvedge.resources.nginx.certificates import certificate_path
from selvedge.resources.nginx.maintenance import Since, maintained_sites
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words
from selvedge.value import Value


class Process(Value):
    """A process of the live release. memory: resident, in kB. age: in seconds."""

    pid: int
    parent: int
    memory: int
    age: int


@dataclass
class HostStatus:
    """The answers of a server. Sizes are in kB, times in seconds; a value is None if the server did not report it.

    orphans: process ids of workers whose parent process was killed. timers: those on the server. backends: of a balancer, the
    status of each one's answer to the health check, 0 without an answer. alerts: those that fire; None if no Prometheus
    answered.
    """

    releases: Releases
    processes: list[Process] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    facts: dict[str, list[str]] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    failed_renewals: list[str] = field(default_factory=list)
    timers: dict[str, TimerState] = field(default_factory=dict)
    backends: dict[str, int] = field(default_factory=dict)
    alerts: list[Alert] | None = None

    @classmethod
    def parse(cls, fact: str) -> HostStatus:
        """Read the output of `status_query`."""
        status = cls(Releases.parse(fact), timers=parse_timers(fact.splitlines()))
        for line in fact.splitlines():
            key, *values = line.split()[:80] or [""]
            if key == "process" and len(values) == 4:
                status.processes.append(Process(*map(int, values)))
            elif key == "orphan" and values:
                status.orphans.append(values[0])
            elif key == "service" and values:
                status.services[values[0]] = values[1] if len(values) > 1 else "unknown"
            elif key == "renewal":
                status.failed_renewals += [values[0]] if len(values) > 1 and values[1] != "success" else []
            elif key == "backend" and len(values) == 2:
                status.backends[values[0]] = int(values[1])
            elif key == "alerts":
                status.alerts = parse_alerts(line.partition(" ")[2])
            elif not key.startswith("."):
                status.facts[key] = values
        return status

    def numbers(self, key: str, count: int) -> list[float] | None:
        """Return the first numbers of a fact; None if there are fewer."""
        try:
            found = [float(value) for value in self.facts.get(key, [])[:count]]
        except ValueError:
            return None
        return found if len(found) == count else None

    @property
    def restarts(self) -> int:
        """Return how often the process manager has restarted the live release."""
        return int(max((self.numbers("restarts", 1) or [0])[0], 0))

    @property
    def memory(self) -> int:
        """Return the resident memory of the app's processes, in kB. Memory that they share counts for each."""
        return sum(process.memory for process in self.processes)

    @property
    def memory_of_all(self) -> int:
        """Return the resident memory of the app with its processes of [processes], in kB."""
        return self.memory + int((self.numbers("beside", 1) or [0])[0])

    @property
    def age(self) -> int | None:
        """Return the seconds since the live release was started; None if it does not run."""
        return max((process.age for process in self.processes), default=None)

    @property
    def certificate(self) -> tuple[float, float] | None:
        """Return the seconds that the certificate is still valid, and those of its whole life; None without a certificate."""
        dates, now = self.numbers("certificate", 2), self.numbers("now", 1)
        return (dates[1] - now[0], dates[1] - dates[0]) if dates and now else None

    @property
    def maintenance(self) -> Since | None:
        """Since when visitors get the maintenance page, and by whom; None if they do not."""
        return Since.parse(" ".join(["maintenance", *self.facts["maintenance"]])) if self.facts.get("maintenance") else None

    @property
    def served(self) -> str:
        """Return until when the certificate is valid that nginx serves instead of the one in the file.

        The date is in openssl's words. "none" if nginx serves no certificate, "" if it serves the one in the file.
        """
        return " ".join(self.facts.get("served", []))

    @property
    def workers(self) -> list[Process]:
        """Return the processes that answer requests: their parents are processes of the app, too."""
        pids = {process.pid for process in self.processes}
        return [process for process in self.processes if process.parent in pids]


def status_query(app: Target) -> str:
    """Return shell that prints the status of a server, for HostStatus.parse."""
    shell = [call("status_fact", asked_manager(app), given=app.shell_values), maintenance_query(app)]
    shell += [*backup_query(app), *balancer_query(app), *metrics_query(app)]
    site = app.balancer_site or app
    return "\n".join([*shell, certificate_query(site)] if site.has_tls and not app.has_only_database else shell)


def asked_manager(app: Target) -> str:
    """Return the process manager to ask about, "" on a server that has only the database: neither nginx nor a manager is there."""
    return "" if app.has_only_database else app.manager


def balancer_query(app: Target) -> list[str]:
    """Return shell that prints how a balancer's site answers and sees its backends, and whether a backend is drained."""
    site = app.balancer_site
    asked = [word for pair in site.backends.items() for word in pair] if site else []
    # Those that nginx does not use yet, too.
    shell = [call("backend_seen", "", *asked, given=app.shell_values)] if asked else []
    if site:
        # A subshell, because the values are those of another site if the app runs here, too.
        shell.append(f"(\n{call('status_balancer', given=site.shell_values)}\n)")
    if not app.balancers:
        return shell
    paths = app.paths
    state = f"backend_state {words(paths.drained_unit, paths.drain_mark)}"
    shared = f"backend_shared {quote(paths.drain_rules)} | sed -n 's/ on$//p'"
    return [f"printf 'drained %s\\n' \"$({state})\"", f"printf 'drained-with %s\\n' \"$({shared} | tr '\\n' ' ')\"", *shell]


def maintenance_query(app: Target) -> str:
    """Return shell that prints since when the host's sites are in maintenance, if one is. The last one counts: the balancer's."""
    return "\n".join(call("maintenance_fact", site.name) for site in maintained_sites(app))


def backup_query(app: Target) -> list[str]:
    """Return shell that prints the state of the backups, if there are any."""
    return [call("backup_fact", given=app.shell_values)] if app.backup.to else []


def certificate_query(app: Target) -> str:
    """Return shell that prints the status of the certificate."""
    unit = f"{UNITS[app.tls.certbot]}.service"
    return call("status_certificate", certificate_path(app), unit, app.served_names[0], str(app.nginx.https_port), app.path_folder)
