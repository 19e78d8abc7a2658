"""Packages, services, users."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from selvedge.resources.base import Change, Loader, Resource
from selvedge.shell.quoting import quote, words

STAMPS = "/var/lib/selvedge/loaded"
POWERFUL = frozenset(("root", "sudo", "admin", "wheel", "docker", "lxd", "disk", "shadow"))
"""Groups by which a user can become root."""


class Packages(Resource):
    """Debian packages, installed."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", tuple(names))

    def packages(self) -> tuple[str, ...]:
        return self.names

    def probe(self) -> str:
        return f"probe_packages {words(*self.names)}"

    def plan(self, fact: str) -> Change | None:
        installed = {line.split()[0] for line in fact.splitlines() if line.endswith(" installed")}
        missing = [name for name in self.names if name not in installed]
        if not missing:
            return None
        return Change(
            f"install {', '.join(missing)}",
            f"apt_install {words(*missing)}",
            remedy="Read apt's own message above; `apt-get update` on the server must work.",
        )


class Service(Loader):
    """A systemd service: enabled, running, and running with what it should load.

    loads: resources whose desired state is hashed into a stamp on the server, written after the (re)load succeeded; so a
    run that died between writing a file and the reload reloads next time. check: refuses a broken configuration before
    the reload, e.g. "nginx -t". stamp: the stamp's name, where several apps load things into one service.
    """

    name: str
    loads: tuple[Resource, ...] = ()
    check: str = ""
    reload_command: str = ""
    stamp: str = ""

    @property
    def _stamp_path(self) -> str:
        return f"{STAMPS}/{self.stamp or self.name}"

    def loaded(self) -> tuple[Resource, ...]:
        return self.loads

    def _wanted(self) -> str:
        return hashlib.sha256("\n".join(load.identity() for load in self.loads).encode()).hexdigest()

    def units(self) -> tuple[str, ...]:
        return (self.name if self.name.endswith((".service", ".timer", ".socket")) else f"{self.name}.service",)

    def probe(self) -> str:
        return (
            f"probe_unit {words(*self.units())}\n"
            f"printf Stamp=\nprobe_line {quote(self._stamp_path)}\necho"
        )

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
        lines = [self._checked("refuses its configuration, so it was not started", "Mend the file that it names.")]
        if self.loads:
            # A package that was installed meanwhile may have started it already, with its own configuration.
            lines.append(f"if systemctl is-active -q {unit}; then\n{self._reload_line()}\nfi")
        lines.append(f"systemctl enable --now {unit}")
        return Change(f"{what} {self.name}", "\n".join([*filter(None, lines), self._write_stamp()]))

    def _reload_line(self) -> str:
        return self.reload_command or f"systemctl reload-or-restart {quote(self.name)}"

    def _write_stamp(self) -> str:
        if not self.loads:
            return ":"
        return f"(umask 077 && mkdir -p {STAMPS})\nprintf '%s\\n' {self._wanted()} >{quote(self._stamp_path)}"

    def _checked(self, problem: str, then: str, own: Iterable[str] = ()) -> str:
        """Shell that stops where the check refuses the configuration, with the line of its output that says why.

        own: files that are no reason to stop, as they are about to be written.
        """
        if not self.check:
            return ""
        stop = f'step_fail "{self.name} {problem}: $reason. {then}"'
        # As nginx names a file: `in FILE:LINE`, or `open() "FILE" failed`.
        named = " | ".join(f"*[\\ \\\"]{quote(path)}[:\\\"]*" for path in own)
        if named:
            stop = f'case $reason in\n    {named}) step_say "written anew: $reason" ;;\n    *) {stop} ;;\n  esac'
        return (
            f'if ! {self.check} >"$undo/check" 2>&1; then\n'
            f'  cat "$undo/check"\n'
            f"  reason=$(grep -m 1 -E 'emerg|rror' \"$undo/check\" || tail -n 1 \"$undo/check\")\n"
            f"  {stop}\nfi"
        )

    def reload(self) -> Change:
        checked = self._checked("refuses its configuration, so nothing of it was loaded", "What this step wrote is taken back.")
        shell = "\n".join(filter(None, [checked, self._reload_line(), self._write_stamp()]))
        remedy = f"On the server: journalctl -u {self.name} -n 50"
        return Change(f"reload {self.name}", shell, remedy=remedy)

    def before_loads(self) -> str:
        lines = []
        if self.check:
            own = dict.fromkeys(path for load in self.loads for path in load.paths())
            broken = self._checked("is broken already, before anything was changed", "Mend that file first.", own)
            lines.append(f"if command -v {quote(self.check.split()[0])} >/dev/null 2>&1; then\n{broken}\nfi")
        if self.loads:
            lines.append(f"rm -f -- {quote(self._stamp_path)}")
        return "\n".join(lines)


class User(Resource):
    """A user. system: no login, no password, its own group. groups: further groups, added to those it has."""

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
        if self.system and self._somebody(fields, lines[1].split()):
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

    def _somebody(self, fields: list[str], groups: list[str]) -> bool:
        """Whether the account is a person's or another program's: the app's code must not come to run with its rights."""
        return int(fields[2]) >= 1000 or fields[5] != self.home or not POWERFUL.isdisjoint(groups)

    def _create(self) -> str:
        options = ["--home-dir", self.home, "--shell", self.shell, "--user-group", "--comment", self.comment]
        options += ["--system", "--no-create-home"] if self.system else ["--create-home"]
        if self.groups:
            options += ["--groups", ",".join(self.groups)]
        return f"useradd {words(*options)} -- {quote(self.name)}"
