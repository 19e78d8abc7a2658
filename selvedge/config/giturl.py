"""The repository of an app: accepted git addresses, and the same without secrets."""

from __future__ import annotations

import re

# The characters of a path: besides ASCII's, letters of other scripts, which git passes on as they are.
_PATH = r"(?:[A-Za-z0-9._~%+@:,=/-]|[^\W\x00-\x7f])+"
_HOST = r"[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]"
# What RFC 3986 allows there: other characters are percent codes.
_PASSWORD = r"[A-Za-z0-9._~%+=!$&'()*,;:-]*"
_URL = re.compile(
    r"(?P<scheme>https?|ssh|git)://((?P<user>[A-Za-z0-9._~%+=][A-Za-z0-9._~%+=-]*)(:(?P<password>" + _PASSWORD + "))?@)?"
    rf"(?P<host>{_HOST})(:(?P<port>[0-9]{{1,5}}))?/(?P<path>{_PATH})"
)
# git's short forms: [user@]host:path and [user@host:port]:path (git-clone(1), "GIT URLS"). A '/' before the ':' makes it a path.
_SCP = re.compile(
    rf"([A-Za-z0-9_][A-Za-z0-9._-]*@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?!-|:|//|[0-9]+:){_PATH}"
)
_SCP_PORT = re.compile(
    rf"\[([A-Za-z0-9_][A-Za-z0-9._-]*@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]+):(?P<port>[0-9]{{1,5}})\]:(?!-|:|//){_PATH}"
)
# A page of a branch or folder, from the address line of a browser: at GitHub and Gitea's Codeberg, and at GitLab.
_PAGE = re.compile(
    r"(https://(?:github\.com|codeberg\.org)/[\w.-]+/[\w.-]+)/(?:tree|blob|src)/.+|(https://[\w.-]+/[\w./-]+)/-/(?:tree|blob)/.+",
    re.ASCII,
)
_FILE = re.compile(rf"file:///{_PATH}")
# The beginnings of the tokens of GitHub, GitLab, Bitbucket, Gitea's and Atlassian's API, Azure DevOps and Hugging Face.
_TOKEN_PREFIX = re.compile(r"(gh[oprsu]_|github_pat_|gl[a-z]{2,6}-|ATBB|ATATT|ATCTT|gto_|hf_)")
_LONG_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])([A-Za-z0-9]{32,}|(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{20,})")


def is_local(repository: str) -> bool:
    """Return whether this is a path on this machine (`.`, `./x`, `../x`, `/x`, `~/x`), not a git address."""
    return repository in {".", "..", "~"} or repository.startswith(("./", "../", "/", "~/"))


def check_repository(repository: str) -> str:
    """Return `repository` if it is a path on this machine or a git address of a known, safe form.

    Refused are transports that run a program (`ext::…`, gitremote-helpers(7)) and text that git or ssh reads as an option.

    Raises:
        ValueError: the end of a sentence that begins with the setting's name.
    """
    if page := _PAGE.fullmatch(repository):
        raise ValueError(f"must be the address of the repository, not of one of its pages: {page[1] or page[2]}.git")
    if is_local(repository) or _FILE.fullmatch(repository) or _SCP.fullmatch(repository):
        return repository
    found = _URL.fullmatch(repository) or _SCP_PORT.fullmatch(repository)
    if found and int(found["port"] or 1) in range(1, 65536):
        return repository
    raise ValueError(
        _meant(repository)
        or "must be a git address (https://…, ssh://…, git://…, file:///…, git@host:path) or a path (. or ./… ../… /… ~/…)"
    )


def _meant(repository: str) -> str:
    """Return what an address with a common mistake must be; "" if none is found. It never contains a password or token."""
    if re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}/[\w./-]+", repository, re.ASCII):
        return f"must be a full address: https://{repository}"
    if " " in repository.strip() and not has_secret(repository) and ":" in repository:
        return f"must have %20 for each space: {repository.strip().replace(' ', '%20')}"
    if repository.startswith("git+") and not has_secret(repository):
        return f"must be an address for git, without pip's git+: {repository.removeprefix('git+')}"
    if mixed := re.fullmatch(rf"ssh://([\w.-]+@)?({_HOST}):([A-Za-z~_]{_PATH})", repository, re.ASCII):
        user, host, path = mixed[1] or "", mixed[2], mixed[3]
        return f"mixes two forms: write ssh://{user}{host}/{path} or {user}{host}:{path}"
    if (login := re.match(r"(?:https?|ssh)://[^\s/@:]+:(\S+)@", repository)) and not re.fullmatch(_PASSWORD, login[1]):
        return "must have the special characters of its password as percent codes: %40 for @, %2F for /, %23 for #, %3F for ?"
    if port := re.fullmatch(rf"([\w.-]+@)?({_HOST}):([0-9]+):({_PATH})", repository, re.ASCII):
        return f"must name a port in the form ssh://{port[1] or ''}{port[2]}:{port[3]}/{port[4].lstrip('/')}"
    return ""


def with_server(repository: str, user: str, host: str, port: int) -> str:
    """Return an SSH address with another server. user: for an address without one. Raises ValueError for another address."""
    found = _URL.fullmatch(repository) or _SCP_PORT.fullmatch(repository) or _SCP.fullmatch(repository)
    if not found:
        raise ValueError("is no address over SSH")
    name = f"[{host}]" if ":" in host else host
    begin, path = repository[: found.start("host")], repository[found.end("host") :]
    if found.groupdict().get("scheme"):
        login = begin.partition("://")[2] or (f"{user}@" if user else "")
        return f"ssh://{login}{name}:{port}/{found['path']}"
    login = begin.lstrip("[") or (f"{user}@" if user else "")
    path = re.sub(r"^(:[0-9]+)?\]?:", "", path)
    return f"{login}{name}:{path}" if port == 22 else f"ssh://{login}{name}:{port}/{path.lstrip('/')}"


def without_credentials(repository: str) -> str:
    """Return the repository without the password; for HTTP also without the user of a password, and without a token as user."""
    if is_local(repository) or _FILE.fullmatch(repository):
        return repository
    found = _URL.fullmatch(repository)
    if not found:
        # The message that refuses this address must not show its secret.
        return re.sub(r"(?<=://).*@", "", repository, flags=re.DOTALL)
    if not found["user"] or (found["password"] is None and not _is_token(found["user"])):
        return repository
    user = "" if found["scheme"].startswith("http") else f"{found['user']}@"
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme']}://{user}{found['host']}{port}/{found['path']}"


def _is_token(user: str) -> bool:
    """Return whether a user name looks like a token, which some git hosts take in its place."""
    return bool(_TOKEN_PREFIX.match(user) or _LONG_TOKEN.fullmatch(user))


def has_secret(repository: str) -> bool:
    """Return whether the address has a password or a token."""
    return without_credentials(repository) != repository


def ssh_server(repository: str) -> tuple[str, int] | None:
    """Return the name and port of the git server; None for a path and for other transports than SSH."""
    if is_local(repository):
        return None
    found = _URL.fullmatch(repository) or _SCP_PORT.fullmatch(repository)
    if found:
        over_ssh = found.groupdict().get("scheme", "ssh") == "ssh"
        return (found["host"].strip("[]"), int(found["port"] or 22)) if over_ssh else None
    short = _SCP.fullmatch(repository)
    return (short["host"].strip("[]"), 22) if short else None


def credentials(repository: str) -> str:
    """Return the line for git's credential store (git-credential-store(1)); "" for an address without password and token."""
    found = _URL.fullmatch(repository)
    if not found or not found["scheme"].startswith("http") or not has_secret(repository):
        return ""
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['scheme']}://{found['user']}:{found['password'] or ''}@{found['host']}{port}"
