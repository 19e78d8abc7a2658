"""`[hosts.NAME]` and `[groups]`: which servers there are, and which of them a command line means."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from selvedge.config.app import Section
from selvedge.config.types import Address, Fingerprint, LocalPath, LoginName, Port, Switch, Text, address
from selvedge.errors import UsageError

OVERRIDES = ("app", "tls", "server", "nginx", "hooks")


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value, re.ASCII):
        raise ValueError("must be a name of letters, digits and any of . _ - (at most 63, the first a letter or digit)")
    return value


def _override(section: str) -> Any:
    return Field(
        default_factory=dict,
        description=f"Keys of `[{section}]` that differ on this host.",
        examples=[{"branch": "develop"}] if section == "app" else [],
    )


def _not_root(value: str) -> str:
    if value == "root":
        raise ValueError("must not be root, whose login `harden` ends: root goes to bootstrap_user")
    return value


DeployUser = Annotated[LoginName, AfterValidator(_not_root)]
EntryName = Annotated[Text, AfterValidator(_name)]


class Host(Section):
    """A server, and how to log in to it."""

    # Not a key of its own: the NAME of [hosts.NAME], or what was typed after -H.
    name: str = Field(repr=True, exclude=True)
    address: Address = Field(
        "",
        description="Its name or IP address; names from ssh_config work. Default: the host's own NAME.",
        examples=["203.0.113.10"],
    )
    user: DeployUser = Field(
        "deploy",
        description="The user of every run after `harden`, which makes it. Not root, whose login ends then.",
        examples=["deploy"],
    )
    bootstrap_user: LoginName = Field(
        "root", description="Tried where `user` cannot log in yet.", examples=["ubuntu", "admin"]
    )
    port: Port | None = Field(None, description="The SSH port. Default: that of ssh_config, else 22.", examples=[2222])
    key: LocalPath = Field(
        "",
        description="The private key on this machine. Default: agent and ssh_config.",
        examples=["~/.ssh/id_ed25519"],
    )
    host_key: Fingerprint = Field(
        "",
        description="The fingerprint of the server's own key, as its console or provider shows it. With it the first "
        "login needs no question.",
        examples=["SHA256:uNiVztksCsDhcc0u9e8BrrH0Y4DBkWZXcGVZhKDAEdM"],
    )
    known_hosts: LocalPath = Field(
        "",
        description="The file of known server keys on this machine. Default: ~/.ssh/known_hosts.",
        examples=["known_hosts"],
    )
    default: Switch = Field(False, description="Meant where no `-H` is given.", examples=[True])
    app: dict[str, Any] = _override("app")
    tls: dict[str, Any] = _override("tls")
    server: dict[str, Any] = _override("server")
    nginx: dict[str, Any] = _override("nginx")
    hooks: dict[str, Any] = _override("hooks")


def named(name: str, table: Any) -> Any:
    """The table of the host `name` with that name in it, which is also its address where it has none."""
    if not isinstance(table, dict):
        return table
    try:
        default = {"address": _name(name)}
    except ValueError:
        default = {}
    return {**default, **table, "name": name}


def parse_address(typed: str) -> Host | None:
    """The host that `typed` spells out: `ADDRESS`, `USER@ADDRESS:PORT`, IPv6 bare or in brackets; None if none."""
    found = re.fullmatch(
        r"(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^@\[\]]+?))(?::(?P<port>[0-9]+))?", typed
    )
    if not found or typed.startswith("-"):
        return None
    where, port = found["six"] or found["host"], found["port"]
    if not found["six"] and typed.rpartition("@")[2].count(":") > 1:
        where, port = typed.rpartition("@")[2], None
    try:
        host = Host(name=typed, address=address(where), port=int(port) if port else None)
        return host.model_copy(update=_login(found["user"])) if found["user"] else host
    except ValueError:
        return None


def _login(user: str) -> dict[str, str]:
    """The fields of a host that somebody wants to log in to as `user`. Raises ValueError where that is no name."""
    TypeAdapter(LoginName).validate_python(user)
    return {"bootstrap_user": user} if user == "root" else {"user": user, "bootstrap_user": user}


def select(
    names: Sequence[str],
    *,
    hosts: Mapping[str, Host],
    groups: Mapping[str, Sequence[str]],
    sandbox: Collection[str],
    ssh_config: Path,
) -> list[Host]:
    """The hosts that `names` (hosts, groups, addresses, ssh_config names) mean, each once, in their order.

    With no names: the hosts with `default = true`, else the only one; hosts of the sandbox do not count.

    Raises:
        UsageError: a name that is none of these, or no names and no default.
    """
    chosen: dict[str, Host] = {}
    for typed in names:
        members = (
            [hosts[each] for each in groups[typed]] if typed in groups else [_one(typed, hosts, groups, ssh_config)]
        )
        chosen.update((host.name, host) for host in members)
    return list(chosen.values()) if names else _default(hosts, groups, sandbox)


def _one(typed: str, hosts: Mapping[str, Host], groups: Iterable[str], ssh_config: Path) -> Host:
    if typed in hosts:
        return hosts[typed]
    same = [host for host in hosts.values() if host.address == typed]
    if len(same) == 1:
        return same[0]
    host = parse_address(typed)
    if host and host.address in hosts:
        typed_too = host.model_dump(include={"user", "bootstrap_user", "port"}, exclude_defaults=True)
        return hosts[host.address].model_copy(update=typed_too)
    if host is None or (not re.search(r"[.:@]", typed) and not _in_ssh_config(typed, ssh_config)):
        close = difflib.get_close_matches(typed, [*hosts, *groups], n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise UsageError(f"There is no host or group {typed!r}.{hint}", _listing(hosts, groups))
    return host


def _default(hosts: Mapping[str, Host], groups: Iterable[str], sandbox: Collection[str]) -> list[Host]:
    own = [host for host in hosts.values() if host.name not in sandbox]
    marked = [host for host in own if host.default]
    if marked or len(own) == 1:
        return marked or own
    which = "It is not clear which server is meant." if own else "hosts.toml has no server of its own."
    raise UsageError(which, _listing(hosts, groups))


def _listing(hosts: Iterable[str], groups: Iterable[str]) -> str:
    if not list(hosts):
        return (
            'hosts.toml has no host yet: add a table such as [hosts.server] with address = "203.0.113.10", '
            "or give an address: fab -H 203.0.113.10 TASK."
        )
    known = f"Hosts: {', '.join(hosts)}." + (f" Groups: {', '.join(groups)}." if list(groups) else "")
    return f"{known} Name one: fab -H {next(iter(hosts))} TASK."


def _in_ssh_config(name: str, path: Path) -> bool:
    """Whether a `Host` line of ssh_config, other than `Host *`, is meant for `name`."""
    if not path.is_file():
        return False
    # Costs a tenth of a second, and is needed only for a name that nothing else knows.
    from paramiko.config import SSHConfig
    from paramiko.ssh_exception import ConfigParseError

    try:
        patterns = SSHConfig.from_path(str(path)).get_hostnames() - {"*"}
    except (ConfigParseError, KeyError) as error:
        raise UsageError(f"{path} cannot be read: {error}. Some of OpenSSH's directives are unknown to paramiko.") from None
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
