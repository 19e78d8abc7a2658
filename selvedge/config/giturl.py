"""The repository of an app: accepted git addresses, and the same without secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_URL = re.compile(
    r"(?P<scheme>https?|ssh|git)://((?P<user>[A-Za-z0-9._~%+=][A-Za-z0-9._~%+=-]*)(:(?P<password>[A-Za-z0-9._~%+=-]*))?@)?"
    r"(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/(?P<path>[A-Za-z0-9._~%+@:,=/-]+)",
    re.ASCII,
)
# git's short form, [user@]host:path (git-clone(1), "GIT URLS"). A '/' before the ':' makes it a path.
_SCP = re.compile(
    r"([A-Za-z0-9_][A-Za-z0-9._-]*@)?([A-Za-z0-9_][A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?!-|:|//)[A-Za-z0-9._~+@/-]+",
    re.ASCII,
)
_FILE = re.compile(r"file:///[A-Za-z0-9._~%+@,=/-]+", re.ASCII)


def is_local(repository: str) -> bool:
    """Return whether this is a path on this machine (`.`, `./x`, `../x`, `/x`, `~/x`), not a git address."""
    return repository in {".", "..", "~"} or repository.startswith(("./", "../", "/", "~/"))


def check_repository(repository: str) -> str:
    """Return `repository` if it is a path on this machine or a git address of a known, safe form.

    Refused are transports that run a program (`ext::…`, gitremote-helpers(7)) and text that git or ssh reads as an option.

    Raises:
        ValueError: the end of a sentence that begins with the setting's name.
    """
    if is_local(repository) or _FILE.fullmatch(repository) or _SCP.fullmatch(repository):
        return repository
    found = _URL.fullmatch(repository)
    if found and int(found["port"] or 1) in range(1, 65536):
        return repository
    if re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}/[\w./-]+", repository, re.ASCII):
        raise ValueError(f"must be a full address: https://{repository}")
    raise ValueError(
        "must be a git address (https://…, ssh://…, git://…, file:///…, git@host:path) or a path (. or ./… ../… /… ~/…)"
    )


def without_credentials(repository: str) -> str:
    """Return the repository without the password; for HTTP also without the user, who may be a token."""
    if is_local(repository) or _FILE.fullmatch(repository):
        return repository
    found = _URL.fullmatch(repository)
    if not found:
        # The message that refuses this address must not show its secret.
        return re.sub(r"(?<=://).*@", "", repository, flags=re.DOTALL)
    if not found["user"]:
        return repository
    user = "" if found["scheme"].startswith("http") else f"{found['user']}@"
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme']}://{user}{found['host']}{port}/{found['path']}"


def has_secret(repository: str) -> bool:
    """Return whether the address has a password or a token."""
    return without_credentials(repository) != repository


def ssh_server(repository: str) -> tuple[str, int] | None:
    """Return the name and port of the git server; None for a path and for other transports than SSH."""
    if is_local(repository):
        return None
    found = _URL.fullmatch(repository)
    if found:
        return (found["host"].strip("[]"), int(found["port"] or 22)) if found["scheme"] == "ssh" else None
    if not _SCP.fullmatch(repository):
        return None
    host = repository.partition("@")[2] if "@" in repository.partition(":")[0] else repository
    return (host[1 : host.index("]")], 22) if host.startswith("[") else (host.partition(":")[0], 22)


def credentials(repository: str) -> str:
    """Return the line for git's credential store (git-credential-store(1)); "" for an address without user and token."""
    found = _URL.fullmatch(repository)
    if not found or not found["scheme"].startswith("http") or not found["user"]:
        return ""
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme']}://{found['user']}:{found['password'] or ''}@{found['host']}{port}"


def origin(checkout: Path) -> str:
    """Return the address of the checkout's remote `origin`, "" if it has none."""
    command = ["git", "-C", str(checkout), "config", "--get", "remote.origin.url"]
    return without_credentials(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
