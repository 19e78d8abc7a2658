"""Where an app's code comes from: which git addresses are taken, and how one is shown."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_URL = re.compile(
    r"(?P<scheme>https?|ssh|git)://((?P<user>[A-Za-z0-9._~%+=][A-Za-z0-9._~%+=-]*)(:(?P<password>[A-Za-z0-9._~%+=-]*))?@)?"
    r"(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/(?P<path>[A-Za-z0-9._~%+@:,=/-]+)",
    re.ASCII,
)
# git's short form, [user@]host:path (gitglossary; git-clone(1), "GIT URLS"); a '/' before the ':' would make it a path.
_SCP = re.compile(
    r"([A-Za-z0-9_][A-Za-z0-9._-]*@)?([A-Za-z0-9_][A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?!-|:|//)[A-Za-z0-9._~+@/-]+",
    re.ASCII,
)
_FILE = re.compile(r"file:///[A-Za-z0-9._~%+@,=/-]+", re.ASCII)


def is_local(source: str) -> bool:
    """Whether `source` is a path on this machine (`.`, `./x`, `../x`, `/x`, `~/x`) and not a git address."""
    return source in {".", "..", "~"} or source.startswith(("./", "../", "/", "~/"))


def check_source(source: str) -> str:
    """`source` unchanged if it is a path on this machine or a git address of a known, safe form.

    A path is kept character for character. Transports that run a program of the address's choice (`ext::…`,
    gitremote-helpers(7)) and anything that git or ssh would read as an option are refused.

    Raises:
        ValueError: the end of a sentence that begins with the setting's name.
    """
    if is_local(source) or _FILE.fullmatch(source) or _SCP.fullmatch(source):
        return source
    found = _URL.fullmatch(source)
    if found and int(found["port"] or 1) in range(1, 65536):
        return source
    if re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}/[\w./-]+", source, re.ASCII):
        raise ValueError(f"must be a whole address: https://{source}")
    raise ValueError(
        "must be a git address (https://, ssh://, git://, file:///, git@host:path) or a path (./ ../ / or ~/ first)"
    )


def without_credentials(source: str) -> str:
    """`source` as it may be shown: no password, and for HTTP no user either, since tokens are given as one."""
    found = _URL.fullmatch(source)
    if not found:
        # Not an address that is taken, but a message about it must not show its secret either.
        return source if is_local(source) or _FILE.fullmatch(source) else re.sub(r"(?<=://).*@", "", source, flags=re.S)
    if not found["user"]:
        return source
    user = "" if found["scheme"].startswith("http") else f"{found['user']}@"
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme']}://{user}{found['host']}{port}/{found['path']}"


def has_secret(source: str) -> bool:
    """Whether the address carries a password or a token."""
    return without_credentials(source) != source


def ssh_server(source: str) -> tuple[str, int] | None:
    """Name and port of the server that `source` reaches over SSH; None for other transports and paths."""
    if is_local(source):
        return None
    found = _URL.fullmatch(source)
    if found:
        return (found["host"].strip("[]"), int(found["port"] or 22)) if found["scheme"] == "ssh" else None
    if not _SCP.fullmatch(source):
        return None
    host = source.partition("@")[2] if "@" in source.partition(":")[0] else source
    return (host[1 : host.index("]")], 22) if host.startswith("[") else (host.partition(":")[0], 22)


def credentials(source: str) -> str:
    """The line of git's credential store (git-credential-store(1)) for an HTTP address with user and token; "" without."""
    found = _URL.fullmatch(source)
    if not found or not found["scheme"].startswith("http") or not found["user"]:
        return ""
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme']}://{found['user']}:{found['password'] or ''}@{found['host']}{port}"


def origin(checkout: Path) -> str:
    """The address of the checkout's `origin`, "" where it has none."""
    command = ["git", "-C", str(checkout), "config", "--get", "remote.origin.url"]
    return without_credentials(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
