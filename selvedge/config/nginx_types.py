"""The types of the settings in `[nginx]`. None of their values has a character with a meaning in nginx's files."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

from selvedge.config.types import Text, domain_name, https_url, network, relative_path

PROXIES = {
    "cloudflare": (
        *("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18", "108.162.192.0/18"),
        *("190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13"),
        *("104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22", "2400:cb00::/32", "2606:4700::/32", "2803:f800::/32"),
        *("2405:b500::/32", "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
    ),
}
"""The networks of proxies that have a name in `trusted_proxies` (https://www.cloudflare.com/ips/)."""
_PATH = re.compile(r"/([A-Za-z0-9._~/:@+,=&?-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_EXACT = re.compile(r"(/[A-Za-z0-9._~-]+)*/?", re.ASCII)


def _directory(value: str) -> str:
    parts = [part for part in value.split("/") if part != "."]
    if value and not any(parts):
        raise ValueError("must be a folder inside the other one, such as uploads, not the whole folder or the top of the disk")
    return relative_path("/".join(parts))


def _trusted_proxy(value: str) -> str:
    if value in PROXIES:
        return value
    try:
        found = network(value)
    except ValueError as error:
        raise ValueError(f"{error}, or the name of a proxy: {', '.join(PROXIES)}") from None
    if ipaddress.ip_network(found).prefixlen == 0:
        raise ValueError("must not be all addresses, because every client could then claim another address")
    return found


def _site_path(value: str) -> str:
    if not value.strip("/"):
        raise ValueError("must be a path such as /api: an app without this setting answers at /, so leave it out")
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?", value, re.ASCII):
        raise ValueError("must be a path of letters, digits and any of . _ ~ - / such as /api")
    return value.rstrip("/")


def _redirect_from(value: str) -> str:
    if not value.startswith("/"):
        return domain_name(value)
    if not _EXACT.fullmatch(value):
        raise ValueError("must be a host name, or a path of letters, digits and any of . _ ~ - / such as /old")
    return value


def _redirect_to(value: str) -> str:
    if value.startswith("https://"):
        return https_url(value)
    if not value.startswith("/"):
        return domain_name(value)
    if not _PATH.fullmatch(value) or value.startswith("//"):
        raise ValueError("must be a host name, an https:// address, or a path such as /new, which begins with one '/'")
    return value


def _user_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value, re.ASCII):
        raise ValueError("must be a name of at most 64 letters, digits, '.', '_' and '-', beginning with a letter or digit")
    if value.lower() == "selvedge":
        raise ValueError("must not be selvedge, because Selvedge's own check of the site uses this name")
    return value


_CSP_KEYWORD = re.compile(
    r"self|none|strict-dynamic|report-sample|unsafe-(inline|eval|hashes)|wasm-unsafe-eval|(nonce|sha256|sha384|sha512)-\S+",
    re.IGNORECASE,
)
"""The sources of a Content-Security-Policy that need single quotes."""
_OTHERS = {
    "connection": "", "content-encoding": "", "content-length": "", "content-type": "", "date": "", "keep-alive": "",
    "location": "", "server": "", "set-cookie": "", "trailer": "", "transfer-encoding": "", "upgrade": "", "vary": "",
    "strict-transport-security": ": use [tls] hsts", "x-release": ": use app.release_header",
}  # fmt: skip
"""Headers that a response needs as they are, in lower case, and what to do instead."""


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,45}", value, re.ASCII):
        # nginx's table of hidden headers has room for 46 (proxy_headers_hash_bucket_size).
        raise ValueError("must be the name of a header: at most 46 letters, digits and '-', such as X-Robots-Tag")
    if value.lower() in _OTHERS or value.lower().startswith(("x-accel-", "sec-websocket-")):
        raise ValueError(f"must not be a header that nginx or the app needs for itself{_OTHERS.get(value.lower(), '')}")
    return value


def _header_value(value: str) -> str:
    if not re.fullmatch(r"[ -#%-~]*", value, re.ASCII):
        raise ValueError("must be printable ASCII text without '$', which nginx would replace")
    if len(value) + value.count("\\") + value.count('"') > LONGEST_HEADER or value != value.strip():
        raise ValueError(f"must have at most {LONGEST_HEADER} characters, where \\ and \" count twice, and no space at its ends")
    return value


def _csp(value: str) -> str:
    """Check for the usual mistakes, which browsers report only in their console. The lists of directives and sources grow."""
    if "\n" in value.strip():
        raise ValueError("must have no line breaks: in a text between \"\"\" and \"\"\", end each line with a backslash")
    value = _header_value(value)
    if '"' in value:
        raise ValueError("must not have double quotes: a policy's keywords have single quotes, such as 'self'")
    for part in value.split(";"):
        directive, *sources = part.split() or [""]
        if not re.fullmatch(r"[A-Za-z-]*", directive, re.ASCII):
            begins = "must name a directive such as default-src at its beginning and after each ';'"
            raise ValueError(f"{begins}, not {directive}")
        if bare := [each for each in sources if _CSP_KEYWORD.fullmatch(each)]:
            raise ValueError(f"must have '{bare[0]}' in single quotes: without them, browsers take {bare[0]} for a host's name")
    return value


def _rate_limit(value: str) -> str:
    if value and not re.fullmatch(r"[1-9][0-9]{0,5}r/[sm]", value, re.ASCII):
        raise ValueError("must be a number of requests per second or minute, such as 10r/s or 60r/m")
    return value


def _cache_time(value: str) -> str:
    if value and not re.fullmatch(r"[1-9][0-9]{0,2}[smh]", value, re.ASCII):
        raise ValueError("must be a number of seconds, minutes or hours, such as 1s, 5m or 1h")
    return value


LONGEST_HEADER = 4000
"""Characters of a header's value: nginx reads words of at most 4096 bytes (NGX_CONF_BUFFER), with their backslashes."""
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
RateLimit = Annotated[str, AfterValidator(_rate_limit)]
Csp = Annotated[str, AfterValidator(_csp)]
CacheTime = Annotated[str, AfterValidator(_cache_time)]
Directory = Annotated[Text, AfterValidator(_directory)]
OptionalDirectory = Annotated[Text, AfterValidator(lambda value: _directory(value) if value else value)]
OptionalSitePath = Annotated[Text, AfterValidator(lambda value: _site_path(value) if value else value)]
TrustedProxy = Annotated[Text, AfterValidator(_trusted_proxy)]
RedirectFrom = Annotated[Text, AfterValidator(_redirect_from)]
RedirectTo = Annotated[Text, AfterValidator(_redirect_to)]
UserName = Annotated[Text, AfterValidator(_user_name)]
