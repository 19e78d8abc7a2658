"""Facts about a server: its own answers, by one exec, and observations from this machine."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from dataclasses import field, replace

from selvedge.config.site import concrete
from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.operations.doctor.addresses import is_loopback, resolve
from selvedge.operations.doctor.procfile import procfile_path
from selvedge.operations.support.host_status import (
    HostStatus,
    asked_manager,
    backup_query,
    balancer_query,
    certificate_query,
    maintenance_query,
)
from selvedge.operations.support.metrics_state import metrics_query
from selvedge.resources.base import Ask
from selvedge.resources.code.fetched import resolve_call
from selvedge.resources.nginx.certificates import certificate_path
from selvedge.shell.library import call
from selvedge.value import Value

PORT_SECONDS = 4.0
"""Seconds to wait for a port of the server: a firewall that drops packets never answers."""
GIT_SECONDS = 15
"""Seconds that the server waits for a git server."""


class ServerFacts(Value):
    """Facts about a server.

    lines: all lines of its answer, by their first words. skew: seconds that its clock is ahead of this machine's, without
    the time that the answer took. ports: the results of connections from this machine ("open", "refused", "silent").
    domains: the addresses of the app's domains, as this machine resolves them. addresses: those of the server.
    """

    status: HostStatus
    user: str
    lines: dict[str, list[str]]
    skew: float = 0.0
    ports: dict[int, str] = field(default_factory=dict)
    domains: dict[str, frozenset[str]] = field(default_factory=dict)
    addresses: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, fact: str, user: str) -> ServerFacts:
        """Read the output of `facts_query`."""
        lines: dict[str, list[str]] = defaultdict(list)
        for line in fact.splitlines():
            key, _, rest = line.partition(" ")
            lines[key].append(rest.strip())
        return cls(HostStatus.parse(fact), user, lines)

    def one(self, key: str) -> str:
        """Return the rest of the first line with this key, "" if there is none."""
        return next(iter(self.lines.get(key, [])), "")

    def named(self, key: str) -> dict[str, str]:
        """Return the rest of each line `key name rest`, by its name."""
        return {name: rest for name, _, rest in (line.partition(" ") for line in self.lines.get(key, []))}


def read_facts(session: Session) -> ServerFacts:
    """Query the server, and try its ports from this machine. Raises SelvedgeError."""
    app = session.target
    connection = session.remote.connection
    before = time.time()
    facts = ServerFacts.parse(session.read([Ask(facts_query(app))])[0], session.remote.user)
    after = time.time()
    now = facts.status.numbers("now", 1)
    # A gateway or a forwarded port of this machine says nothing about the server's own ports.
    direct = not (connection.gateway or connection.settings.proxy_command) and not is_loopback(connection.host)
    return replace(
        facts,
        skew=_distance(now[0], before, after) if now else 0.0,
        ports={port: _try_port(connection.host, port) for port in app.ports} if direct else {},
        domains={name: resolve(concrete(name)) for name in app.names},
        addresses=resolve(connection.host),
    )


def facts_query(app: Target) -> str:
    """Return shell that prints all facts about a server, for ServerFacts.parse."""
    domains, ports = " ".join(map(concrete, app.names)), " ".join(map(str, app.ports))
    asked = {"domains": domains, "ports": ports, "module": app.asgi, "migrate": app.migrate}
    shell = [call("doctor_fact", asked_manager(app), given=app.shell_values, **asked), *backup_query(app), *balancer_query(app)]
    shell += [maintenance_query(app), *metrics_query(app)]
    if app.has_tls and not app.has_only_database:
        shell += [certificate_query(app), call("doctor_certificate", certificate_path(app), app.path_folder)]
    # A local repository is pushed: the server does not read it.
    if app.runs_here and not app.repository_is_local:
        shell.append(f"{resolve_call(app, GIT_SECONDS)} | sed '/^nogit/d; s/^/repository /'")
        shell.append(call("doctor_procfile", procfile_path(app), given=app.shell_values))
    return "\n".join(shell)


def _distance(moment: float, first: float, last: float) -> float:
    """Return how far a moment is outside of a time span: negative before it, 0 within."""
    return min(moment - first, 0.0) or max(moment - last, 0.0)


def _try_port(address: str, port: int) -> str:
    try:
        socket.create_connection((address, port), timeout=PORT_SECONDS).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
    return "open"
