"""Metrics ([metrics]): the packages of Prometheus and its exporters, what they ask, and the removal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selvedge.config.balancer import SUFFIX, endpoint, private_address
from selvedge.config.metrics import METRICS_PORT
from selvedge.config.services import redis_socket
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.shell import library
from selvedge.shell.library import call
from selvedge.shell.quoting import words
from selvedge.shell.server.messages import checks

if TYPE_CHECKING:
    from selvedge.config.target import Target

METRICS_LOG = "/var/log/selvedge-metrics/requests.log"
"""nginx writes a line here for each request of an app with metrics. mtail counts them."""
FOLDER = "/etc/selvedge/metrics"
EXPORTERS = {"node": "prometheus-node-exporter", "nginx": "prometheus-nginx-exporter", "mtail": "mtail"}
METRICS_SERVICES = {"postgres": "prometheus-postgres-exporter", "redis": "prometheus-redis-exporter"}
PORTS = {"prometheus": 9090, "node": 9100, "nginx": 9113, "mtail": 3903, "postgres": 9187, "redis": 9121}
NAMED_BY = "__meta_named_by"
"""The label with the app that has named a server. Prometheus drops labels of this kind."""
PLACES = {"node": "/node", "nginx": "/nginx", "requests": "/requests"}
"""What nginx passes on to the exporters, by Prometheus's name for the job (templates/metrics/server.conf.j2)."""


def metrics_programs(app: Target) -> dict[str, str]:
    """Return the packages with a service of the same name, by their short names. Prometheus only where no other server asks."""
    found = {} if app.asked_by else {"prometheus": "prometheus"}
    found |= EXPORTERS
    return found | {name: package for name, package in METRICS_SERVICES.items() if getattr(app.services, name)}


def metrics_port(name: str) -> tuple[int, str]:
    """Return the port of a program, and the name of its process as the kernel cuts it."""
    return PORTS[name], {"prometheus": "prometheus", **EXPORTERS, **METRICS_SERVICES}[name][:15]


def alerts_program() -> str:
    """Return the text of the program that passes alerts on."""
    return (Path(library.__file__).parent / "server" / "alerts.py").read_text(encoding="utf-8")


def alert_limits() -> dict[str, float]:
    """Return the thresholds of the rules that messages from servers share, as the template of the rules names them."""
    return {"certificate_days": checks.DAYS_LEFT, "certificate_share": checks.SHARE_LEFT}


def metrics_targets(app: Target) -> str:
    """Return the places that Prometheus asks for an app and its servers, as JSON (file_sd_configs)."""
    groups = [_group(f"127.0.0.1:{PORTS['prometheus']}", "prometheus", app.host.name)]
    groups += _groups(app, "127.0.0.1")
    for other in app.asked.values():
        groups += _groups(other, private_address(other.host))
    for group in filter(_is_shared, groups):
        group["labels"][NAMED_BY] = app.name
    return _json(groups)


def _json(groups: list[dict[str, Any]]) -> str:
    return json.dumps(groups, indent=2) + "\n"


def _is_shared(group: dict[str, Any]) -> bool:
    """Return whether all apps of the server have the group: it is about the server."""
    return "app" not in group["labels"]


class MetricsTargets(File):
    """The places that Prometheus asks for an app. It asks a place once if the files of all apps have the same labels for it.

    Another project may have another name for the same server. The first app that names a server names it for the others.
    """

    def probe(self) -> str:
        return f"{super().probe()}\n{call('metrics_targets', self.path)}"

    def plan(self, fact: str) -> Change | None:
        own, *others = fact.split("\n--- targets ")
        return File(self.path, self._named(dict(each.partition("\n")[::2] for each in others))).plan(own)

    def _named(self, others: dict[str, str]) -> str:
        """Return the text with the names that other apps have given. others: the texts of their files.

        A name stays while a file has it, also after the app that has given it was removed.
        """
        app = self.path.rpartition("/")[2].removesuffix(".json")
        names: dict[str, tuple[bool, str, str]] = {}
        for other in sorted(others):
            for group in _parsed(others[other]):
                by, instance = (str(group["labels"].get(label, "")) for label in (NAMED_BY, "instance"))
                if by not in ("", app) and instance:
                    # The app that has given a name may have changed it since the other one was deployed.
                    found = (by != other, by, instance)
                    names[str(group["targets"])] = min(found, names.get(str(group["targets"]), found))
        groups = json.loads(self.text)
        for group in groups:
            if _is_shared(group) and (given := names.get(str(group["targets"]))):
                group["labels"] |= {NAMED_BY: given[1], "instance": given[2]}
        return _json(groups)


def _parsed(text: str) -> list[dict[str, Any]]:
    """Return the groups of a file, those without targets and labels left out."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    groups = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return [each for each in groups if isinstance(each.get("labels"), dict) and "targets" in each]


def _groups(app: Target, address: str) -> list[dict[str, Any]]:
    """Return what Prometheus asks a server, by the app's settings there."""
    host, place = app.host.name, endpoint(address, METRICS_PORT)
    groups = [_group(place, job, host, __metrics_path__=path) for job, path in PLACES.items()]
    if app.services.postgres:
        groups.append(_group(place, "postgres", host, __metrics_path__="/postgres"))
    if app.services.redis:
        socket = f"unix://{redis_socket(app.name)}"
        groups.append(_group(place, "redis", host, __metrics_path__="/redis", __param_target=socket, app=app.name))
    if app_has_metrics(app):
        groups.append(_group(place, "app", host, __metrics_path__=f"/app/{app.name}", app=app.name))
    return groups


def app_has_metrics(app: Target) -> bool:
    """Return whether Prometheus asks the app itself on this server."""
    return bool(app.metrics.path) and app.runs_here and not app.only_asks


def _group(place: str, job: str, host: str, **labels: str) -> dict[str, Any]:
    return {"targets": [place], "labels": {"job": job, "instance": host, **labels}}


class CollectScript(File):
    """The script that collects the metrics of an app. It has thousands of lines, which a diff does not show.

    written: the file that it writes.
    """

    written: str = ""

    def owned(self) -> tuple[str, ...]:
        return (self.path, self.written)

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        return change and replace(change, diff="")


class _Packages(Resource):
    names: tuple[str, ...]

    def probe(self) -> str:
        return call("metrics_fact", *self.names)


class MetricsFree(_Packages):
    """No package of the metrics was on the server before Selvedge: someone has set it up. The change only fails."""

    def plan(self, fact: str) -> Change | None:
        others = [line.split()[0] for line in fact.splitlines() if line.endswith(" other")]
        if not others:
            return None
        problem = f"This server has {', '.join(others)} already, which Selvedge did not install. Nothing was changed."
        remedy = (
            "Let it ask this server as it is, and set metrics.enabled = false. Or, if no one needs it, remove it on the server: "
            f"`sudo apt-get purge {' '.join(others)}`."
        )
        return Change.refused("check that Prometheus is not another program's", problem, remedy=remedy)


class MetricsInstalled(_Packages):
    """These packages are installed. Their settings are on the server before, so that none ever listens for other machines."""

    def plan(self, fact: str) -> Change | None:
        installed = {line.split()[0] for line in fact.splitlines()}
        missing = [name for name in self.names if name not in installed]
        if not missing:
            return None
        return Change(f"install {', '.join(missing)}", f"metrics_install {words(*missing)}")


class MetricsRole(Resource):
    """PostgreSQL's exporter has a role that may read statistics (pg_monitor), and no data."""

    def probe(self) -> str:
        return "metrics_role_fact"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "role":
            return None
        return Change("let PostgreSQL's exporter read statistics", "metrics_role")


def _files(app: Target) -> tuple[str, ...]:
    """Return the files of a site with metrics. Those of nginx have only lines for them (metrics_has_lines)."""
    return (
        f"{FOLDER}/apps/{app.name}.sh",
        f"{FOLDER}/targets/{app.name}.json",
        f"/var/lib/selvedge/metrics/{app.name}.prom",
        f"/etc/nginx/selvedge/metrics/{app.name}.conf",
        app.paths.metrics_format,
        *(f"/etc/systemd/system/{package}.service.d/60-{app.name}.conf" for package in METRICS_SERVICES.values()),
        f"/etc/nginx/snippets/{app.name}.conf",
        app.paths.site,
        app.location_file,
    )


class MetricsRemoved(Resource):
    """The app has no metrics on the server; nor has the server, if no other app there has any."""

    app: Target

    def _own(self) -> tuple[str, ...]:
        """Return the files of the app and of the balancer's site. A server may have been a balancer before, or a backend."""
        name = self.app.name.removesuffix(SUFFIX)
        sites = [self.app.model_copy(update={"name": each}) for each in (name, f"{name}{SUFFIX}")]
        return tuple(path for site in sites for path in _files(site))

    def probe(self) -> str:
        own = call("metrics_own", *self._own())
        others = call("metrics_others", app=self.app.name)
        return f"{own}\necho --- others\n{others}\necho --- server\nmetrics_paths"

    def plan(self, fact: str) -> Change | None:
        own, _, rest = fact.partition("--- others\n")
        others, _, server = rest.partition("--- server\n")
        names = others.split()
        found = [*own.splitlines(), *([] if names else server.splitlines())]
        if not found:
            return None
        kept = f", but keep those of the server for {', '.join(names)}" if names else " and of the server"
        shell = call("metrics_remove", *self._own(), app=self.app.name)
        return Change(f"remove the metrics of {self.app.name}{kept}", shell, diff="\n".join(f"-{path}" for path in found))
