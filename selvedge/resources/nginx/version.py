"""The version of nginx on a server, and configuration text that depends on it."""

from __future__ import annotations

import re
from typing import Any

from selvedge.project.render import template
from selvedge.value import Value

PROBE = "nginx_version"
"""Shell that prints the output of `nginx -v`."""
REJECT_HANDSHAKE, HTTP2_ON = (1, 19, 4), (1, 25, 1)
"""The first versions with ssl_reject_handshake, and with `http2 on` instead of `listen … http2`."""
CHANGES = ((0,), REJECT_HANDSHAKE, HTTP2_ON)
"""The versions from which a directive in the templates is written differently."""


def parse(output: str) -> tuple[int, ...]:
    """Return the version in the output of `nginx -v`; a newest one if nginx is not installed."""
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)", output)
    return tuple(int(part) for part in found.groups()) if found else CHANGES[-1]


class VersionedText(Value):
    """A text for each of CHANGES."""

    texts: tuple[str, ...]

    def at(self, version: tuple[int, ...]) -> str:
        """Return the text for a version of nginx."""
        return next(text for first, text in zip(reversed(CHANGES), reversed(self.texts), strict=True) if version >= first)


def nginx_template(name: str, **values: Any) -> VersionedText:
    """Return the text of `templates/<name>` for each version of nginx, which the template gets as the value `nginx`.

    Raises ConfigError if the template has a mistake.
    """
    return VersionedText(tuple(template(name, nginx=version, **values) for version in CHANGES))
