"""The maintenance page of a site (`fab maintenance`): its files on the server, and nginx, which includes them.

The files are the state: a deploy does not write them, and `nginx -T` shows them. While there are none, nginx looks for nothing at a
request, as it would for a marker file (`if (-f …)`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from selvedge.config.balancer import SUFFIX
from selvedge.config.files import hosts_file_name
from selvedge.config.local_files import LocalFileError, read_text
from selvedge.errors import ConfigError
from selvedge.paths import Paths
from selvedge.project.render import template
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Directory, File, diff
from selvedge.resources.nginx.server import Nginx
from selvedge.resources.stamp import Stamp
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, with_input
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target

REFRESH = 60
"""The most seconds after which the usual page tries again."""
HEAD = "# On since "
"""The beginning of the first line that maintenance.sh writes."""


class Since(Value):
    """Since when a site is in maintenance, as ISO 8601 in UTC, and by whom."""

    at: str
    by: str

    @classmethod
    def parse(cls, fact: str) -> Since | None:
        """Read the output of `maintenance_fact`; None if it is off."""
        found = re.search("^maintenance ([^ \n]+) ?(.*)$", fact, re.MULTILINE)
        return cls(found[1], found[2]) if found else None

    def __str__(self) -> str:
        """Return it for people: "since 2026-11-30 08:00:00 UTC, by me@laptop"."""
        return f"since {self.at.replace('T', ' ').rstrip('Z')} UTC" + (f", by {self.by}" if self.by else "")


def maintenance_page(site: Target, refresh: int, *, planned: bool) -> str:
    """Return the page of `maintenance.page`, or the usual one. planned: it is for `fab maintenance`, not for an error.

    Raises ConfigError if the file cannot be read, or is empty.
    """
    if not site.maintenance.page:
        return template("nginx/maintenance.html.j2", refresh=refresh, planned=planned)
    local = site.local_file(site.maintenance.page)
    try:
        text = read_text(local)
    except LocalFileError as error:
        remedy = error.remedy or "Give the path of an HTML file."
        raise ConfigError(hosts_file_name(), "maintenance.page", f"{local} {error}", remedy) from error
    if not text.strip():
        remedy = "Write the page into it, or delete the key."
        raise ConfigError(hosts_file_name(), "maintenance.page", f"{local} is empty", remedy)
    return text


def health_pattern(site: Target) -> str:
    """Return the expression by which nginx knows a health check, "" if its path is the app's home page, or no page of the app."""
    path = unquote(site.at(site.health).partition("?")[0])
    if site.health.partition("?")[0] == "/" or not path.isprintable() or "$" in path:
        return ""
    escaped = "".join(f"\\{char}" if char in r".^*+?()[]{}|\ " else char for char in path)
    return rf"~^000  {escaped}\z"


def maintenance_files(site: Target, allow: Sequence[str], retry_after: int) -> Iterator[File]:
    """Yield the files, in an order in which nginx could start after each. allow: the addresses that get through.

    Raises ConfigError.
    """
    folder, values = site.paths.maintenance, {"app": site, "retry_after": retry_after}
    yield File(f"{folder}/page.html", maintenance_page(site, min(retry_after, REFRESH), planned=True))
    text = template("maintenance/http.conf.j2", app=site, allow=list(dict.fromkeys(allow)), health=health_pattern(site))
    yield File(f"{folder}/http.conf", text)
    if site.nginx.path:
        yield File(f"{folder}/path.conf", template("maintenance/path.conf.j2", **values))
    name = "location" if site.nginx.path else "site"
    yield MaintenanceFile(f"{folder}/{name}.conf", template(f"maintenance/{name}.conf.j2", **values), app=site.name)


class MaintenanceFile(File):
    """The file that sends requests to the page. Only the server knows its first line: since when, and by whom."""

    app: str = ""

    def probe(self) -> str:
        return f"probe_path {quote(self.path)}\ncat -- {quote(self.path)} 2>/dev/null || true"

    def hashed(self) -> tuple[str, ...]:
        return ()

    def plan(self, fact: str) -> Change | None:
        about, _, text = fact.partition("\n")
        head, _, present = text.partition("\n")
        if about == "file 644 root root" and head.startswith(HEAD) and present == self.text:
            return None
        shell = with_input(f"maintenance_put {quote(self.path)}", self.text)
        if head.startswith(HEAD):
            return Change(f"write {self.path}", shell, diff=diff(self.path, present, self.text))
        return Change(f"show the visitors of {self.app} the maintenance page", shell, diff=diff(self.path, text, self.text))

    def unchanged(self, fact: str) -> str:
        head = fact.partition("\n")[2].partition("\n")[0]
        return f"{self.app} has been in maintenance {Since.parse(f'maintenance {head.removeprefix(HEAD)}')}"


class MaintenanceNoted(Resource):
    """Nothing to change: it reads whether a site is in maintenance, which a run reports at its end."""

    app: str

    def probe(self) -> str:
        return call("maintenance_fact", self.app)

    def plan(self, fact: str) -> Change | None:  # noqa: ARG002
        return None


class Included(Resource):
    """The app's site includes the files, and so does its site for HTTPS. Those that an older version has written do not.

    tasks: those that write these sites.
    """

    app: str
    site: str
    tasks: str
    host: str

    def probe(self) -> str:
        return call("maintenance_included", self.app, self.site)

    def plan(self, fact: str) -> Change | None:
        lacks = fact.strip()
        if not lacks:
            return None
        problem = f"{lacks} is missing, or an older version of Selvedge has written it, so it includes no maintenance page."
        remedy = f"Run `fab -H {self.host} {self.tasks}` first."
        return Change.refused(f"check that the site of {self.app} can show the page", problem, remedy=remedy)


class MaintenanceEnded(Resource):
    """nginx is told of none of the files. The page and its folder are left to `NginxAfterMaintenance`."""

    app: str
    folder: str

    def probe(self) -> str:
        return f"if [ -e {quote(self.folder)} ]; then echo on; fi"

    def plan(self, fact: str) -> Change | None:
        if not fact.strip():
            return None
        return Change(f"send the visitors of {self.app} to the app again", f"maintenance_remove {quote(self.folder)}")

    def unchanged(self, fact: str) -> str:  # noqa: ARG002
        return f"{self.app} is not in maintenance"


class NginxAfterMaintenance(Nginx):
    """nginx without the files. The stamp is deleted last: while there is one, a run may have died before the reload."""

    reload_command: str = "maintenance_reload"
    folder: str = ""

    def plan(self, fact: str) -> Change | None:
        return self.reload() if re.search("(?m)^Stamp=.", fact) else None

    def _write_stamp(self) -> str:
        return call("maintenance_forget", self.folder, self.stamp)

    def _forget_stamp(self) -> str:
        return ":"


def stamp_of(name: str) -> str:
    """Return the name of the stamp of a site's maintenance."""
    return f"maintenance-{name}"


def maintenance_on(site: Target, allow: Sequence[str], retry_after: int) -> Iterator[Resource]:
    """Yield what the server has while the maintenance is on. Raises ConfigError."""
    tasks = "balancer" if site.backends else "nginx certbot" if site.has_tls else "nginx"
    yield Included(site.name, site.paths.site, tasks, site.host.name)
    yield Directory(site.paths.maintenance)
    files = tuple(maintenance_files(site, allow, retry_after))
    yield from files
    yield Nginx(loads=files, stamp=stamp_of(site.name))


def maintained_sites(app: Target) -> tuple[Target, ...]:
    """Return the sites of a host that may be in maintenance: the app's, and that of a balancer on the same host.

    An app whose maintenance was on before its host became the balancer, too, still shows the page.
    """
    site = app.balancer_site
    return (app,) if site is None or site is app else (app, site)


def maintenance_off(site: Target) -> Iterator[Resource]:
    """Yield what the server has while the maintenance is off."""
    ended = MaintenanceEnded(site.name, site.paths.maintenance)
    yield ended
    yield NginxAfterMaintenance(loads=(ended,), stamp=stamp_of(site.name), folder=site.paths.maintenance)


def maintenance_paths(app: Target) -> tuple[str, ...]:
    """Return the paths of an app's maintenance, for `fab remove`. The host may have been a balancer."""
    names = (app.name, f"{app.name}{SUFFIX}")
    return tuple(path for name in names for path in (Paths(name).maintenance, Stamp(stamp_of(name)).path))
