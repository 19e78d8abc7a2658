"""`[hosts.NAME]` and `[groups]`: the servers, and those that a command line means."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from selvedge.config.section import Section
from selvedge.config.types import Address, Fingerprint, LocalPath, LoginName, Port, Switch, Text, host_address
from selvedge.errors import UsageError

OVERRIDES = (
    *("app", "tls", "server", "mirrors", "nginx", "maintenance", "hooks", "box", "docker", "backup", "metrics"),
    *("processes", "timers"),
)
"""The sections that a host may override."""


def _check_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value, re.ASCII):
        raise ValueError("must be a name of at most 63 letters, digits, '.', '_' and '-', beginning with a letter or digit")
    return value


def _override_field(section: str) -> Any:
    return Field(
        default_factory=dict,
        description=f"Settings of `[{section}]` that differ on this host.",
        examples=[{"branch": "develop"}] if section == "app" else [],
    )


def _refuse_root(value: str) -> str:
    if value == "root":
        raise ValueError("must not be root, because `harden` disables root's login: set bootstrap_user = \"root\" instead")
    return value


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value.replace("%", "/"))) if value else value
    except ValueError:
        raise ValueError("must be an IP address, such as 10.0.0.10") from None


DeployUser = Annotated[LoginName, AfterValidator(_refuse_root)]
EntryName = Annotated[Text, AfterValidator(_check_name)]
IpAddress = Annotated[Text, AfterValidator(_ip_address)]


class Host(Section):
    """A server, and how to log in to it."""

    # Not a key: the NAME of [hosts.NAME], or the argument of -H.
    name: str = Field(repr=True, exclude=True)
    address: Address = Field(
        "",
        description="The server's host name or IP address, or a name from ssh_config. Default: NAME.",
        examples=["203.0.113.10"],
    )
    private_address: IpAddress = Field(
        "",
        description="The server's IP address in the network that it shares with the other ones. Balancers and backends reach each "
        "other there (`[balancer]`), and so does Prometheus (`metrics.server`). Default: `address`.",
        examples=["10.0.0.10"],
    )
    user: DeployUser = Field(
        "deploy",
        description="The login user, which `harden` creates and all later runs use. It cannot be root, because `harden` "
        "disables root's login.",
        examples=["deploy"],
    )
    bootstrap_user: LoginName = Field(
        "root",
        description="The user for the first login, used until `user` can log in. Many clouds have `ubuntu`, `debian` or `admin`. "
        "If it is not set, the User of ssh_config is tried before root.",
        examples=["ubuntu", "admin"],
    )
    port: Port | None = Field(
        None, description="The port of the SSH server. Default: from ssh_config, else 22.", examples=[2222]
    )
    key: LocalPath = Field(
        "",
        description="Your private SSH key, a file on your machine. Default: the keys and the agent of ssh_config, else the SSH "
        "agent and `~/.ssh`.",
        examples=["~/.ssh/id_ed25519"],
    )
    host_key: Fingerprint = Field(
        "",
        description="The fingerprint of the server's host key, from your provider's console. With it, no one needs to run "
        "`fab trust`; a server with another key is rejected.",
        examples=["SHA256:uNiVztksCsDhcc0u9e8BrrH0Y4DBkWZXcGVZhKDAEdM"],
    )
    known_hosts: LocalPath = Field(
        "",
        description="A known_hosts file on your machine for this server's host keys, in addition to those of ssh_config. "
        "`fab trust` writes to it. Default: `~/.ssh/known_hosts`.",
        examples=["known_hosts"],
    )
    default: Switch = Field(False, description="Select this server if a command has no `-H`.", examples=[True])
    app: dict[str, Any] = _override_field("app")
    tls: dict[str, Any] = _override_field("tls")
    server: dict[str, Any] = _override_field("server")
    mirrors: dict[str, Any] = _override_field("mirrors")
    nginx: dict[str, Any] = _override_field("nginx")
    maintenance: dict[str, Any] = _override_field("maintenance")
    hooks: dict[str, Any] = _override_field("hooks")
    box: dict[str, Any] = _override_field("box")
    docker: dict[str, Any] = _override_field("docker")
    backup: dict[str, Any] = _override_field("backup")
    metrics: dict[str, Any] = _override_field("metrics")
    processes: dict[str, Any] = _override_field("processes")
    timers: dict[str, Any] = _override_field("timers")


def with_name(name: str, table: Any) -> Any:
    """Return the table of a host with its name, and with its name as address if it has none."""
    if not isinstance(table, dict):
        return table
    try:
        default = {"address": _check_name(name)}
    except ValueError:
        default = {}
    return {**default, **table, "name": name}


def host_from_address(typed: str) -> Host | None:
    """Return the host at `ADDRESS` or `USER@ADDRESS:PORT`, IPv6 with or without brackets; None for other text."""
    found = re.fullmatch(
        r"(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^@\[\]]+?))(?::(?P<port>[0-9]+))?", typed
    )
    if not found or typed.startswith("-"):
        return None
    where, port = found["six"] or found["host"], found["port"]
    if not found["six"] and typed.rpartition("@")[2].count(":") > 1:
        where, port = typed.rpartition("@")[2], None
    try:
        host = Host(name=typed, address=host_address(where), port=int(port) if port else None)
        return host.model_copy(update=_login_fields(found["user"])) if found["user"] else host
    except ValueError:
        return None


def _login_fields(user: str) -> dict[str, str]:
    """Return the fields of a host for a login as `user`. Raises ValueError if that is not a user name."""
    TypeAdapter(LoginName).validate_python(user)
    return {"bootstrap_user": user} if user == "root" else {"user": user, "bootstrap_user": user}


def select_hosts(
    names: Sequence[str],
    *,
    hosts: Mapping[str, Host],
    groups: Mapping[str, Sequence[str]],
    sandbox: Collection[str],
    in_ssh_config: Callable[[str], bool],
) -> list[Host]:
    """Return the hosts that `names` (hosts, groups, addresses, ssh_config names) mean, each once, in their order.

    Without names: the hosts with `default = true`, else the only host. sandbox: names of hosts that are then left out.
    in_ssh_config: whether ssh's configuration has lines for a name.

    Raises:
        UsageError: an unknown name, or no names and no default.
    """
    chosen: dict[str, Host] = {}
    for typed in names:
        members = (
            [hosts[each] for each in groups[typed]] if typed in groups else [_find_host(typed, hosts, groups, in_ssh_config)]
        )
        chosen.update((host.name, host) for host in members)
    return list(chosen.values()) if names else _default_hosts(hosts, groups, sandbox)


def _find_host(typed: str, hosts: Mapping[str, Host], groups: Iterable[str], in_ssh_config: Callable[[str], bool]) -> Host:
    if typed in hosts:
        return hosts[typed]
    same = [host for host in hosts.values() if host.address == typed]
    if len(same) == 1:
        return same[0]
    host = host_from_address(typed)
    if host and host.address in hosts:
        typed_too = host.model_dump(include={"user", "bootstrap_user", "port"}, exclude_defaults=True)
        return hosts[host.address].model_copy(update=typed_too)
    if host is None or (not re.search(r"[.:@]", typed) and not in_ssh_config(typed)):
        close = difflib.get_close_matches(typed, [*hosts, *groups], n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        shown = re.sub("(?<=:).*(?=@)", "•••", typed)
        raise UsageError(f"No host or group is named {shown!r}.{hint}", _known_names(hosts, groups))
    return host


def _default_hosts(hosts: Mapping[str, Host], groups: Iterable[str], sandbox: Collection[str]) -> list[Host]:
    own = [host for host in hosts.values() if host.name not in sandbox]
    marked = [host for host in own if host.default]
    if marked or len(own) == 1:
        return marked or own
    if own:
        remedy = f"{_known_names(hosts, groups)} Or set `default = true` in the table of that host."
        raise UsageError("hosts.toml has several servers, and none was selected.", remedy)
    sandbox_hosts = f" Or select a sandbox server: `fab -H {next(iter(hosts))} TASK`." if hosts else ""
    raise UsageError("hosts.toml has no server yet.", _known_names([], groups) + sandbox_hosts)


def _known_names(hosts: Iterable[str], groups: Iterable[str]) -> str:
    if not list(hosts):
        return (
            "Add a table [hosts.server] with the server's address, such as `address = \"203.0.113.10\"`, to hosts.toml. "
            "Or give the address: `fab -H 203.0.113.10 TASK`."
        )
    listing = f"Hosts: {', '.join(hosts)}." + (f" Groups: {', '.join(groups)}." if list(groups) else "")
    return f"{listing} Select one: `fab -H {next(iter(hosts))} TASK`."
