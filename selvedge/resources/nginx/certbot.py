"""The program certbot, and the timer that renews its certificates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selvedge.project.render import template
from selvedge.resources.base import Change, Resource
from selvedge.resources.code.python import ROOT
from selvedge.resources.code.tools import Tool
from selvedge.resources.files import Absent, File
from selvedge.resources.nginx.acme import dns_credentials
from selvedge.resources.nginx.own_certificate import certificates_only
from selvedge.resources.packages import Packages
from selvedge.resources.services import Service

if TYPE_CHECKING:
    from selvedge.config.target import Target

PROGRAMS = {"apt": "/usr/bin/certbot", "snap": "/snap/bin/certbot", "pip": f"{ROOT}/certbot/bin/certbot"}
"""The path of certbot, by the source that it is installed from."""
UNITS = {"apt": "certbot", "snap": "snap.certbot.renew", "pip": "selvedge-certbot"}
"""The name of the timer and of the service that it starts, by the same source."""


class CertbotSnap(Resource):
    """certbot from the snap store, which updates it automatically."""

    program: str = PROGRAMS["snap"]

    def probe(self) -> str:
        return f"if [ -x {self.program} ]; then echo there; fi"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "there":
            return None
        remedy = 'If snapd cannot run on the server, as in a container, set certbot = "apt" or "pip" under [tls] in hosts.toml.'
        return Change("install certbot from the snap store", "certbot_snap", remedy=remedy)


def certbot_client(app: Target) -> Iterator[Resource]:
    """Return certbot from the source `tls.certbot`, the authorities that it trusts, and its timer."""
    origin = app.tls.certbot
    unit = UNITS[origin]
    units: list[Resource] = []
    plugin = app.tls.dns_plugin if app.challenge == "dns" else ""
    if origin == "apt":
        yield Packages("certbot", *([f"python3-certbot-dns-{plugin}"] if plugin else []))
    elif origin == "snap":
        yield CertbotSnap()
    else:
        plugins = (f"certbot-dns-{plugin}",) if plugin else ()
        yield Tool("certbot", "certbot>=2", app.mirrors.pypi_url, plugins)
        service = template("certbot/certbot.service.j2", program=PROGRAMS[origin])
        units.append(File(f"/etc/systemd/system/{unit}.service", service))
        units.append(File(f"/etc/systemd/system/{unit}.timer", template("certbot/certbot.timer.j2")))
    if app.tls.acme_ca:
        yield File(app.paths.acme_ca, certificates_only(app.local_file(app.tls.acme_ca), "tls.acme_ca"))
        units.append(File(f"/etc/systemd/system/{unit}.service.d/selvedge.conf", template("certbot/trust.conf.j2")))
    else:
        yield Absent(app.paths.acme_ca)
    yield dns_credentials(app)
    yield from units
    yield Service(
        f"{unit}.timer",
        tuple(units),
        check="systemctl daemon-reload",
        reload_command=f"service_run restart {unit}.timer",
    )
