"""systemd services and other units."""

from __future__ import annotations

import hashlib

from selvedge.resources.base import Change, Loader, Resource
from selvedge.resources.stamp import Stamp
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words

MASKED = ("masked", "masked-runtime")
_INSTEAD = {
    "fail2ban": "set `fail2ban = false` under [server] in hosts.toml",
    "ufw": "set `firewall = false` under [server] in hosts.toml",
    "supervisor": 'set `manager = "systemd"` under [app] in hosts.toml',
    **dict.fromkeys(
        ("apt-daily", "apt-daily-upgrade", "unattended-upgrades"),
        "set `unattended_upgrades = false` under [server] in hosts.toml, and install security updates yourself",
    ),
}
"""The settings with which Selvedge does without a unit."""


def masked(unit: str) -> Change:
    """Return the change for a unit that someone has masked (systemctl(1), mask). It only fails: they may have had a reason."""
    return Change(f"start {unit}, which is masked", call("service_masked", unit, _INSTEAD.get(unit.rpartition(".")[0], "")))


class Service(Loader):
    """A systemd service is enabled, runs, and has loaded its configuration.

    loads: the resources of the configuration; a hash of them is the service's stamp. check: a command that refuses a broken
    configuration before the reload, e.g. "nginx -t". stamp: the stamp's name, if several apps configure one service.
    """

    name: str
    loads: tuple[Resource, ...] = ()
    check: str = ""
    reload_command: str = ""
    stamp: str = ""

    @property
    def _stamp(self) -> Stamp:
        return Stamp(self.stamp or self.name)

    def loaded(self) -> tuple[Resource, ...]:
        return self.loads

    def _wanted(self) -> str:
        return hashlib.sha256("\n".join(load.identity() for load in self.loads).encode()).hexdigest()

    def units(self) -> tuple[str, ...]:
        return (self.name if self.name.endswith((".service", ".timer", ".socket")) else f"{self.name}.service",)

    def owned(self) -> tuple[str, ...]:
        return (self._stamp.path,)

    def probe(self) -> str:
        return f"probe_unit {words(*self.units())}\nprintf Stamp=\n{self._stamp.read()}\necho"

    def plan(self, fact: str) -> Change | None:
        properties = dict(line.split("=", 1) for line in fact.splitlines() if "=" in line)
        if properties.get("UnitFileState") in MASKED:
            return masked(self.units()[0])
        enabled = properties.get("UnitFileState") in ("enabled", "static", "alias", "indirect", "generated")
        active = properties.get("ActiveState") in ("active", "reloading")
        if not enabled or not active:
            return self._start(enabled, active)
        if self.loads and properties.get("Stamp") != self._wanted():
            return self.reload()
        return None

    def _start(self, enabled: bool, active: bool) -> Change:
        verbs = " and ".join(
            word for word, needed in (("enable", not enabled), ("start", not active)) if needed
        )
        unit = quote(self.name)
        lines = [self._run_check("rejects its configuration, so it was not started", "Correct the file that it names.")]
        if self.loads:
            # A package that this step has installed may have started the service with its own configuration.
            lines.append(f"if systemctl is-active -q {unit}; then\n{self._reload_line()}\nfi")
        lines.append(f"service_run 'enable --now' {unit}")
        return Change(f"{verbs} {self.name}", "\n".join([*filter(None, lines), self._write_stamp()]))

    def _reload_line(self) -> str:
        return self.reload_command or f"service_run reload-or-restart {quote(self.name)}"

    def _write_stamp(self) -> str:
        return self._stamp.write(self._wanted()) if self.loads else ":"

    def _forget_stamp(self) -> str:
        """Return shell for the time before a change to what the service has loaded."""
        return self._stamp.remove()

    def _run_check(self, problem: str, remedy: str, *about_to_be_written: str) -> str:
        """Return shell that fails if the check refuses the configuration, except for errors in files about to be written."""
        if not self.check:
            return ""
        return call("service_check", f"{self.name} {problem}", remedy, self.check, *about_to_be_written)

    def reload(self) -> Change:
        problem = "rejects its configuration, so it was not reloaded"
        checked = self._run_check(problem, "The files that this step changed were restored.")
        shell = "\n".join(filter(None, [checked, self._reload_line(), self._write_stamp()]))
        return Change(f"reload {self.name}", shell)

    def before_loads(self) -> str:
        lines = []
        if self.check:
            own = dict.fromkeys(path for load in self.loads for path in load.paths())
            check = self._run_check("rejects its current configuration, so nothing was changed", "Correct that file first.", *own)
            lines.append(f"if probe_has {quote(self.check.split()[0])}; then\n{check}\nfi")
        if self.loads:
            lines.append(self._forget_stamp())
        return "\n".join(lines)


class Enabled(Resource):
    """These systemd units are enabled and active."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", tuple(names))

    def units(self) -> tuple[str, ...]:
        return self.names

    def probe(self) -> str:
        return "\n".join(f"probe_unit {quote(name)}\necho" for name in self.names)

    def plan(self, fact: str) -> Change | None:
        blocks = [set(block.split()) for block in fact.split("\n\n")]
        on = {"ActiveState=active", "UnitFileState=enabled"}
        states = list(zip(self.names, [*blocks, *[set()] * len(self.names)], strict=False))
        for name, block in states:
            if not block.isdisjoint(f"UnitFileState={state}" for state in MASKED):
                return masked(name)
        off = [name for name, block in states if not on <= block]
        return Change(f"enable {', '.join(off)}", f"service_run 'enable --now' {words(*off)}") if off else None
