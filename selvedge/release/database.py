"""The app's database: which hosts share one, and which alembic revisions it has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from pydantic import SecretStr

from selvedge.config.dotenv import app_environment
from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.release.alembic import alembic_command
from selvedge.shell.library import call
from selvedge.value import Value

_NETWORK = re.compile(r"(postgres|postgresql|mysql|mariadb|mssql|oracle|cockroachdb|mongodb)[a-z0-9+_]*://.+", re.ASCII)
_USUAL = "alembic upgrade head"
"""Asked where `app.migrate` is empty now, but earlier releases have recorded revisions."""
READ_SECONDS = 30
NOT_CALLED = "app.migrate does not call alembic itself"


def network_databases(environment: Mapping[str, SecretStr]) -> frozenset[str]:
    """Return the addresses of databases among an environment's values. They are secret.

    Without any, the database is the host's own (SQLite, by a socket, or unknown), and each host migrates its own.
    """
    values = (value.get_secret_value() for value in environment.values())
    return frozenset(value for value in values if _NETWORK.fullmatch(value) and not _is_local(value))


def shared_databases(app: Target) -> frozenset[str]:
    """Return the addresses of the databases that a host shares with others. They are secret.

    The server that has the database of services.clients reaches it by a socket, and the others over the network.
    """
    own = app_environment(app)
    found = network_databases(own)
    here = app.database if app.database and app.database.here else None
    local = app.services.environment(app.name).get("DATABASE_URL")
    if not here or "DATABASE_URL" not in own or own["DATABASE_URL"].get_secret_value() != local:
        return found
    return found | {here.url(app.services, app.name, app.database_password).get_secret_value()}


def _is_local(address: str) -> bool:
    """Return whether an address has no host, or a path as its host: then it is a socket of the server itself."""
    start, _, query = address.partition("?")
    named = re.search(r"(?:^|&)host=([^&]*)", query)
    host = named[1] if named else start.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return not host or unquote(host).startswith("/")


class Database(Value):
    """The revisions of a database, compared with those that a release needs, by the migrations of one release.

    current: in the database. heads: the newest ones of the release that was asked. missing: needed, but not in the database.
    foreign: in the database, but that release does not have them. unknown: needed, but that release does not have them.
    between: what a downgrade takes back, as "0001 -> 0002, notes", the newest first. sql: the lines of its SQL.
    problem: why nothing could be read, "" if it could.
    """

    current: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    problem: str = ""

    @property
    def compared(self) -> bool:
        """Whether the release that was asked has all migrations in question, so that it could compare them."""
        return not (self.problem or self.foreign or self.unknown)

    @classmethod
    def parse(cls, output: str, status: int, needed: Sequence[str] = ()) -> Database:
        """Read the output of revisions.py. status: its exit status."""
        said: dict[str, list[str]] = {}
        other = ""
        for line in output.splitlines():
            mark, _, rest = line.partition(" ")
            word, _, text = rest.partition(" ")
            if mark == "@alembic":
                said.setdefault(word, []).append(text)
            else:
                other = line.strip() or other
        problem = said.get("error", [other or f"exit status {status}"])[-1]
        if status in (124, 137):
            problem = "alembic did not answer in time"
        lists = {key: tuple(dict.fromkeys(" ".join(texts).split())) for key, texts in said.items()}
        return cls(
            current=lists.get("current", ()),
            heads=lists.get("heads", ()),
            missing=lists.get("missing", ()),
            foreign=lists.get("foreign", ()),
            unknown=tuple(each for each in needed if each not in lists.get("known", ())),
            between=tuple(_shown(text) for text in said.get("between", ())),
            sql=tuple(said.get("sql", ())),
            problem=problem.rstrip(". ") if status or not ({"current", "sql"} & said.keys()) else "",
        )


def _shown(text: str) -> str:
    revision, older, *about = text.split(" ", 2)
    return ", ".join([f"{older.replace(',', ', ')} -> {revision}", *filter(None, about)])


def ask_alembic(session: Session, instance: str, verb: str, needed: Sequence[str] = ()) -> Database:
    """Ask alembic in a release's environment, as `app.migrate` calls it, about its database.

    verb: "read"; "sql" prints the SQL of the downgrade to the revisions `needed`, "downgrade" runs it. A downgrade runs to its end
    even if the connection is lost, but for at most `app.migrate_timeout` seconds. Raises UnreachableError if it is lost.
    """
    app = session.target
    command = alembic_command(app.migrate or _USUAL, verb, needed)
    if not command:
        return Database(problem=NOT_CALLED)
    seconds = app.migrate_timeout if verb == "downgrade" else READ_SECONDS
    result = session.run(call("alembic_run", command, app=app.name, base=app.paths.base, new=instance, seconds=seconds))
    if result.status == -1:
        raise session.lost("while alembic was running")
    return Database.parse(result.output, result.status, needed)
