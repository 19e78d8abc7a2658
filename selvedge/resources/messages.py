"""Messages from a server ([notify] from_servers): their program, what it is told of an app, and their removal."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config.balancer import SUFFIX
from selvedge.config.secret_names import NOTIFY_URLS
from selvedge.errors import ConfigError
from selvedge.resources.base import Change, Resource
from selvedge.resources.code.python import ROOT
from selvedge.resources.files import File
from selvedge.resources.nginx.certbot import UNITS
from selvedge.shell import library
from selvedge.shell.library import call

if TYPE_CHECKING:
    from selvedge.config.target import Target

APPRISE_REQUIREMENT = "apprise>=1.9,<3"
"""The versions that know all services of the docs. Debian 12 has 1.2, Ubuntu 22.04 an older one."""
APPRISE = f"{ROOT}/apprise/bin/python"
FOLDER = "/usr/local/lib/selvedge"
"""The same as $messages_folder in messages.sh."""
MESSAGES = f"{FOLDER}/messages"
"""The program."""
CERTBOT_DROP_INS = tuple(f"/etc/systemd/system/{unit}.service.d/selvedge-notify.conf" for unit in UNITS.values())
"""A file for each source of certbot, so that all apps of a server write the same ones."""
_SOURCE = Path(library.__file__).parent / "server" / "messages"


@functools.cache
def messages_program() -> Mapping[str, str]:
    """Return the program: the text of each file, by its path in the program's folder."""
    files = {path.name if path.name == "__main__.py" else f"messages/{path.name}": path for path in sorted(_SOURCE.glob("*.py"))}
    return {name: path.read_text(encoding="utf-8") for name, path in files.items()}


def notify_addresses(app: Target) -> list[str]:
    """Return the addresses of SELVEDGE_NOTIFY__URLS, [] without that variable."""
    found = app.passwords.get(NOTIFY_URLS)
    return found.get_secret_value().split() if found else []


def check_messages(app: Target) -> None:
    """Check that the servers can get the addresses. Raises ConfigError."""
    if app.notify.from_servers and not notify_addresses(app):
        remedy = f"Add it to .env beside hosts.toml, which git must not have: `{NOTIFY_URLS}=\"…\"`. To send no more messages from "
        remedy += "the servers, which deletes the addresses there, set from_servers = false."
        raise ConfigError("environment", NOTIFY_URLS, "the addresses of the messages are missing (notify.from_servers)", remedy)


def messages_of_app(app: Target) -> Iterator[Resource]:
    """Yield the files of an app: its addresses, and what its messages say. `check_messages` reports missing addresses."""
    about: dict[str, object] = {"app": app.name.removesuffix(SUFFIX), "host": app.host.name}
    about["only_failures"] = app.notify.only_failures
    if app.metrics.enabled and app.backup.to and app.backup.schedule:
        about["backup_hours"] = app.metrics.backup_hours
    yield File(app.paths.notify_settings, json.dumps(about, indent=2) + "\n", "0600")
    yield File(app.paths.notify_urls, "".join(f"{url}\n" for url in notify_addresses(app)), "0600", secret=True)


class MessagesRemoved(Resource):
    """The app sends no messages from this server. What all apps share is deleted with the last of them."""

    app: str

    def probe(self) -> str:
        return call("messages_left", app=self.app)

    def plan(self, fact: str) -> Change | None:
        found = [line for line in fact.splitlines() if line.strip()]
        if not found:
            return None
        shell = call("messages_remove", app=self.app)
        return Change("remove the messages from this server", shell, diff="\n".join(f"-{path}" for path in found))
