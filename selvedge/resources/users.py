"""Users of the server."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words

ROOT_GROUPS = frozenset(("root", "sudo", "admin", "wheel", "docker", "lxd", "disk", "shadow"))
"""Groups whose members can become root."""

GROUP = "has a group"
"""What a probe prints if there is a group of a user's name: useradd makes no second one."""


def has_group(name: str) -> str:
    """Return shell that prints GROUP if there is a group of that name."""
    return f"if getent group {quote(name)} >/dev/null; then echo {quote(GROUP)}; fi"


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
        return f"if getent passwd {name}; then id -nG {name} 2>/dev/null || true\nelse\n{has_group(self.name)}\nfi"

    def plan(self, fact: str) -> Change | None:
        lines = [*fact.splitlines(), "", ""]
        if ":" not in lines[0]:
            return self._created(own_group=lines[0] != GROUP)
        fields = lines[0].split(":")
        if self.system and self._is_other_account(fields, lines[1].split()):
            problem = f"The user {self.name} already exists and does not belong to the app."
            remedy = "Choose another app.name in hosts.toml."
            return Change.refused(f"check that the user {self.name} belongs to the app", problem, remedy=remedy)
        missing = [group for group in self.groups if group not in lines[1].split()]
        fixes = {}
        if fields[6] != self.shell:
            fixes["shell"] = f"--shell {quote(self.shell)}"
        if fields[5] != self.home:
            fixes["home"] = f"--home {quote(self.home)}"
        if missing:
            fixes["groups"] = f"--append --groups {quote(','.join(missing))}"
        if not fixes:
            return None
        shell = "\n".join(f"usermod {options} -- {quote(self.name)}" for options in fixes.values())
        return Change(f"set the {' and '.join(fixes)} of the user {self.name}", shell)

    def _is_other_account(self, fields: list[str], groups: list[str]) -> bool:
        """Return whether a person or another program owns the account: the app's code must not run with its rights."""
        return int(fields[2]) >= 1000 or fields[5] != self.home or not ROOT_GROUPS.isdisjoint(groups)

    def _created(self, *, own_group: bool) -> Change:
        if self.system and not own_group:
            problem = f"The group {self.name} already exists, and may have access to files or devices that the app must not have."
            remedy = f"Choose another app.name in hosts.toml. If no program uses the group, delete it: `sudo groupdel {self.name}`."
            return Change.refused(f"check that the group {self.name} belongs to the app", problem, remedy=remedy)
        group = ["--user-group"] if own_group else ["--gid", self.name]
        options = ["--home-dir", self.home, "--shell", self.shell, *group, "--comment", self.comment]
        options += ["--system", "--no-create-home"] if self.system else ["--create-home"]
        if self.groups:
            options += ["--groups", ",".join(self.groups)]
        return Change(f"create the user {self.name}", f"useradd {words(*options)} -- {quote(self.name)}")
