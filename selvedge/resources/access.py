"""Who may log in and who may become root: public keys of this machine, authorized_keys, sudo."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from selvedge.errors import UsageError
from selvedge.resources.base import Change, Guard, Resource, sections
from selvedge.resources.files import File
from selvedge.resources.sshd import UNDO
from selvedge.shell.quoting import document, quote
from selvedge.ssh.public_keys import PublicKey, of_agent, of_file, of_home, of_private

if TYPE_CHECKING:
    from selvedge.config.target import Target


def login_keys(app: Target) -> tuple[PublicKey, ...]:
    """The keys that shall log in as the host's user: server.authorized_keys, else the public half of the host's key,
    else the agent's keys, else those of ~/.ssh.

    Raises UsageError where there is none, or where one of the files is not what it should be.
    """
    host, keys = app.host, []
    if app.server.authorized_keys:
        for name in app.server.authorized_keys:
            keys += of_file(app.local_file(name), f"server.authorized_keys: {name}")
    elif host.key:
        keys = [of_private(app.local_file(host.key), f"hosts.{host.name}.key")]
    else:
        keys = of_agent() or of_home()
    if not keys:
        raise UsageError(
            f"{host.name}: there is no public key to install for {host.user}, who could then not log in. Nothing was "
            "changed.",
            "Make one with `ssh-keygen -t ed25519`, or name yours in hosts.toml: the host's key, or authorized_keys in "
            "[server].",
        )
    return tuple(dict.fromkeys(keys))


class LoginUser(Resource):
    """A person's user, in the group sudo. One that is there already keeps its home, shell and other groups."""

    name: str

    def probe(self) -> str:
        return f"id -nG {quote(self.name)} 2>/dev/null || true"

    def plan(self, fact: str) -> Change | None:
        name = quote(self.name)
        if not fact.strip():
            # The app's user, and those of other apps, have no business in this user's home.
            options = "--create-home --key HOME_MODE=0700 --user-group --groups sudo --shell /bin/bash"
            shell = f"useradd {options} -- {name}"
            return Change(f"create user {self.name}, who may use sudo", shell)
        if "sudo" in fact.split():
            return None
        return Change(f"add {self.name} to the group sudo", f"usermod --append --groups sudo -- {name}")


class AuthorizedKeys(Resource):
    """These keys log in as `user`. Other keys that stand there, and their options, stay as they are."""

    user: str
    keys: tuple[PublicKey, ...]

    def probe(self) -> str:
        return (
            f"ssh_home=$(getent passwd {quote(self.user)})\n"
            'ssh_home=${ssh_home%:*}\nssh_home=${ssh_home##*:}/.ssh\n'
            'stat -c "%a %U" "$ssh_home" 2>/dev/null || echo absent\n'
            'stat -L -c "%a %U" "$ssh_home/authorized_keys" 2>/dev/null || echo absent\n'
            'cat "$ssh_home/authorized_keys" 2>/dev/null || true'
        )

    def plan(self, fact: str) -> Change | None:
        folder, file, *lines = [*fact.splitlines(), "", ""]
        standing = {word for line in lines if not line.lstrip().startswith("#") for word in line.split()}
        missing = [key for key in self.keys if key.blob not in standing]
        if not missing and self._safe(folder) and self._safe(file):
            return None
        what = ", ".join(key.title for key in missing) or "the keys that stand there"
        source = document("".join(f"{key.line}\n" for key in missing))
        shell = f"{source.replace('cat <<', f'sshd_authorize {quote(self.user)} <<', 1)}" if missing else (
            f"sshd_authorize {quote(self.user)} </dev/null"
        )
        return Change(f"let {what} log in as {self.user}", shell)

    def _safe(self, fact: str) -> bool:
        """Whether sshd (StrictModes) would read it: the user's own, and nobody else may write it."""
        mode, _, owner = fact.partition(" ")
        return owner == self.user and mode.isdigit() and not int(mode, 8) & 0o022


class Sudoers(Resource):
    """The rule that lets the user become root: without a password ("nopasswd"), or with the user's own ("password").

    A rule that asks somebody for a password who is root without one today is made under the guard.
    """

    user: str
    mode: str
    guard: Guard = UNDO

    @property
    def file(self) -> File:
        """The file in sudoers.d."""
        tag = "NOPASSWD: " if self.mode == "nopasswd" else ""
        how = "without a password" if tag else "with the password of this user"
        return File(
            f"/etc/sudoers.d/90-selvedge-{self.user}",
            f"# {self.user} may do everything, {how}: server.sudo in hosts.toml.\n{self.user} ALL=(ALL:ALL) {tag}ALL\n",
            mode="0440",
            validate="visudo -cqf",
        )

    def paths(self) -> tuple[str, ...]:
        return self.file.paths()

    def hashed(self) -> tuple[str, ...]:
        return self.file.hashed()

    def probe(self) -> str:
        if self.mode == "nopasswd":
            return f"printf '\\n--- file\\n'\n{self.file.probe()}"
        mine = quote(rf"^[[:space:]]*({re.escape(self.user)}|%sudo)[[:space:]]")
        return (
            f"printf '\\n--- rules\\n'\ngrep -rEhs {mine} /etc/sudoers /etc/sudoers.d\n"
            f"printf '\\n--- file\\n'\n{self.file.probe()}"
        )

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        change = self.file.plan(parts.get("file", "absent"))
        if change is None or not parts.get("rules", "").strip():
            return change
        return replace(change, shell=f"guard_touches sudo\n{change.shell}", guard=self.guard)


class Password(Resource):
    """The user has a password, without which sudo could not ask for it. It is never set from here.

    Of a user whom the server has from elsewhere (LDAP) that is not known; the proof behind the change will tell.
    """

    user: str

    def probe(self) -> str:
        name = quote(self.user)
        return (
            f"if grep -q {quote(f'^{self.user}:')} /etc/shadow; then passwd --status {name}\n"
            f"elif getent passwd {name} >/dev/null; then echo elsewhere; fi"
        )

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "elsewhere" or fact.split()[1:2] == ["P"]:
            return None
        problem = (
            f'server.sudo is "password", but {self.user} has none: as root on the server, type `passwd {self.user}`, '
            "then run this again with --prompt-for-sudo-password. Until then logins and sudo stay as they are."
        )
        return Change(f"see that {self.user} has a password", f"step_fail {quote(problem)}")


class Admitted(Resource):
    """sshd does not leave the user out by AllowUsers, DenyUsers, AllowGroups or DenyGroups.

    A pattern with a host (user@host) may let the user in or not; that is left to the proof.
    """

    user: str

    def probe(self) -> str:
        return f"sshd_read\nsshd_login_lists {quote(self.user)}"

    def plan(self, fact: str) -> Change | None:
        said: dict[str, list[str]] = {}
        for line in fact.splitlines():
            name, _, patterns = line.partition(" ")
            said.setdefault(name, []).extend(patterns.split())
        groups = said.get("groups", [])
        for directive, names in (("Users", [self.user]), ("Groups", groups)):
            denied = [each for each in said.get(f"deny{directive.lower()}", []) if "@" not in each and _matches(each, names)]
            allowed = said.get(f"allow{directive.lower()}", [])
            if denied or (allowed and not any(_matches(each.partition("@")[0], names) for each in allowed)):
                return self._left_out(f"{'Deny' if denied else 'Allow'}{directive} {' '.join(denied or allowed)}")
        return None

    def _left_out(self, line: str) -> Change:
        problem = (
            f"sshd would not let {self.user} in, by its line `{line}`. Change that line on the server (`grep -rin "
            f"{line.split()[0]} /etc/ssh/sshd_config*` finds it), then `systemctl reload ssh`, and run this again. "
            "sshd, firewall and sudo are as they were."
        )
        return Change(f"see that sshd lets {self.user} in", f"step_fail {quote(problem)}")


def _matches(pattern: str, names: list[str]) -> bool:
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for name in names)
