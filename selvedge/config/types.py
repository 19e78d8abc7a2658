"""The types of the settings, with their validators.

Each validator raises `ValueError` with the end of a sentence that begins with the name of the setting ("must be …").
There are two kinds of strings. Most have a narrow alphabet, which has no special meaning in shell, nginx, ini and unit
files. The others (`Line`, `LocalPath`, the local part of `Email`) are the user's own text: they are kept character for
character, and the code that writes them to a server has to quote them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import keyword
import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Strict

from selvedge.config.giturl import check_repository
from selvedge.config.local_files import expanded

Switch = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Seconds = Annotated[float, Strict()]

# Names that Debian, Ubuntu or the packages of `setup` use for a user, a group, a unit or a folder in /srv, /run, /etc or
# /var/log: the users and groups of base-passwd, and the output of `ls` in these folders after `setup`. `[metrics]` has three.
_RESERVED = """
    root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody nogroup
    adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev
    staff users crontab input sgx kvm render messagebus polkitd uuidd tcpdump tss landscape lxd syslog avahi
    ssh sshd sftp ftp http https git deploy default admin administrator selvedge systemd dbus udev user lock log mount
    nginx apache apache2 caddy supervisor supervisord gunicorn uvicorn python python3 certbot letsencrypt acme acl
    fail2ban ufw nftables cron apt dpkg snap snapd unattended-upgrades debian ubuntu cloud-init network networkd
    mysql mariadb postgres postgresql redis valkey mongodb memcached docker containerd journal private installer security
    ssl pam profile skel opt sysctl sysusers tmpfiles alternatives initramfs kernel resolvconf shm screen metrics prometheus mtail
    credentials blkid motd needrestart wtmp btmp lastlog faillog rsyslog chrony ntp getty logrotate rpcbind packagekit
"""
RESERVED_NAMES = frozenset(_RESERVED.split())
# Files in /etc/nginx/snippets, where each app has a file with its name.
_SNIPPETS = frozenset({"snakeoil", "fastcgi-php"})
LOCAL_PREFIX = "local:"
"""The beginning of a hook's command that runs on the operator's machine."""
_SHARE = "(?:100|[1-9][0-9]?)%"
# Python's codec (IDNA 2003) maps these to other letters than IDNA 2008 (RFC 5892, 2.6).
_IDNA_DEVIATIONS = frozenset("ßςẞ\u200c\u200d")


def text(value: str) -> str:
    """Refuse control characters: they break lines, terminals or C strings."""
    for char in value:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"must not contain control characters such as a line break (here {char!a})")
    return value


def _matching(pattern: str, problem: str) -> AfterValidator:
    """Return a validator that raises `problem` unless the whole string matches `pattern`."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _optional(check: Callable[[str], str]) -> AfterValidator:
    """Return the validator `check` for a setting in which the empty string means "not set"."""
    return AfterValidator(lambda value: check(value) if value else value)


def _app_name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", value):
        raise ValueError(
            "must have only lower-case letters, digits and '-', begin with a letter and have at most 30 characters"
        )
    if value in RESERVED_NAMES or value.startswith("systemd-"):
        raise ValueError("must not be a name that Debian, Ubuntu or Selvedge uses for a user, a service or a folder")
    if value.startswith(("tls-", "selvedge-")) or value.endswith(("-tls", "-http")) or value in _SNIPPETS:
        raise ValueError(
            "must not begin with tls- or selvedge- or end with -tls or -http, and must not be the name of an nginx snippet"
        )
    return value


def domain_name(value: str) -> str:
    """Return a host name in lower case; in its `xn--` form if it is not ASCII (RFC 1123, 2.1; RFC 5891).

    Raises:
        ValueError: a wildcard, an IP address, or anything else that is not a host name.
    """
    if "*" in value:
        raise ValueError("must not contain `*`, except as the first part of a name in app.domains, as in *.example.com")
    name = value.rstrip(".") if value.isascii() else _punycode(value)
    labels = name.lower().split(".")
    label = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
    if len(name) > 253 or not all(label.fullmatch(each) for each in labels):
        raise ValueError("must be a host name such as app.example.com")
    if labels[-1].isdigit():
        raise ValueError("must not be an IP address: leave domains empty to serve the app at the server's address")
    return name.lower()


def _punycode(value: str) -> str:
    if _IDNA_DEVIATIONS & set(value):
        raise ValueError("has a letter that the IDNA standards encode in two ways: write the name in its xn-- form")
    try:
        return value.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        raise ValueError("is not a valid international host name: write it in its xn-- form") from None


def host_address(value: str) -> str:
    """Return the address of a host: a name (also one from ssh_config), an IPv4 or IPv6 address without brackets.

    Raises:
        ValueError: anything else, e.g. an address with a user or a port.
    """
    bare, _, zone = value.partition("%")
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(bare)
        if "%" not in value or re.fullmatch(r"[A-Za-z0-9._-]+", zone, re.ASCII):
            return value
    if "@" in value:
        raise ValueError("must not contain a user: set the key user, and for a port the key port")
    if not value.isascii():
        return domain_name(value)
    if re.fullmatch(r"[0-9]+(\.[0-9]+)+", value):  # The C library takes 192.0.2 as 192.0.0.2 (inet_aton).
        raise ValueError("must be an IPv4 address of four numbers up to 255, such as 203.0.113.10")
    if re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})", value):
        return value
    raise ValueError("must be a host name, an IPv4 or an IPv6 address")


def _git_ref(value: str) -> str:
    parts = value.split("/")
    if value.startswith("-") or not re.fullmatch(r"[^\s~^:?*\[\\\x00-\x1f\x7f$`;&|<>()'\"{}!%]+", value):
        raise ValueError("must be a branch name: no '-' at its beginning, no spaces, quotes or any of ~^:?*[\\$`;&|<>(){}!%")
    wrong = any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    if wrong or ".." in value or value.endswith(".") or value in {"@", "HEAD"}:
        raise ValueError("must be a branch name that git accepts (see `git help check-ref-format`)")
    return value


def relative_path(value: str) -> str:
    """Return a path inside the repository, without a slash at its end. Raises ValueError."""
    if value.startswith(("/", "~")) or ".." in value.split("/"):
        raise ValueError("must be a path inside the repository, without '/' or '~' at its beginning and without '..'")
    if not re.fullmatch(
        r"[A-Za-z0-9_.][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_.][A-Za-z0-9_.@+-]*)*", value.rstrip("/"), re.ASCII
    ):
        raise ValueError("must be a relative path with only letters, digits and any of . _ - + @ /")
    return value.rstrip("/")


def module_path(value: str) -> str:
    """Return `module:name`. Raises ValueError for anything else."""
    if value.endswith(")"):
        raise ValueError("must call a factory without arguments, as in main:create_app()")
    names = re.split(r"[.:]", value)
    if not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", value, re.ASCII) or not all(_identifier(each) for each in names):
        raise ValueError("must be a Python module, a colon and a name in that module")
    return value


def _factory(value: str) -> str:
    return f"{module_path(value.removesuffix('()'))}{'()' if value.endswith('()') else ''}"


def _identifier(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _local_path(value: str) -> str:
    if value.startswith("-"):
        raise ValueError("must not begin with '-': write ./ in front")
    expanded(value)
    return value


def _email(value: str) -> str:
    local, _, domain = value.rpartition("@")
    # A dot-atom (RFC 5322, 3.2.3). Quoted local parts are refused: no certificate authority needs them.
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", local):
        raise ValueError("must be an e-mail address")
    if local.startswith("-") or "." not in domain:
        raise ValueError("must be an e-mail address")
    return f"{local}@{domain_name(domain)}"


def https_url(value: str, *, http: bool = False) -> str:
    """Return an https:// address, with `http` also an http:// address. Raises ValueError."""
    scheme, kind = ("https?", "an http:// or https:// address") if http else ("https", "an https:// address")
    if not re.fullmatch(rf"{scheme}://[A-Za-z0-9._~%/:\[\]-]+", value):
        raise ValueError(f"must be {kind} without a user, a query and spaces")
    try:
        parts = urlsplit(value)
        host_address(parts.hostname or "")
        _ = parts.port
    except ValueError:
        raise ValueError(f"must be {kind} with a valid host name and port") from None
    return value


def network(value: str) -> str:
    """Return an IP address or a network, in its usual form. Raises ValueError."""
    try:
        if "%" in value:
            raise ValueError
        return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be an IP address, or a network whose host bits are 0, such as 198.51.100.0/24") from None


def _status_range(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    first, dash, last = value.partition("-")
    good = all(re.fullmatch(r"[1-5][0-9][0-9]", each, re.ASCII) for each in (first, last if dash else first))
    if not good or (dash and int(first) > int(last)):
        raise ValueError("must be an HTTP status from 100 to 599, or a range such as '200-399'")
    return value


def _one_or_many(value: Any) -> Any:
    """Return a single string as a list, anything else unchanged."""
    return ([value] if value else []) if isinstance(value, str) else value


def _check_batch(value: Any) -> Any:
    if (type(value) is int and value > 0) or (isinstance(value, str) and re.fullmatch(_SHARE, value)):
        return value
    raise ValueError("must be a number of servers, or a share of them from '1%' to '100%'")


Text = Annotated[str, AfterValidator(text)]
Line = Text
LocalPath = Annotated[Text, _optional(_local_path)]
LocalFile = Annotated[Text, _matching(r".+", "must be a path"), AfterValidator(_local_path)]
AppName = Annotated[Text, AfterValidator(_app_name)]
DomainName = Annotated[
    Text, AfterValidator(lambda value: f"*.{domain_name(value[2:])}" if value.startswith("*.") else domain_name(value))
]
Address = Annotated[Text, _optional(host_address)]
OptionalDomain = Annotated[Text, _optional(domain_name)]
Repository = Annotated[Text, AfterValidator(check_repository)]
GitRef = Annotated[Text, AfterValidator(_git_ref)]
RelativePath = Annotated[Text, _optional(relative_path)]
ModulePath = Annotated[Text, AfterValidator(_factory)]
Email = Annotated[Text, _optional(_email)]
HttpsUrl = Annotated[Text, _optional(https_url)]
Network = Annotated[Text, AfterValidator(network)]
StatusRange = Annotated[str, BeforeValidator(_status_range)]
Hook = Annotated[Text, _matching(rf"(?!{LOCAL_PREFIX}\s*$).*\S.*", "must be a command")]
HookList = Annotated[list[Hook], BeforeValidator(_one_or_many)]
UrlPath = Annotated[
    Text,
    _matching(
        r"/([A-Za-z0-9._~/:@+,=&?-]|%[0-9A-Fa-f]{2})*",
        "must begin with '/' and have only letters, digits, any of . _ ~ / : @ + , = & ? - and escapes such as %20",
    ),
]
UrlPrefix = Annotated[
    Text, _matching(
        r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?", "must be a URL prefix of letters, digits and any of . _ ~ - / such as /static"
    ),
]
LoginName = Annotated[
    Text, _matching(
        r"[a-z_][a-z0-9_-]{0,31}", "must be a Linux user name: lower-case letters, digits, '_' and '-', at most 32 characters"
    ),
]
DottedName = Annotated[Text, _matching(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", "must be a dotted Python name")]
Size = Annotated[
    Text, _matching(r"0|[1-9][0-9]{0,8}[kKmMgG]?", "must be a size in bytes, or with the unit k, m or g, such as '10m'")
]
MemoryLimit = Annotated[
    Text,
    _matching(rf"{_SHARE}|[1-9][0-9]{{0,8}}[KMGT]", "must be a share such as '75%', or a size with the unit K, M, G or T"),
]
EabKeyId = Annotated[Text, _matching(r"[A-Za-z0-9._~+/=:@-]{0,255}", "must be a key id, without spaces")]
DnsPlugin = Annotated[
    Text, _matching(r"([a-z0-9]+(-[a-z0-9]+)*)?", "must be the NAME of certbot-dns-NAME: lower-case letters, digits and '-'")
]
Clock = Annotated[Text, _matching(r"([01][0-9]|2[0-3]):[0-5][0-9]", "must be a time from '00:00' to '23:59'")]
Fingerprint = Annotated[
    Text,
    _matching(r"(SHA256:[A-Za-z0-9+/]{43})?", "must be SHA256: and 43 characters, as printed by `ssh-keygen -lf`"),
]
PythonVersion = Annotated[Text, _matching(r"(3\.[0-9]{1,2}(\.[0-9]{1,2})?)?", "must be a Python 3 version such as '3.12'")]
Port = Annotated[Whole, Ge(1), Le(65535)]
Batch = Annotated[int | str, BeforeValidator(_check_batch)]
