"""A user's own lines for a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.config import private_keys
from selvedge.config.files import hosts_file_name
from selvedge.config.local_files import LocalFileError, read_text
from selvedge.errors import ConfigError
from selvedge.project.render import text_template
from selvedge.resources.files import Absent, File

if TYPE_CHECKING:
    from selvedge.config.target import Target


def included_lines(app: Target) -> File | Absent:
    """Return the file with the lines of `nginx.include`. Raises ConfigError if it cannot be read, or is a wrong template."""
    path = f"/etc/nginx/snippets/{app.name}.include.conf"
    if not app.nginx.include:
        return Absent(path)
    local = app.local_file(app.nginx.include)
    try:
        text = read_text(local)
        text = text_template(text, app=app) if local.name.endswith(".j2") else text
    except LocalFileError as error:
        problem, remedy = f"{local} {error}", error.remedy or "Give the path of a file with nginx directives."
        raise ConfigError(hosts_file_name(), "nginx.include", problem, remedy) from error
    except ValueError as error:
        remedy = "Correct the template, or give it a name without .j2."
        raise ConfigError(hosts_file_name(), "nginx.include", f"{local} is not a template: {error}", remedy) from error
    if private_keys.in_text(text):
        problem = f"{local} has a private key in it, and every user of the server can read the lines of a site"
        remedy = "Delete the key from it. The key of your own certificate is the file of tls.certificate_key."
        raise ConfigError(hosts_file_name(), "nginx.include", problem, remedy)
    return File(path, text if text.endswith("\n") else f"{text}\n")
