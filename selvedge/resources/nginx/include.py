"""A user's own lines for a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.config.files import hosts_file_name
from selvedge.errors import ConfigError
from selvedge.resources.files import Absent, File
from selvedge.templates import text_template

if TYPE_CHECKING:
    from selvedge.config.target import Target


def included_lines(app: Target) -> File | Absent:
    """Return the file with the lines of `nginx.include`. Raises ConfigError if it cannot be read, or is a wrong template."""
    path = f"/etc/nginx/snippets/{app.name}.include.conf"
    if not app.nginx.include:
        return Absent(path)
    local = app.local_file(app.nginx.include)
    try:
        text = local.read_text(encoding="utf-8")
        text = text_template(text, app=app) if local.name.endswith(".j2") else text
    except (OSError, UnicodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeError) else reason
        remedy = "Give the path of a file with nginx directives."
        raise ConfigError(hosts_file_name(), "nginx.include", f"could not read {local}: {reason}", remedy) from error
    return File(path, text if text.endswith("\n") else f"{text}\n")
