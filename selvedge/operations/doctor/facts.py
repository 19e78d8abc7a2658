"""What `fab doctor` reads of a server, in one exec, and what it tries from this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.operations.host_status import HostStatus, fullchain, status_certificate
from selvedge.release.commits import resolve_call
from selvedge.resources.base import Ask
from selvedge.shell.library import call
from selvedge.value import Value

KNOCK_SECONDS = 4.0
"""Seconds that a port of the server is waited for; a firewall that drops packets never answers."""


GIT_SECONDS = 15
"""Seconds that the server waits for a git server."""


class ServerFacts(Value):
    """What was found out about a server.

    lines: all that it said of itself, by the first word of each line. skew: seconds that its clock is ahead of this
    machine's, beyond what the way there explains. knocks: what its ports did when this machine tried them ("open",
    "refused", "silent"). resolved: the addresses of the app's names, and here: those of the server, as this machine sees them.
    """

    vitals: HostStatus
    user: str
    lines: dict[str, list[str]]
    skew: float = 0.0
    knocks: dict[int, str] = field(default_factory=dict)
    resolved: dict[str, frozenset[str]] = field(default_factory=dict)
    here: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, fact: str, user: str) -> ServerFacts:
        """What the script of `reading` printed; without what this machine tries."""
        lines: dict[str, list[str]] = defaultdict(list)
        for line in fact.splitlines():
            key, _, rest = line.partition(" ")
            lines[key].append(rest.strip())
        return cls(HostStatus.parse(fact), user, lines)

    def one(self, key: str) -> str:
        """The rest of the only line with that word, "" where there is none."""
        return next(iter(self.lines.get(key, [])), "")

    def named(self, key: str) -> dict[str, str]:
        """The lines `key name rest` as rest by name."""
        return {name: rest for name, _, rest in (line.partition(" ") for line in self.lines.get(key, []))}


def examine(session: Session, *, knock: bool) -> ServerFacts:
    """Ask the server, and try its ports from here unless nothing of the kind can be said. Raises SelvedgeError."""
    app = session.target
    connection = session.remote.connection
    before = time.time()
    fact = session.read([Ask(doctor_query(app))])[0]
    found = ServerFacts.parse(fact, session.remote.user)
    now = found.vitals.numbers("now", 1)
    ports = {80, *([443] if app.has_tls else [])}
    # Through a server in between, or where another machine listens for it, its ports say nothing about itself.
    tried = knock and not connection.gateway and not _loopback(connection.host)
    return replace(
        found,
        skew=_outside(now[0], before, time.time()) if now else 0.0,
        knocks={port: _knock(connection.host, port) for port in sorted(ports)} if tried else {},
        resolved={name: _resolve(name) for name in app.domains},
        here=_resolve(connection.host),
    )


def doctor_query(app: Target) -> str:
    """Return shell that prints all facts about a server, for ServerFacts.parse."""
    domains = " ".join(app.domains)
    shell = [call("doctor_fact", app.manager, given=app.shell_values, domains=domains)]
    if app.has_tls:
        shell += [status_certificate(app), call("doctor_certificate", fullchain(app))]
    if not app.is_local:  # a repository on this machine is pushed, and the servers need not read it
        shell.append(f"{resolve_call(app, GIT_SECONDS)} | sed '/^nogit/d; s/^/repository /'")
    return "\n".join(shell)


def _outside(moment: float, first: float, last: float) -> float:
    """How far a moment lies outside of a span: negative before it, 0 within."""
    return min(moment - first, 0.0) or max(moment - last, 0.0)


def _loopback(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"


def _knock(address: str, port: int) -> str:
    try:
        socket.create_connection((address, port), timeout=KNOCK_SECONDS).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
    return "open"


def _resolve(name: str) -> frozenset[str]:
    try:
        return frozenset(str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


def public(addresses: Iterable[str]) -> Sequence[str]:
    """Those that are not loopback or link-local."""
    return [each for each in addresses if not (_loopback(each) or each.lower().startswith("fe80:"))]
