"""The socket for the Prometheus of another server, and parts of the metrics that a server no longer needs."""

from __future__ import annotations

from selvedge.resources.access.firewall import MARK, peers_of, rules_of
from selvedge.resources.access.undo import UNDO
from selvedge.resources.base import Change, Guard, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import words


def _needless(found: set[str]) -> bool:
    """Return whether something is there for this app, or for none. found: the words of metricsoff_needs, and "there"."""
    return "own" in found or ("there" in found and "other" not in found)


class PrivateSocketRemoved(Resource):
    """No Prometheus of another server asks this one for the app. The socket for it stays while another app needs it."""

    app: str

    def probe(self) -> str:
        return call("metricsoff_private_fact", self.app)

    def plan(self, fact: str) -> Change | None:
        found = set(fact.split())
        if not _needless(found):
            return None
        return Change("close this server's metrics to the Prometheus of another one", call("metricsoff_private", self.app))


class FormerMonitorsShutOut(Resource):
    """The firewall lets in no server that has asked for the metrics before, unless another app needs it.

    source: the address of the server that asks now, "" without one.
    """

    port: int
    app: str
    source: str
    guard: Guard = UNDO

    def probe(self) -> str:
        return call("metricsoff_rules", self.app, str(self.port))

    def plan(self, fact: str) -> Change | None:
        lines, _, peers = fact.partition("\n--- peers\n")
        port, comment = str(self.port), f"{MARK}-{self.app}".encode().hex()
        kept = {self.source} | {address for address, number in peers_of(peers) if number == port}
        ours = [rule for rule in rules_of(lines) if rule.comment == comment and rule.port == port]
        former = [rule.source for rule in ours if rule.source not in kept]
        if not former:
            return None
        shell = "\n".join(f"firewall_close_to {words(source, port)}" for source in dict.fromkeys(former))
        return Change(f"change the firewall: close port {port} to {', '.join(dict.fromkeys(former))}", shell, guard=self.guard)


class ExporterRemoved(Resource):
    """The app has no service that an exporter measures. The exporter stays while another app has one."""

    package: str
    app: str

    def probe(self) -> str:
        return call("metricsoff_exporter_fact", self.package, self.app)

    def plan(self, fact: str) -> Change | None:
        found = set(fact.split())
        if not _needless(found):
            return None
        action = f"stop measuring with {self.package} for {self.app}" if "other" in found else f"remove {self.package}"
        return Change(action, call("metricsoff_exporter", self.package, self.app))


class OwnPrometheusOff(Resource):
    """The server's own Prometheus and its alerts are off: that of another server asks this one. Another app may need them."""

    app: str

    def probe(self) -> str:
        return call("metricsoff_prometheus_fact", self.app)

    def plan(self, fact: str) -> Change | None:
        found = set(fact.split())
        if "other" in found or "there" not in found:
            return None
        summary = "turn off this server's Prometheus, because that of another one asks it; its data stays in /var/lib/prometheus"
        return Change(summary, call("metricsoff_prometheus"))
