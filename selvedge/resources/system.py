"""Services, systemd units and users."""

from __future__ import annotations

import hashlib

from selvedge.resources.base import Change, Loader, Resource
from selvedge.resources.stamp import Stamp
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words

POWERFUL = frozenset(("root", "sudo", "admin", "wheel", "docker", "lxd", "disk", "shadow"))
"""Groups whose members can become root."""


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
        values = dict(line.split("=", 1) for line in fact.splitlines() if "=" in line)
        enabled = values.get("UnitFileState") in ("enabled", "static", "alias", "indirect", "generated")
        active = values.get("ActiveState") in ("active", "reloading")
        if not enabled or not active:
            return self._start(enabled, active)
        if self.loads and values.get("Stamp") != self._wanted():
            return self.reload()
        return None

    def _start(self, enabled: bool, active: bool) -> Change:
        what = " and ".join(
            word for word, needed in (("enable", not enabled), ("start", not active)) if needed
        )
        unit = quote(self.name)
        lines = [self._run_check("refuses its configuration, so it was not started", "Mend the file that it names.")]
        if self.loads:
            # A package that this step has installed may have started the service with its own configuration.
            lines.append(f"if systemctl is-active -q {unit}; then\n{self._reload_line()}\nfi")
        lines.append(f"systemctl enable --now {unit}")
        return Change(f"{what} {self.name}", "\n".join([*filter(None, lines), self._write_stamp()]))

    def _reload_line(self) -> str:
        return self.reload_command or f"systemctl reload-or-restart {quote(self.name)}"

    def _write_stamp(self) -> str:
        return self._stamp.write(self._wanted()) if self.loads else ":"

    def _run_check(self, problem: str, remedy: str, *about_to_be_written: str) -> str:
        """Return shell that fails if the check refuses the configuration, except for errors in files about to be written."""
        if not self.check:
            return ""
        return call("service_check", f"{self.name} {problem}", remedy, self.check, *about_to_be_written)

    def reload(self) -> Change:
        checked = self._run_check("refuses its configuration, so nothing of it was loaded", "What this step wrote is taken back.")
        shell = "\n".join(filter(None, [checked, self._reload_line(), self._write_stamp()]))
        remedy = f"On the server: journalctl -u {self.name} -n 50"
        return Change(f"reload {self.name}", shell, remedy=remedy)

    def before_loads(self) -> str:
        lines = []
        if self.check:
            own = dict.fromkeys(path for load in self.loads for path in load.paths())
            check = self._run_check("is broken already, before anything was changed", "Mend that file first.", *own)
            lines.append(f"if probe_has {quote(self.check.split()[0])}; then\n{check}\nfi")
        if self.loads:
            lines.append(self._stamp.remove())
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
        off = [name for name, block in zip(self.names, [*blocks, *[set()] * len(self.names)], strict=False) if not on <= block]
        return Change(f"enable {', '.join(off)}", f"systemctl enable --now {words(*off)}") if off else None


class User(Resource):
    """A user exists. system: without login and password. groups: further groups, added to the ones that it has."""

    name: str
    home: str
    system: bool = False
    shell: str = "/bin/bash"
    groups: tuple[str, ...] = ()
    comment: str = ""

    def probe(self) -> str:
        name = quote(self.name)
        return f"getent passwd {name} || true\nid -nG {name} 2>/dev/null || true"

    def plan(self, fact: str) -> Change | None:
        lines = [*fact.splitlines(), "", ""]
        if ":" not in lines[0]:
            return Change(f"create user {self.name}", self._create())
        fields = lines[0].split(":")
        if self.system and self._is_other_account(fields, lines[1].split()):
            problem = f"the user {self.name} exists already and is not the app's: choose another app.name in hosts.toml"
            return Change(f"see that {self.name} is a user of its own", f"step_fail {quote(problem)}")
        missing = [group for group in self.groups if group not in lines[1].split()]
        fixes = []
        if fields[6] != self.shell:
            fixes.append(f"usermod --shell {quote(self.shell)} -- {quote(self.name)}")
        if fields[5] != self.home:
            fixes.append(f"usermod --home {quote(self.home)} -- {quote(self.name)}")
        if missing:
            fixes.append(f"usermod --append --groups {quote(','.join(missing))} -- {quote(self.name)}")
        if not fixes:
            return None
        return Change(f"change user {self.name} (shell, home or groups)", "\n".join(fixes))

    def _is_other_account(self, fields: list[str], groups: list[str]) -> bool:
        """Return whether a person or another program owns the account: the app's code must not run with its rights."""
        return int(fields[2]) >= 1000 or fields[5] != self.home or not POWERFUL.isdisjoint(groups)

    def _create(self) -> str:
        options = ["--home-dir", self.home, "--shell", self.shell, "--user-group", "--comment", self.comment]
        options += ["--system", "--no-create-home"] if self.system else ["--create-home"]
        if self.groups:
            options += ["--groups", ",".join(self.groups)]
        return f"useradd {words(*options)} -- {quote(self.name)}"
