"""PostgreSQL: the distribution's packages, their cluster's settings, and a role and a database for each app."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.resources.databases.sized import sized
from selvedge.resources.files import diff
from selvedge.shell.library import call
from selvedge.shell.quoting import with_input
from selvedge.value import Value

PORT = "5432"
"""The port in the name of the socket that the apps use."""
DROP_IN = "/etc/postgresql/VERSION/main/conf.d/50-selvedge.conf"
"""The settings' path, before PostgreSQL's version is known."""


class Cluster(Value):
    """A cluster of Debian's postgresql-common: a server with its own data, settings and port."""

    version: str
    name: str
    port: str

    def __str__(self) -> str:
        return f"{self.version}/{self.name}"


class PostgresFacts(Value):
    """What `postgres_fact` prints about a server and an app.

    memory: in kB. servers: the installed versions. ours: Selvedge has installed PostgreSQL, so its settings apply. login: the
    app's user can log in to the app's database. role: whether the app's role may log in, and whether it has rights beyond its own
    database; None without a role. database: whether all roles may connect to it, and its owner; None without a database.
    restart: settings that need a restart. silent: why PostgreSQL does not answer. text: Selvedge's settings, "" without any.
    """

    memory: int
    clusters: tuple[Cluster, ...]
    servers: tuple[str, ...]
    ours: bool
    login: bool
    role: tuple[bool, bool] | None
    database: tuple[bool, str] | None
    restart: tuple[str, ...]
    silent: str
    text: str

    @classmethod
    def parse(cls, fact: str) -> PostgresFacts:
        """Read the output of `postgres_fact`."""
        head, _, text = fact.partition("\n--- file\n")
        found: dict[str, list[list[str]]] = {}
        for line in head.splitlines():
            word, *rest = line.split(" ")
            found.setdefault(word, []).append(rest)
        role, database = (next(iter(found.get(word, [])), []) for word in ("role", "database"))
        return cls(
            memory=int(next(iter(found.get("memory", [])), ["0"])[0]),
            clusters=tuple(Cluster(*each) for each in found.get("cluster", [])),
            servers=tuple(each[0] for each in found.get("server", [])),
            ours="ours" in found,
            login="login" in found,
            role=(role[0] == "t", role[1] == "t") if role else None,
            database=(database[0] == "t", " ".join(database[1:])) if database else None,
            restart=tuple(each[0] for each in found.get("restart", [])),
            silent=" ".join(next(iter(found.get("silent", [])), [])),
            text=text,
        )

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that the apps use."""
        return next((each for each in self.clusters if each.port == PORT), None)


class _Postgres(Resource):
    """A part of PostgreSQL for an app. All parts have the same probe, which runs once."""

    app: str

    def probe(self) -> str:
        return call("postgres_fact", app=self.app)

    def plan(self, fact: str) -> Change | None:
        return self.planned(PostgresFacts.parse(fact))

    def planned(self, facts: PostgresFacts) -> Change | None:
        raise NotImplementedError


class PostgresInstalled(_Postgres):
    """The server has PostgreSQL, with a cluster that the apps can use. Clusters of two versions need a person's decision."""

    def planned(self, facts: PostgresFacts) -> Change | None:
        clusters = facts.clusters
        if len({each.version for each in clusters}) > 1:
            return _two_versions(clusters)
        if not clusters and facts.servers:
            problem = f"PostgreSQL {facts.servers[-1]} is installed on this server, but has no cluster."
            remedy = f"Create one: `sudo pg_createcluster {facts.servers[-1]} main --start`. Then run the same command again."
            return Change.refused("check PostgreSQL's cluster", problem, remedy=remedy)
        if not clusters:
            return Change("install postgresql", call("postgres_install"))
        if not facts.cluster:
            problem = f"No PostgreSQL of this server has the port {PORT}, which its apps use: {_listed(clusters)}."
            remedy = f"Set `port = {PORT}` in its postgresql.conf and restart it, or name another database in app.env_file."
            return Change.refused("check PostgreSQL's port", problem, remedy=remedy)
        return None


def _listed(clusters: tuple[Cluster, ...]) -> str:
    return " and ".join(f"{each} (port {each.port})" for each in clusters)


def _two_versions(clusters: tuple[Cluster, ...]) -> Change:
    """Return the refusal of two major versions, with Debian's commands for the upgrade (README.Debian of postgresql-common)."""
    old, *_, new = sorted(clusters, key=lambda each: float(each.version) if each.version.replace(".", "").isdigit() else 0)
    problem = f"This server has PostgreSQL in two versions: {_listed(clusters)}. Selvedge does not move data between versions."
    remedy = (
        f"If {new} is the empty one that an upgrade of the distribution has made, make a backup, then move the data on the server: "
        f"`sudo pg_dropcluster {new.version} {new.name} --stop && sudo pg_upgradecluster {old.version} {old.name} && "
        f"sudo pg_dropcluster {old.version} {old.name}`. "
        "To keep both, set services.postgres = false, and DATABASE_URL in app.env_file."
    )
    return Change.refused("check PostgreSQL's version", problem, remedy=remedy)


class PostgresSettings(_Postgres):
    """PostgreSQL runs, without a TCP port, and uses a share of the server's memory: a file in its folder conf.d.

    A PostgreSQL that was on the server before keeps its own settings. The amounts follow PostgreSQL's manual (19.4, Resource
    Consumption: shared_buffers of up to 25 % of the memory of a server that runs nothing else; effective_cache_size: what the
    kernel and PostgreSQL keep of files). It is not asked to use more, because the apps run on the same server.
    PostgreSQL restarts only if it has a setting that needs it.
    """

    text: str

    def planned(self, facts: PostgresFacts) -> Change | None:
        start = Change(f"start PostgreSQL {facts.cluster}", call("postgres_start")) if facts.silent else None
        if facts.clusters and not facts.ours:
            return start
        text = sized(self.text, facts.memory, facts.text)
        if text != facts.text:
            cluster = facts.cluster
            path = DROP_IN if cluster is None else DROP_IN.replace("VERSION/main", str(cluster))
            verb = "write" if facts.text else "create"
            return Change(f"{verb} {path}", with_input("postgres_settings", text), diff=diff(path, facts.text, text))
        if facts.restart:
            return Change(f"restart PostgreSQL for {', '.join(facts.restart)}", call("postgres_load"))
        return start

    def unchanged(self, fact: str) -> str:
        facts = PostgresFacts.parse(fact)
        return "" if facts.ours else f"PostgreSQL {facts.cluster} was here before, so its settings stay as they are"


class PostgresDatabase(_Postgres):
    """The app has a role and a database with its name. Its user logs in without a password; other roles cannot connect."""

    def planned(self, facts: PostgresFacts) -> Change | None:
        app = self.app
        if facts.silent and facts.clusters:
            return None  # The settings' change starts it. Then it is asked again.
        if facts.role and facts.role[1]:
            problem = f"The role {app} exists in PostgreSQL with rights beyond its own database, and the app must not have them."
            remedy = (
                f"`sudo -u postgres psql -c '\\du \"{app}\"'` shows them. Take them away, for example with `ALTER ROLE \"{app}\" "
                "NOSUPERUSER NOCREATEROLE`, or choose another app.name."
            )
            return Change.refused(f"check the role {app} of PostgreSQL", problem, remedy=remedy)
        if facts.database and facts.database[1] != app:
            problem = f"The database {app} exists in PostgreSQL and belongs to {facts.database[1]}: it may be another program's."
            remedy = (
                f"If it is this app's, give it to it: `sudo -u postgres psql -c 'ALTER DATABASE \"{app}\" OWNER TO \"{app}\"'` "
                "(and its tables: `REASSIGN OWNED`). Else choose another app.name."
            )
            return Change.refused(f"check the database {app} of PostgreSQL", problem, remedy=remedy)
        missing = [what for what, found in (("role", facts.role), ("database", facts.database)) if found is None]
        if missing:
            return Change(f"create PostgreSQL's {' and '.join(missing)} {app}", call("postgres_create", app=app))
        if not facts.login or (facts.role and not facts.role[0]):
            return Change(f"let the user {app} log in to its database", call("postgres_create", app=app))
        if facts.database and facts.database[0]:
            return Change(f"let no other role connect to the database {app}", call("postgres_create", app=app))
        return None
