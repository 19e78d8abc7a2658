"""Hide secrets in text that is shown: commands, addresses, another program's words."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "•••"
SECRET_NAME = re.compile(r"TOKEN|PASS|SECRET|SESSION|CREDENTIAL|HMAC|_PWD$|(?:^|_|API)KEY(?:$|_)", re.IGNORECASE)
"""Names of variables, options and settings whose value is probably a secret."""
SHORTEST = 4
"""Shorter values are not hidden, because they also occur as parts of words."""
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_VALUE = r"""("[^"]*"|'[^']*'|[^\s"';|&()]+)"""
_HEADER = re.compile(r"""(\bauthorization\s*:\s*|\bbearer\s+)[^"'\n]+""", re.IGNORECASE)
_ASSIGNED = re.compile(rf"([A-Za-z][\w-]*)(=){_VALUE}")
_OPTION = re.compile(rf"(?<=-)([A-Za-z][\w-]*)(\s+)(?!-){_VALUE}")


def mask_login(text: str) -> str:
    """Return the text without the logins in its addresses: `https://•••@git.example.com/`."""
    return _LOGIN.sub(f"{MASK}@", text)


def mask_command(text: str) -> str:
    """Return a shell command without its probable secrets: logins in addresses, `TOKEN=…`, `--password …`, `Authorization: …`."""

    def masked(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}{MASK}" if SECRET_NAME.search(found[1].replace("-", "_")) else found[0]

    return _OPTION.sub(masked, _ASSIGNED.sub(masked, _HEADER.sub(rf"\1{MASK}", mask_login(text))))


def hide_values(text: str, values: Iterable[str]) -> str:
    """Return the text without these values and without their single lines, the longest first."""
    parts = {part for value in values for part in (value, *value.splitlines()) if len(part.strip()) >= SHORTEST}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, MASK)
    return mask_login(text)
