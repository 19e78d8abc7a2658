"""The database that several servers use ([services] clients), as each of them sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pydantic import SecretStr

from selvedge.config.balancer import endpoint, private_address
from selvedge.config.hosts import Host
from selvedge.config.secret_names import SERVICES_PASSWORD
from selvedge.config.services import Services
from selvedge.errors import ConfigError
from selvedge.value import Value

POSTGRES_PORT = 5432
SHORTEST = 16
"""Characters of the password."""


class SharedDatabase(Value):
    """PostgreSQL on one server for several.

    host: the name of the server that has it. address: where the others reach it. here: the settings are those of this server.
    clients: the names of the other servers, with their addresses. app_here: the server also runs the app.
    """

    host: str
    address: str
    here: bool
    clients: tuple[tuple[str, str], ...]
    app_here: bool

    @property
    def endpoint(self) -> str:
        """The address and the port."""
        return endpoint(self.address, POSTGRES_PORT)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the other servers."""
        return tuple(address for _, address in self.clients)

    def url(self, services: Services, app: str, password: str) -> SecretStr:
        """Return the address of an app's database for the other servers."""
        return SecretStr(f"{services.database_scheme}://{app}:{quote(password, safe='')}@{self.endpoint}/{app}")


def shared_database(
    services: Services, hosts: Mapping[str, Host], groups: Mapping[str, Sequence[str]], name: str
) -> SharedDatabase | None:
    """Return the database that a host shares with others; None if it has no part in one."""
    server = next(iter(services.hosts), "")
    members = list(dict.fromkeys(groups.get(services.clients, ())))
    if not (services.postgres and services.clients and server in hosts and name in (server, *members)):
        return None
    clients = tuple((each, private_address(hosts[each])) for each in members if each in hosts and each != server)
    return SharedDatabase(server, private_address(hosts[server]), name == server, clients, server in members)


def checked_password(passwords: Mapping[str, SecretStr], host: str) -> str:
    """Return the password of the database. host: the server that has it. Raises ConfigError if it is missing or not suitable."""
    found = passwords.get(SERVICES_PASSWORD)
    text = found.get_secret_value() if found else ""
    if not text:
        problem = f"the password of the database on {host} is missing (services.clients)"
        remedy = f"Run `fab -H {host} setup` first, which writes a new one to .env. If someone else has set up {host}, use theirs."
        raise ConfigError("environment", SERVICES_PASSWORD, problem, remedy)
    if len(text) < SHORTEST or not (text.isascii() and text.isprintable()) or " " in text:
        problem = f"must have at least {SHORTEST} characters: letters, digits and signs of ASCII without spaces"
        raise ConfigError("environment", SERVICES_PASSWORD, problem, f"Delete it: `fab -H {host} setup` creates one.")
    return text
