"""Who may log in: the login user, its public keys, and the lists of sshd that may exclude it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from selvedge.config.local_files import expanded
from selvedge.errors import UsageError
from selvedge.resources.base import Change, Resource
from selvedge.resources.users import GROUP, has_group
from selvedge.shell.quoting import quote, with_input
from selvedge.ssh.config import for_host
from selvedge.ssh.public_keys import PublicKey, agent_problem, keys_of_file, own_keys, public_half

if TYPE_CHECKING:
    from selvedge.config.target import Target


def login_keys(app: Target) -> tuple[PublicKey, ...]:
    """Return the keys that may log in as the host's user.

    They are server.authorized_keys, else the public half of the host's key, of the keys of `fab -i`, or else those of
    `own_keys`. Raises UsageError if there is none, if one of the files is not a public key file, or if ssh's configuration has
    an error.
    """
    host, keys, agent = app.host, [], ""
    if app.machine.authorized_keys:
        for name in app.machine.authorized_keys:
            keys += keys_of_file(app.local_file(name), f"server.authorized_keys: {name}")
    elif host.key:
        keys = [public_half(app.local_file(host.key), f"hosts.{host.name}.key")]
    elif app.ssh_keys:
        keys = [public_half(expanded(path), "-i") for path in app.ssh_keys]
    else:
        settings = for_host(host, host.user, app.ssh_config)
        keys = own_keys(settings)
        agent = "" if keys else agent_problem(settings.agent)
        for path in settings.identity_files if settings.keys_named and not keys else ():
            if path.is_file():
                keys.append(public_half(path, "IdentityFile in ssh's configuration"))
    if not keys:
        begin = "Start that agent and add your key to it. Or create" if agent else "Create"
        raise UsageError(
            f"{host.name}: there is no public key to install for {host.user}, so {host.user} could not log in. Nothing was "
            f"changed. {agent}".rstrip(),
            f"{begin} a key with `ssh-keygen -t ed25519`, or name yours in hosts.toml: `key` in [hosts.{host.name}], or "
            "`authorized_keys` in [server].",
        )
    return tuple(dict.fromkeys(keys))


class LoginUser(Resource):
    """A person's user, in the group sudo. An existing user keeps its home, shell and other groups."""

    name: str

    def probe(self) -> str:
        return f"id -nG {quote(self.name)} 2>/dev/null || {{ {has_group(self.name)}; }}"

    def plan(self, fact: str) -> Change | None:
        name = quote(self.name)
        groups = fact.replace(GROUP, "").split()
        if not groups:
            # The users of the apps must not read this user's home.
            group = f"--gid {name}" if GROUP in fact else "--user-group"
            options = f"--create-home --key HOME_MODE=0700 {group} --groups sudo --shell /bin/bash"
            shell = f"useradd {options} -- {name}"
            return Change(f"create the user {self.name} in the group sudo", shell)
        if "sudo" in groups:
            return None
        return Change(f"add {self.name} to the group sudo", f"usermod --append --groups sudo -- {name}")


class AuthorizedKeys(Resource):
    """These keys may log in as `user`. The user's other keys, and the options of all keys, stay."""

    user: str
    keys: tuple[PublicKey, ...]

    def probe(self) -> str:
        return f"sshd_keys_fact {quote(self.user)}"

    def plan(self, fact: str) -> Change | None:
        folder, file, *lines = [*fact.splitlines(), "", ""]
        present = {word for line in lines if not line.lstrip().startswith("#") for word in line.split()}
        missing = [key for key in self.keys if key.blob not in present]
        if not missing and self._safe(folder) and self._safe(file):
            return None
        titles = ", ".join(key.title for key in missing)
        summary = f"let {titles} log in as {self.user}" if missing else f"correct the mode of {self.user}'s authorized_keys"
        authorize = f"sshd_authorize {quote(self.user)}"
        lines_to_add = "".join(f"{key.line}\n" for key in missing)
        shell = with_input(authorize, lines_to_add) if missing else f"{authorize} </dev/null"
        return Change(summary, shell)

    def _safe(self, fact: str) -> bool:
        """Return whether sshd (StrictModes) would read it: the user owns it, and no other user may write it."""
        mode, _, owner = fact.partition(" ")
        return owner == self.user and mode.isdigit() and not int(mode, 8) & 0o022


class LoginAllowed(Resource):
    """sshd does not exclude the user by AllowUsers, DenyUsers, AllowGroups or DenyGroups.

    Whether a pattern with a host (user@host) lets the user in is unknown here; the login after the change shows it.
    """

    user: str

    def probe(self) -> str:
        return f"sshd_read\nsshd_login_lists {quote(self.user)}"

    def plan(self, fact: str) -> Change | None:
        lists: dict[str, list[str]] = {}
        for line in fact.splitlines():
            name, _, patterns = line.partition(" ")
            lists.setdefault(name, []).extend(patterns.split())
        groups = lists.get("groups", [])
        for directive, names in (("Users", [self.user]), ("Groups", groups)):
            denied = [each for each in lists.get(f"deny{directive.lower()}", []) if "@" not in each and _matches(each, names)]
            allowed = lists.get(f"allow{directive.lower()}", [])
            if denied or (allowed and not any(_matches(each.partition("@")[0], names) for each in allowed)):
                return self._excluded(f"{'Deny' if denied else 'Allow'}{directive} {' '.join(denied or allowed)}")
        return None

    def _excluded(self, line: str) -> Change:
        problem = (
            f"sshd would reject logins of {self.user}, because of its line `{line}`. sshd, the firewall and sudo were not changed."
        )
        remedy = (
            f"Change that line on the server (`sudo grep -rin {line.split()[0]} /etc/ssh/sshd_config*` finds it), run "
            "`sudo systemctl reload ssh`, then run the same command again."
        )
        return Change.refused(f"check that sshd lets {self.user} log in", problem, remedy=remedy)


def _matches(pattern: str, names: list[str]) -> bool:
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for name in names)
