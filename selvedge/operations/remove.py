"""`fab remove`: take an app off a server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import PurePosixPath

from selvedge.config.backup import Backup
from selvedge.config.metrics import Metrics
from selvedge.config.notify import Notify
from selvedge.config.processes import Process
from selvedge.config.server import Tls
from selvedge.config.services import Services
from selvedge.config.target import Release, Target
from selvedge.errors import SelvedgeError
from selvedge.release.managers import MANAGERS
from selvedge.resources.backups import deletable, folder_paths
from selvedge.resources.base import Change, Resource
from selvedge.resources.nginx.certbot import PROGRAMS
from selvedge.resources.restores import HALF, half_of, half_query, repair
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words
from selvedge.task import Step

REPOSITORY = "ssh://git@example.com/app.git"
"""A repository of the kind whose source makes all files for access to one (code/fetched.py)."""
DOMAINS = ((), ("example.com",))
BACKUP = Backup(to="/var/backups/apps", schedule="daily", rehearse="daily")
"""Backups of the kind that makes all timers."""
NOTIFY = Notify(from_servers=True)
PROCESSES = {"worker": Process.model_construct(command="true")}
RELEASE = Release(commit="0" * 40, carried="0" * 64)


def owned_paths(chain: Step, app: Target) -> tuple[str, ...]:
    """Return the paths that the resources of a chain make for this app alone, e.g. /etc/nginx/sites-available/hello.

    Left out are paths that an app with another name has, too, because all apps share them; paths in a folder of the list; and
    the paths of a step that fails for another name, because they may be shared.
    """
    own: set[str] = set()
    shared: set[str] = set()
    for variant in _variants(app):
        other = variant.model_copy(update={"name": f"{app.name}-2"})
        for step in chain.parts(variant):
            paths, others = _paths(step, variant), _paths(step, other)
            shared |= others or set()
            if paths is not None and others is not None:
                own |= paths
    own -= shared
    return tuple(sorted(path for path in own if not any(str(parent) in own for parent in PurePosixPath(path).parents)))


def _paths(step: Step, app: Target) -> set[str] | None:
    """Return the paths that a step's resources make; None if the step, which may be the user's own, fails with these settings."""
    try:
        return {path for resource in step.resources(app) for path in resource.owned()}
    except Exception:
        return None


def _variants(app: Target) -> Iterator[Target]:
    """Yield the app, and the app as it may have been: with each process manager, with and without a domain, with all services and a
    process, as a backend that also balances and whose metrics another server asks for.

    Except for the first, these name no file on this machine, so a missing file does not prevent the removal.
    """
    # The paths do not depend on the environment, and a password manager would ask for its password.
    own = app.model_copy(update={"release": RELEASE, "env_command": ""})
    yield own
    without_files = {"env_file": "", "tls": Tls(certbot=app.tls.certbot), "backup": BACKUP}
    services = Services(postgres=True, redis=True)
    more = {"services": services, "processes": PROCESSES, "notify": NOTIFY, "metrics": Metrics(enabled=True), "asked_by": ""}
    plain = own.model_copy(update={"repository": REPOSITORY, **without_files, **more})
    for manager, domains in itertools.product(MANAGERS, DOMAINS):
        yield plain.model_copy(update={"manager": manager, "domains": domains})
    balances = {"backends": {"web": "192.0.2.1:80"}, "balance_method": "least_conn", "balancers": (), "balancing": None}
    site = plain.model_copy(update={"domains": DOMAINS[1], **balances})
    backend = {"balancers": ("192.0.2.1",), "drains": True, "balancing": site, "backends": {}}
    yield plain.model_copy(update={**backend, "asked_by": "192.0.2.2"})


def _overlap(one: str, other: str) -> bool:
    """Return whether the paths are the same, or one of them is a folder that contains the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


class Removed(Resource):
    """The app is not on the server: no release, process, site or certificate. Packages and shared files stay.

    owned_by_app: the result of `owned_paths`. data: remove the app's data, logs, history and user, too.
    """

    app: Target
    owned_by_app: tuple[str, ...]
    data: bool

    def _places(self) -> tuple[str, ...]:
        """Return the paths to delete, the link to the live socket last. `remove_app` deletes the paths that nginx enables first."""
        paths = self.app.paths
        found = {paths.private if path.startswith(f"{paths.private}/") else path for path in self.owned_by_app}
        found -= {paths.site_enabled, f"{paths.site_enabled}-tls", paths.live_socket}
        if self.data:
            return (*sorted(found), paths.live_socket, paths.base, paths.logs, paths.redis_data)
        # `backup_delete` keeps what a restore has put beside the live data.
        kept = (paths.shared, paths.logs, paths.backup, f"{paths.base}/history")
        return (*sorted(path for path in found if not any(_overlap(path, each) for each in kept)), paths.live_socket)

    def probe(self) -> str:
        paths = self.app.paths
        backups = () if self.data else folder_paths(paths.backup)
        existing = f"probe_existing {words(paths.site_enabled, f'{paths.site_enabled}-tls', *backups, *self._places())}"
        certificate = call("remove_certificate", given=self.app.shell_values)
        renewal = f"if {{ {certificate}; }}; then echo /etc/letsencrypt/renewal/{self.app.name}.conf; fi"
        user = f"if getent passwd {quote(self.app.name)} >/dev/null; then echo 'user {self.app.name}'; fi" if self.data else ""
        half = "" if self.data else half_query(self.app.name)
        databases = ("postgres_has", "postgres_others") if self.data else ()
        database = "\n".join(call(each, app=self.app.name) for each in databases)
        return "\n".join(filter(None, [existing, half, renewal, user, database]))

    def plan(self, fact: str) -> Change | None:
        """Return the change.

        Raises SelvedgeError if a restore has replaced only a part of the data that stays, and for other databases of its role.
        """
        app, paths = self.app, self.app.paths
        found = [line for line in fact.split("\n") if line.strip()]
        if not self.data:
            if (chosen := half_of(fact)) is not None:
                raise SelvedgeError(f"{app.host.name}: {HALF}, so nothing was removed.", repair(app, chosen))
            found = deletable(paths.backup, found)
        elif others := [line.removeprefix("other ") for line in found if line.startswith("other ")]:
            raise _other_databases(app, others)
        if not found:
            return None
        own = {"its database": app.services.postgres, "the data of its Redis": app.services.redis}
        stays = [paths.shared, paths.logs, *(what for what, on in own.items() if on)]
        kept = "with its data and logs" if self.data else f"keep {', '.join(stays[:-1])} and {stays[-1]}"
        shell = call("remove_app", *self._places(), given=app.shell_values, certbot=PROGRAMS[app.tls.certbot], data=self.data)
        return Change(
            f"remove {app.name} from the server, {kept}",
            shell,
            diff="\n".join(f"-{path}" for path in found),
            noted=True,
        )


class TracesRemoved(Resource):
    """The server has no log of the app's steps, and no copies of its files (file_backup).

    It is the last resource of the step, because a later change would write the log again.
    """

    removed: Removed

    def _call(self, function: str) -> str:
        return call(function, *self.removed.owned_by_app, app=self.removed.app.name)

    def probe(self) -> str:
        return self._call("remove_traces")

    def plan(self, fact: str) -> Change | None:
        found = [line for line in fact.split("\n") if line.strip()]
        if not found:
            return None
        summary = f"remove the log of the steps of {self.removed.app.name}, and the copies of its files"
        return Change(summary, self._call("remove_traces_now"), diff="\n".join(f"-{path}" for path in found))


def _other_databases(app: Target, names: list[str]) -> SelvedgeError:
    """Return the error for databases of the app's role that have other names than the app."""
    noun = "the database" if len(names) == 1 else "the databases"
    problem = f"{app.host.name}: the app's role {app.name} owns {noun} {', '.join(names)}, too, so nothing was removed."
    name = names[0].replace('"', '""')
    alter = f'alter database "{name}" owner to postgres'
    change = f"sudo -u postgres psql -c {quote(alter)}"
    drop = f"sudo -u postgres dropdb {quote(names[0])}"
    return SelvedgeError(problem, f"Delete it on the server (`{drop}`), or give it to another role (`{change}`).")


class NoStrangers(Resource):
    """No process of the app's user runs beside those of its releases, if the app is about to be removed.

    Such a process would lose its files while it runs, and `userdel` would fail half-way.
    """

    removed: Removed

    def probe(self) -> str:
        strangers = call("remove_strangers", given=self.removed.app.shell_values)
        return f"{self.removed.probe()}\nprintf '\\n--- processes\\n'\n{strangers}"

    def plan(self, fact: str) -> Change | None:
        places, _, processes = fact.partition("\n--- processes\n")
        found = [line.partition(" ")[::2] for line in processes.splitlines() if line.strip()]
        if not found or self.removed.plan(places) is None:
            return None
        user = self.removed.app.name
        listing = ", ".join(f"{name} (pid {pid})" for pid, name in found[:10]) + (", …" if len(found) > 10 else "")
        problem = f"Other processes of the user {user} run on this server, so nothing was removed: {listing}."
        stop = " ".join(pid for pid, _ in found[:10])
        remedy = f"Stop them on the server: `sudo kill {stop}`, or wait for a job of cron. Then run the same command again."
        return Change.refused(f"check that only releases of {user} run as its user", problem, remedy=remedy)
