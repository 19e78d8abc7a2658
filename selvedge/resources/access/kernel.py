"""Kernel settings."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource, sections
from selvedge.resources.files import File
from selvedge.shell.quoting import words


class Sysctl(Resource):
    """The kernel has the settings of this file (`name = value`, one a line), also after a reboot.

    Settings that are missing or not writable are left out: in a container, some belong to the host.
    """

    path: str
    text: str

    def _values(self) -> dict[str, str]:
        lines = [line.partition("=") for line in self.text.splitlines() if "=" in line and not line.startswith("#")]
        return {name.strip(): value.strip() for name, _, value in lines}

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        names = [name.replace(".", "/") for name in self._values()]
        return f"kernel_sysctl_fact {words(self.path, *names)}"

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        lines = parts.get("live", "").splitlines()
        live = {name.replace("/", "."): value for name, _, value in (line.partition(":") for line in lines)}
        refused = set(parts.get("refused", "").splitlines())
        written = File(self.path, self.text).plan(parts.get("file", "absent"))
        differs = [
            f"{name}={value}"
            for name, value in self._values().items()
            if name in live and live[name] != value and f"{name}={value}" not in refused
        ]
        if written is None and not differs:
            return None
        every = [f"{name}={value}" for name, value in self._values().items() if name in live]
        shell = f"{written.shell if written else ':'}\nkernel_sysctl_set {words(*every)}"
        shown = (written.diff if written else "") or "\n".join(f"+{each}" for each in differs)
        return Change(f"set {len(every)} kernel settings from {self.path}", shell, diff=shown)
