"""HTTPS in nginx: its port, reloads that prove the certificate, and its removal."""

from __future__ import annotations

import re
from dataclasses import replace

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File, Link
from selvedge.resources.nginx import version
from selvedge.resources.nginx.certificates import day
from selvedge.resources.nginx.server import Nginx
from selvedge.resources.nginx.version import VersionedText
from selvedge.shell.quoting import quote, words


class ListenTls(Resource):
    """A snippet with nginx's directives for HTTPS and HTTP/2 at a port."""

    path: str
    text: VersionedText

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"{version.PROBE}\nprobe_path {quote(self.path)} -"

    def plan(self, fact: str) -> Change | None:
        about, _, file = fact.partition("\n")
        return File(self.path, self.text.at(version.parse(about))).plan(file)


class NginxHttps(Nginx):
    """nginx with an HTTPS site; after a reload it must serve the certificate `fullchain` for `domain` at `port`.

    certbot's own reload after a renewal fails while another site's file is broken. So a certificate that is newer than the
    last reload is compared with the one that nginx serves. folder: for an app with a path (`nginx.path`), the folder of the paths
    of its site, which may have the certificate of another app; else "".
    """

    domain: str = ""
    fullchain: str = ""
    folder: str = ""
    port: int = 443
    loaded_by = (*Nginx.loaded_by, "certbot")

    @property
    def _chain(self) -> str:
        """The certificate, as a word of shell."""
        return f'"$(https_chain {words(self.fullchain, self.folder)})"' if self.folder else quote(self.fullchain)

    def probe(self) -> str:
        return f"{super().probe()}\nhttps_fact {self._chain} {words(self._stamp.name, self.domain, str(self.port))}"

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        instead = re.search(r"^Served=(.+)$", fact, re.MULTILINE)
        if change is None and instead:
            fault = "serves no certificate" if instead[1] == "none" else f"serves an old certificate, valid until {day(instead[1])}"
            change = replace(self.reload(), summary=f"reload nginx, which {fault}")
        return change

    def before_loads(self) -> str:
        """Return the check of every service, unless the site is enabled and its certificate is missing: this run repairs that."""
        site = next(load.path for load in self.loads if isinstance(load, Link))
        return f"if [ -e {self._chain} ] || [ ! -L {quote(site)} ]; then\n{super().before_loads()}\nfi"

    def _reload_line(self) -> str:
        return f"{self.reload_command}\nhttps_serves {self._chain} {words(self.domain, str(self.port))}\n{self.check_site}".rstrip()


class HttpsRemoved(Resource):
    """No HTTPS for this app: the files that an earlier run with a domain wrote are deleted, and nginx is reloaded.

    files: nginx does not read the last one. It is deleted after the reload, so that an interrupted run is made again.
    """

    files: tuple[str, ...]

    def probe(self) -> str:
        return f"probe_existing {words(*self.files)}"

    def plan(self, fact: str) -> Change | None:
        if not fact.strip():
            return None
        *first, last = self.files
        shell = f"file_remove {words(*first)}\nnginx -t\nnginx_reload\nrm -f -- {quote(last)}"
        return Change("remove the HTTPS site, because the app has no domain or a load balancer handles TLS", shell)
