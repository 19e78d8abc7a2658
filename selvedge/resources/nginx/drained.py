"""Whether a backend takes new requests of its balancers ([balancer])."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.resources.stamp import Stamp
from selvedge.shell.quoting import words

if TYPE_CHECKING:
    from selvedge.config.target import Target

WANTED = "/etc/systemd/system/multi-user.target.wants"
"""The folder with the links of the units that are on at boot."""


class Drained(Resource):
    """The server refuses new connections of the balancers, also after a reboot. With drained=False it takes them.

    unit: the unit that is on meanwhile. rules: the file with its rules. mark: the file that exists while a rollout has drained the
    server. by_run: a rollout drains the server, or ends only the drain of a rollout. seconds: how long to wait for open connections
    to `port`.
    """

    app: str
    unit: str
    rules: str
    mark: str
    drained: bool
    port: int
    seconds: int
    by_run: bool = False

    @classmethod
    def of(cls, app: Target, *, drained: bool, by_run: bool = False) -> Drained:
        """Return the resource of a backend."""
        paths = app.paths
        return cls(
            app.name, paths.drained_unit, paths.drain_rules, paths.drain_mark, drained, app.nginx.http_port, app.drain, by_run
        )

    def probe(self) -> str:
        return f"backend_fact {words(self.unit, self.mark, self.rules)}"

    def plan(self, fact: str) -> Change | None:
        state = state_of(fact)
        if self.drained:
            if state == ["drained"] or (self.by_run and state[:1] == ["drained"]):
                return None
            by = "run" if self.by_run else "user"
            shell = f"backend_drain {words(self.unit, str(self.port), str(self.seconds), self.mark, by)}"
            apps = " and ".join([self.app, *shared_with(fact)])
            reason = f", because they share port {self.port}" if shared_with(fact) else ""
            return Change(f"refuse new requests of the balancers to {apps}{reason}", shell)
        if not state or (self.by_run and state[-1] != "run"):
            return None
        still = " and ".join(shared_with(fact, drained=True))
        note = f", which stay away as long as {still} is drained" if still else ""
        return Change(f"take requests of the balancers to {self.app}{note}", f"backend_undrain {words(self.unit, self.mark)}")

    def unchanged(self, fact: str) -> str:
        if self.drained:
            return f"{self.app} is already drained"
        still = " and ".join(shared_with(fact, drained=True))
        return f"{self.app} is not drained{f', but {still} is, and has the same port' if still else ''}"


class DrainRules(Resource):
    """The rules of a drained backend in the kernel are those of the file `rules`: they refuse the present balancers.

    table: the name of the rules' table. addresses: those of the balancers. mark: as of Drained, a file of this app.
    """

    unit: str
    rules: str
    table: str
    addresses: tuple[str, ...]
    port: int
    mark: str

    @classmethod
    def of(cls, app: Target) -> DrainRules:
        """Return the resource of a backend."""
        paths, table = app.paths, f"selvedge_{app.nginx_id}"
        return cls(paths.drained_unit, paths.drain_rules, table, app.balancers, app.nginx.http_port, paths.drain_mark)

    def probe(self) -> str:
        return f"backend_rules {words(self.unit, self.table)}"

    def plan(self, fact: str) -> Change | None:
        wanted = {(address, str(self.port)) for address in self.addresses}
        if not fact.strip() or set(re.findall(r"saddr (\S+) tcp dport ([0-9]+) ", fact)) == wanted:
            return None
        return Change("refuse new requests of the present balancers, while the server is drained", f"nft -f {words(self.rules)}")

    def owned(self) -> tuple[str, ...]:
        return (self.mark, f"{WANTED}/{self.unit}")


class NoBackend(Resource):
    """The server has nothing of a backend: no rules that refuse balancers, and no unit that loads them.

    unit, leave: the units that are on while it is drained, and that drain it at a shutdown. table: as of DrainRules. files: the
    files of both units, and the links that start them. rest: the other files, which are deleted last, so that the next run repeats
    what was interrupted.
    """

    app: str
    unit: str
    leave: str
    table: str
    files: tuple[str, ...]
    rest: tuple[str, ...]

    @classmethod
    def of(cls, app: Target) -> NoBackend:
        """Return the resource of a host that is no backend, or no longer one."""
        paths = app.paths
        units = (paths.drained_unit, paths.leave_unit)
        files = tuple(f"{folder}/{unit}" for unit in units for folder in (WANTED, "/etc/systemd/system"))
        rest = (paths.drain_rules, paths.drain_mark, Stamp(paths.leave_unit).path)
        return cls(app.name, *units, f"selvedge_{app.nginx_id}", files, rest)

    def probe(self) -> str:
        return f"probe_existing {words(*self.files, *self.rest)}"

    def plan(self, fact: str) -> Change | None:
        found = fact.split()
        if not found:
            return None
        drained = f", which refuses new requests of the balancers to {self.app}" if self.files[0] in found else ""
        shell = f"backend_remove {words(self.unit, self.leave, self.table, *self.files)}\nrm -f -- {words(*self.rest)}"
        diff = "\n".join(f"-{path}" for path in found)
        return Change(f"remove the rules and units of a backend{drained}", shell, diff)

    def owned(self) -> tuple[str, ...]:
        return (*self.files, *self.rest)


def state_of(fact: str) -> list[str]:
    """Return the words of the state in the fact of Drained: none if the backend takes requests."""
    return next((line.split()[1:] for line in fact.splitlines() if line.startswith("state ")), [])


def shared_with(fact: str, *, drained: bool = False) -> list[str]:
    """Return the names of the other apps with the port of a backend, or of those that are drained."""
    rows = [line.split()[1:] for line in fact.splitlines() if line.startswith("with ")]
    return [name for name, state in rows if state == "on" or not drained]
