"""Hide secrets in text that is shown: commands, addresses, another program's words."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "•••"
SECRET_NAME = re.compile(r"TOKEN|PASS|SECRET|SESSION|CREDENTIAL|HMAC|(?:^|_|API)KEY(?:$|_)", re.IGNORECASE)
"""Names of variables, options and settings whose value is probably a secret."""
SHORTEST = 4
"""Shorter values are not hidden, because they also occur as parts of words."""
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_ASSIGNED = re.compile(r"""(?P<name>[A-Za-z][\w-]*)(?P<sign>=|\s+)(?P<value>"[^"]*"|'[^']*'|[^\s"';|&()]+)""")


def mask_login(text: str) -> str:
    """Return the text without the logins in its addresses: `https://•••@git.example.com/`."""
    return _LOGIN.sub(f"{MASK}@", text)


def mask_command(text: str) -> str:
    """Return a shell command without its probable secrets: logins in addresses, `TOKEN=…`, `--password …`."""

    def masked(found: re.Match[str]) -> str:
        option = text[: found.start()].endswith("-")
        if not SECRET_NAME.search(found["name"].replace("-", "_")) or (found["sign"] != "=" and not option):
            return found[0]
        return f"{found['name']}{found['sign']}{MASK}"

    return _ASSIGNED.sub(masked, mask_login(text))


def hide_values(text: str, values: Iterable[str]) -> str:
    """Return the text without these values and without their single lines, the longest first."""
    parts = {part for value in values for part in (value, *value.splitlines()) if len(part.strip()) >= SHORTEST}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, MASK)
    return mask_login(text)
