"""How this machine reaches a server: the settings of ssh_config(5) that count, with those of hosts.toml over them."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from selvedge.config.hosts import Host
from selvedge.config.local_files import home_folder, user_name
from selvedge.errors import SelvedgeError, UsageError
from selvedge.ssh import openssh
from selvedge.ssh.openssh import Options, Request
from selvedge.value import Value

DEFAULT_KEYS = tuple(
    f"~/.ssh/{name}" for name in ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa")
)
"""The files that ssh tries if no IdentityFile is set (ssh_config(5))."""
DEFAULT_KNOWN_HOSTS = {
    "userknownhostsfile": "~/.ssh/known_hosts ~/.ssh/known_hosts2",
    "globalknownhostsfile": "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
}
IGNORED = ("KnownHostsCommand", "VerifyHostKeyDNS", "PKCS11Provider", "HostbasedAuthentication")
"""Options by which ssh may know a server or log in, and Selvedge does not."""
FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


class ClientSettings(Value):
    """The settings for a connection to a server or to a jump host.

    name: as typed. address: the name or address to connect to. identity_files: private keys; keys_named: they are not the
    default ones. agent: the socket of the SSH agent, "" for none. jumps: jump hosts, the first one of the path first. alias:
    the name in known_hosts instead of the address. timeout: seconds, None if not set. note: a sentence about what was not read.
    ignored: the options of `IGNORED` that are set.
    """

    name: str
    address: str
    user: str
    port: int
    identity_files: tuple[Path, ...] = ()
    keys_named: bool = False
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str = ""
    jumps: tuple[str, ...] = ()
    proxy_command: str = ""
    proxy_passes_socket: bool = False
    user_known_hosts: tuple[Path, ...] = ()
    global_known_hosts: tuple[Path, ...] = ()
    alias: str = ""
    family: int = socket.AF_UNSPEC
    bind_address: str = ""
    timeout: float | None = None
    note: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def entry(self) -> str:
        """The server's name in a known_hosts file: `name`, or `[name]:port` if the port is not 22."""
        if self.alias:
            return self.alias
        address = self.address.lower()
        return address if self.port == 22 else f"[{address}]:{self.port}"

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """The known_hosts files, each once."""
        return tuple(dict.fromkeys((*self.user_known_hosts, *self.global_known_hosts)))

    def file_to_write(self, host: Host) -> Path:
        """Return the file for the keys of a host of hosts.toml: its own known_hosts, else the first one that ssh reads.

        Raises SelvedgeError if ssh's configuration has none.
        """
        if host.known_hosts:
            return Path(host.known_hosts).expanduser()
        for path in self.user_known_hosts:
            if path != Path(os.devnull):
                return path
        raise SelvedgeError(
            f"{host.name}: ssh's configuration stores no host keys for this server (UserKnownHostsFile is none or {os.devnull}).",
            f'Name a file in [hosts.{host.name}] of hosts.toml: `known_hosts = "known_hosts"`. Or pin the key there: `host_key`.',
        )


def request_for(host: Host, user: str, file: str = "") -> Request:
    """Return the question about a host of hosts.toml, as a user would ask ssh."""
    return Request(host.address or host.name, user, host.port, file)


def for_host(host: Host, user: str, file: str = "") -> ClientSettings:
    """Return the settings for a login to a host of hosts.toml. Raises UsageError if ssh's configuration has an error."""
    request = request_for(host, user, file)
    found = of_options(openssh.ask(request), request.name)
    more: dict[str, Any] = {}
    if host.key:
        more = {"identity_files": (Path(host.key).expanduser(),), "keys_named": True, "identities_only": True}
    if host.known_hosts:
        own = Path(host.known_hosts).expanduser()
        more["user_known_hosts"] = tuple(dict.fromkeys((*found.user_known_hosts, own)))
    return replace(found, **more)


def for_jump_host(hop: str, before: Sequence[str], file: str = "") -> ClientSettings:
    """Return the settings for a jump host, `[user@]host[:port]` or ssh://…, that is reached by way of those `before` it."""
    found = re.fullmatch(r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:/]+))(?::(?P<port>[0-9]+))?/?", hop)
    if not found:
        problem = f"ProxyJump in ssh's configuration has the jump host {hop!r}, which is not `user@host:port`."
        raise UsageError(problem, "Correct that line of ~/.ssh/config.")
    name = found["six"] or found["host"]
    request = Request(name, found["user"] or "", int(found["port"]) if found["port"] else None, file)
    settings = of_options(openssh.ask(request), name)
    return replace(settings, jumps=tuple(before), proxy_command="") if before else settings


def login_users(host: Host, file: str = "") -> Iterator[str]:
    """Yield the users to log in as, one after another: the host's user, then its bootstrap user.

    If hosts.toml does not name the latter, the User of ssh's configuration comes before it. ssh is asked only if it is needed.
    """
    yield host.user
    configured = ""
    if "bootstrap_user" not in host.model_fields_set:
        (configured,) = openssh.ask(request_for(host, "", file)).get("user", ("",))
    # Without a User line, ssh logs in with the name of the local user.
    if configured not in ("", user_name(), host.user, host.bootstrap_user):
        yield configured
    if host.bootstrap_user not in ("", host.user):
        yield host.bootstrap_user


def of_options(options: Options, name: str) -> ClientSettings:
    """Return the settings in the answer of `ssh -G`, with `~`, tokens and variables replaced."""
    first = {option: values[0] for option, values in options.items()}
    expand = _Expander(name, first)
    address = first.get("hostname", name)
    identities = options.get("identityfile", DEFAULT_KEYS)
    named = not (len(identities) > 2 and set(identities) <= set(DEFAULT_KEYS))
    return ClientSettings(
        name=name,
        address=address,
        user=expand.user,
        port=int(first.get("port", "22")),
        identity_files=tuple(expand.path(each) for each in identities if each.lower() != "none"),
        keys_named=named,
        certificate_files=tuple(expand.path(each) for each in options.get("certificatefile", ()) if each.lower() != "none"),
        identities_only=first.get("identitiesonly", "no") in ("yes", "true"),
        agent=_agent(first.get("identityagent", "SSH_AUTH_SOCK"), expand),
        jumps=() if (jump := first.get("proxyjump", "none")).lower() == "none" else tuple(expand.tokens(jump).split(",")),
        proxy_command="" if (proxy := first.get("proxycommand", "none")).lower() == "none" else expand.tokens(proxy),
        proxy_passes_socket=first.get("proxyusefdpass", "no") in ("yes", "true"),
        user_known_hosts=_files(first, "userknownhostsfile", expand),
        global_known_hosts=_files(first, "globalknownhostsfile", expand),
        alias=first.get("hostkeyalias", "").lower(),
        family=FAMILIES.get(first.get("addressfamily", "any"), socket.AF_UNSPEC),
        bind_address=first.get("bindaddress", ""),
        timeout=float(seconds) if (seconds := first.get("connecttimeout", "none")).isdigit() and seconds != "0" else None,
        note=first.get("note", ""),
        ignored=tuple(name for name in IGNORED if first.get(name.lower(), "no").lower() not in ("no", "none", "false")),
    )


def _agent(value: str, expand: _Expander) -> str:
    if value.lower() == "none":
        return ""
    if value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", value):
        return os.environ.get(value[1:], "")
    return str(expand.path(value))


def _files(first: Mapping[str, str], option: str, expand: _Expander) -> tuple[Path, ...]:
    """Return the files of a known_hosts option. `ssh -G` prints a path that contains spaces without quotes."""
    paths: list[str] = []
    for word in first.get(option, DEFAULT_KNOWN_HOSTS[option]).replace('"', "").split(" "):
        if paths and not word.startswith(("/", "~", "$", "%")):
            paths[-1] += f" {word}"
        else:
            paths.append(word)
    return tuple(dict.fromkeys(expand.path(path) for path in paths if path and path.lower() != "none"))


class _Expander:
    """Replaces `~`, the tokens of ssh_config(5), section TOKENS, and ${VARIABLES}."""

    def __init__(self, name: str, first: Mapping[str, str]) -> None:
        self.user = first.get("user", "") or user_name()
        self._home = str(home_folder()).rstrip("/")
        address, port = first.get("hostname", name), first.get("port", "22")
        jump, full = first.get("proxyjump", ""), socket.gethostname()
        self._tokens = {
            "%": "%", "d": self._home, "h": address, "i": str(os.getuid()), "k": first.get("hostkeyalias", name),
            "L": full.partition(".")[0], "l": full, "n": name, "p": port, "r": self.user, "u": user_name(), "j": jump,
            "C": hashlib.sha1(f"{full}{address}{port}{self.user}{jump}".encode()).hexdigest(),
        }  # fmt: skip

    def tokens(self, text: str) -> str:
        """Return the text without tokens. Unknown ones stay."""
        return re.sub(r"%(.)", lambda found: self._tokens.get(found[1], found[0]), text)

    def path(self, text: str) -> Path:
        """Return a path without `~`, tokens and variables."""
        text = re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], found[0]), self.tokens(text))
        if text == "~" or text.startswith("~/"):
            return Path(self._home + text[1:])
        # ssh expands some paths by itself, always with the home folder of the user database.
        database = openssh.home_of_database()
        if database not in ("", "/", self._home) and text.startswith(f"{database}/") and not Path(text).exists():
            text = self._home + text.removeprefix(database)
        return Path(text)
