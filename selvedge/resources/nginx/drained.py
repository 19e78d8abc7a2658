"""Whether a backend takes new requests of its balancers ([balancer])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import words

if TYPE_CHECKING:
    from selvedge.config.target import Target


class Drained(Resource):
    """The server refuses new connections of the balancers, also after a reboot. With drained=False it takes them.

    unit: the unit that is on meanwhile. seconds: how long to wait for open connections to `port`.
    """

    app: str
    unit: str
    drained: bool
    port: int
    seconds: int

    @classmethod
    def of(cls, app: Target, *, drained: bool) -> Drained:
        """Return the resource of a backend."""
        return cls(app.name, app.paths.drained_unit, drained, app.nginx.http_port, app.drain)

    def probe(self) -> str:
        return f"backend_state {words(self.unit)}"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == ("drained" if self.drained else ""):
            return None
        if self.drained:
            shell = f"backend_drain {words(self.unit, str(self.port), str(self.seconds))}"
            return Change(f"refuse new requests of the balancers to {self.app}", shell)
        return Change(f"take requests of the balancers to {self.app}", f"backend_undrain {words(self.unit)}")

    def unchanged(self, fact: str) -> str:  # noqa: ARG002
        return f"{self.app} {'is already drained' if self.drained else 'is not drained'}"
