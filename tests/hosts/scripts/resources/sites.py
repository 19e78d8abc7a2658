"""Sites of nginx on a server."""

from __future__ import annotations

import hashlib
from typing import Any

A, B = "/etc/nginx/sites-enabled/a", "/etc/nginx/sites-enabled/b"
BY_ADDRESS = "server {\n listen 80 default_server;\n listen [::]:80 default_server;\n server_name _;\n}\n"
BY_NAME = "upstream u { server unix:/x; }\nserver { listen 80; server_name b.test www.b.test; location / { return 200; } }\n"
TLS = "server {\n  include /etc/nginx/snippets/selvedge-listen-tls.conf;\n  server_name b.test;\n}\n"


def sites(server: Any, **texts: str) -> None:
    for name, text in texts.items():
        path = server.path(f"/etc/nginx/sites-enabled/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def debians(server: Any) -> None:
    """Add the site that Debian's package enables."""
    sites(server, default=BY_ADDRESS)
    brought = hashlib.md5(BY_ADDRESS.encode()).hexdigest()
    server.program("dpkg-query", f"echo ' /etc/nginx/sites-available/default {brought}'")
