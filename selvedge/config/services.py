"""`[services]`: a database and Redis on the app's server, and their addresses in the app's environment."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from selvedge.config.hosts import EntryName
from selvedge.config.section import Section
from selvedge.config.types import Switch, Text

TAKEN_NAMES = frozenset(("public", "none", "template0", "template1"))
"""Names that PostgreSQL keeps for itself, as roles or as databases (CREATE ROLE; Template Databases in its manual)."""

POSTGRES_FOLDER = "/run/postgresql"
"""The folder of PostgreSQL's socket in Debian and Ubuntu."""
REDIS_FOLDER = "/run/selvedge-redis"
"""The folder with a folder for each app, which has the socket of the app's Redis (templates/redis/unit.service.j2)."""


def _check_scheme(value: str) -> str:
    if re.fullmatch(r"postgres(\+.*)?", value):
        right = value.replace("postgres", "postgresql")
        raise ValueError(f'must be "{right}": SQLAlchemy 1.4 and later refuse the name "postgres"')
    if not re.fullmatch(r"postgresql(\+[a-z][a-z0-9_]{0,30})?", value, re.ASCII):
        raise ValueError('must be "postgresql", with a driver if a library needs one, as in "postgresql+asyncpg"')
    return value


DatabaseScheme = Annotated[Text, AfterValidator(_check_scheme)]


class Services(Section):
    """A PostgreSQL database and a Redis for the app, on its own server. `fab setup` and `fab deploy` install them.

    The app reaches both by sockets, without a password and without an open port. It finds their addresses in its variables
    `DATABASE_URL` and `REDIS_URL`, unless its own environment (`app.env_file`) has them. Other apps of the server cannot read
    them. If you turn a service off, it keeps running, and its data stay.

    With `clients`, other servers use the same database: over TLS, with the password `SELVEDGE_SERVICES__PASSWORD` from the
    environment or `.env`. The first run for the server in `hosts` creates it.
    """

    postgres: Switch = Field(
        False,
        description="Give the app a PostgreSQL database of its own: a role and a database with the app's name.",
        examples=[True],
    )
    redis: Switch = Field(
        False,
        description="Give the app a Redis of its own, or a Valkey where the distribution has it. Its data survive a restart.",
        examples=[True],
    )
    hosts: list[EntryName] = Field(
        default_factory=list,
        min_length=1,
        description="The servers that have the services. Each has its own data. You need it if servers are in a group together. "
        "Default: all servers of the app.",
        examples=[["server"]],
    )
    clients: Text = Field(
        "",
        description="The group of the servers that use the database of the one server in `hosts`, at its `private_address`. The "
        "firewall opens PostgreSQL's port to them alone. Default: no port is open.",
        examples=["web"],
    )
    database_scheme: DatabaseScheme = Field(
        "postgresql",
        description="The beginning of `DATABASE_URL`. SQLAlchemy takes the driver from it, as in `postgresql+asyncpg` and "
        "`postgresql+psycopg`.",
        examples=["postgresql+asyncpg"],
    )
    redis_scheme: Literal["unix", "redis+socket"] = Field(
        "unix",
        description="The beginning of `REDIS_URL`. Celery needs `redis+socket`; redis-py, RQ, arq and most others read `unix`.",
        examples=["redis+socket"],
    )

    @property
    def wanted(self) -> bool:
        """Whether the app has a service."""
        return self.postgres or self.redis

    def on(self, host: str) -> Services:
        """Return the services of a host: none if `hosts` does not name it."""
        if not self.hosts or host in self.hosts:
            return self
        return self.model_copy(update={"postgres": False, "redis": False})

    def environment(self, app: str) -> dict[str, str]:
        """Return the variables with the addresses of an app's services.

        The database's address has no host, so that every library takes the socket from `?host=`. It has the user, because
        asyncpg would take it from the variable USER, which is root under supervisor.
        """
        found = {}
        if self.postgres:
            found["DATABASE_URL"] = f"{self.database_scheme}://{app}@/{app}?host={POSTGRES_FOLDER}"
        if self.redis:
            found["REDIS_URL"] = f"{self.redis_scheme}://{redis_socket(app)}"
        return found

    def units(self, app: str) -> list[str]:
        """Return the systemd units of an app's services, which start before the app."""
        wanted = {"postgresql.service": self.postgres, f"selvedge-redis@{app}.service": self.redis}
        return [unit for unit, on in wanted.items() if on]


def redis_socket(app: str) -> str:
    """Return the path of the socket of an app's Redis."""
    return f"{REDIS_FOLDER}/{app}/redis.sock"
