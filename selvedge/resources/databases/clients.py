"""PostgreSQL over the network: a server that lets other servers in, and the certificate by which they know it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

from selvedge.config.secret_names import SERVICES_PASSWORD
from selvedge.paths import Paths
from selvedge.resources.base import Change, Resource, sections
from selvedge.resources.databases.postgres import DROP_IN
from selvedge.resources.files import diff
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, with_input
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target

ITERATIONS = 4096
"""PostgreSQL's own number (scram_iterations)."""
HBA = "/etc/postgresql/VERSION/main/pg_hba.conf"
BLOCK = "# selvedge: the servers that use the database"
"""The beginning of the line before those of an app in pg_hba.conf (postgresnet.sh)."""
REJECTED = "# selvedge: a restore of {app} is not finished"
"""The end of the line by which a restore rejects an app (postgresnet.sh, server/backup/network.py)."""
CLIENT_NAME = "60-selvedge-{app}.conf"
POSTGRES_CERTIFICATE = "/etc/selvedge/postgres/server.pem"
POSTGRES_KEY = "/etc/selvedge/postgres/server.key"
"""These two are the same for all apps of a server, and are named in postgresnet.sh, too."""


def scram_secret(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return what PostgreSQL stores of a password (RFC 5803), from which no one can get the password back."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client, server = (hmac.digest(salted, text, "sha256") for text in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    parts = [base64.b64encode(each).decode() for each in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def _password(app: Target) -> SecretStr:
    """Return the password of the app's role. The preconditions report a missing one; `fab remove` needs none."""
    return app.passwords.get(SERVICES_PASSWORD, SecretStr(""))


class NetworkFacts(Value):
    """What `postgresnet_fact` prints. conf, hba, network: the texts on the server, "" without any.

    stranger: PostgreSQL was here before Selvedge. certified: there is a certificate for the address. closed: a restore was
    cut before PostgreSQL let the other servers in. password: iterations, salt,
    and the hash of what PostgreSQL stores of the role's password; "" without a password.
    """

    conf: str
    hba: str
    network: str
    stranger: bool
    certified: bool
    closed: bool
    password: str

    @classmethod
    def parse(cls, fact: str) -> NetworkFacts:
        """Read the output of `postgresnet_fact`."""
        found = sections(fact)
        texts = {name: found.get(name, "") for name in ("conf", "hba", "network")}
        state = found.get("state", "").split()
        stranger, certified, closed = (name in state for name in ("stranger", "certificate", "closed"))
        password = found.get("password", "")
        return cls(**texts, stranger=stranger, certified=certified, closed=closed, password=password)

    def has_password(self, password: str) -> bool:
        """Return whether the role has this password."""
        words = self.password.split()
        if len(words) != 3 or not words[0].isdigit():
            return False
        try:
            secret = scram_secret(password, base64.b64decode(words[1], validate=True), int(words[0]))
        except binascii.Error:
            return False
        return hmac.compare_digest(hashlib.sha256(secret.encode()).hexdigest(), words[2])


class PostgresClients(Resource):
    """PostgreSQL listens at an address, and lets the app's role in from these servers, over TLS and with a password.

    address: "" if no other server uses the database; then nothing listens for this app. clients: their addresses. text: the
    settings. network: the text of a drop-in for PostgreSQL's unit.
    """

    app: str
    address: str = ""
    clients: tuple[str, ...] = ()
    text: str = ""
    network: str = ""
    password: SecretStr = SecretStr("")

    @classmethod
    def of(cls, app: Target, text: str, network: str) -> PostgresClients:
        """Return it for the server that has the database of the others."""
        database = app.database
        if not database:
            return cls(app.name)
        return cls(app.name, database.address, database.addresses, text, network, _password(app))

    def probe(self) -> str:
        if self.address:
            return call("postgresnet_fact", self.address, app=self.app, base=Paths(self.app).base)
        # Most apps have no clients, so their reading needs no functions for them.
        files = [f"/etc/postgresql/*/*/{name}" for name in (f"conf.d/{CLIENT_NAME.format(app=self.app)}", "pg_hba.conf")]
        lines = f"-e {quote(f'^{BLOCK} {self.app}$')} -e {quote(REJECTED.format(app=self.app) + '$')}"
        return f"cat {files[0]} 2>/dev/null || :\ngrep -hs {lines} {files[1]} || :"

    def plan(self, fact: str) -> Change | None:
        if not self.address:
            shown = "\n".join(f"-{line}" for line in fact.splitlines() if line)
            summary = f"close PostgreSQL to the other servers of {self.app}"
            return Change(summary, call("postgresnet_off", app=self.app, base=Paths(self.app).base), diff=shown) if shown else None
        facts = NetworkFacts.parse(fact)
        if facts.stranger:
            problem = "PostgreSQL was on this server before Selvedge, so its settings stay as they are."
            remedy = "Delete services.clients, open it to the other servers by hand, and set DATABASE_URL in app.env_file."
            return Change.refused("check whose PostgreSQL this is", problem, remedy=remedy)
        return self._let_in(facts)

    def _let_in(self, facts: NetworkFacts) -> Change | None:
        hba = self._hba()
        secret = b"" if facts.has_password(self.password.get_secret_value()) else self._set_password()
        wanted = {
            "make its certificate": not facts.certified,
            f"listen at {self.address}": (facts.conf, facts.network) != (self.text, self.network),
            f"let in {', '.join(self.clients)}": facts.hba != hba or facts.closed,
            f"set the password of the role {self.app}": bool(secret),
        }
        if not any(wanted.values()):
            return None
        shell = [
            call("postgresnet_certificate", self.address),
            with_input(call("postgresnet_unit"), self.network),
            with_input(call("postgresnet_access", app=self.app, base=Paths(self.app).base), hba),
            *([call("postgresnet_password", str(len(secret)))] if secret else []),
            with_input(call("postgresnet_listen", app=self.app), self.text),
            *([call("restoring_opened", base=Paths(self.app).base)] if facts.closed else []),
        ]
        summary = f"open PostgreSQL to other servers: {'; '.join(each for each, on in wanted.items() if on)}"
        return Change(summary, "\n".join(shell), diff=self._diff(facts, self.text, hba), payload=secret)

    def _hba(self) -> str:
        hosts = [f"{each}/{128 if ':' in each else 32}" for each in self.clients]
        return "".join(f'hostssl "{self.app}" "{self.app}" {host} scram-sha-256\n' for host in hosts)

    def _set_password(self) -> bytes:
        """Return SQL that gives the role the password, without the password."""
        secret = scram_secret(self.password.get_secret_value(), secrets.token_bytes(16))
        return f"alter role \"{self.app}\" password '{secret}';\n".encode()

    def _diff(self, facts: NetworkFacts, conf: str, hba: str) -> str:
        settings = DROP_IN.replace("50-selvedge.conf", CLIENT_NAME.format(app=self.app))
        files = [(settings, facts.conf, conf), (HBA, facts.hba, hba)]
        return "\n".join(diff(path, before, after) for path, before, after in files if before != after)


class DatabaseCertificate(Resource):
    """The certificate of the database on another server, in a file that the app reads.

    The server proves that the certificate is its own by the password, which both know: SCRAM with channel binding (RFC 5802,
    RFC 5929). host: the server's name. password: that of the app's role.
    """

    path: str
    host: str
    address: str
    app: str
    password: SecretStr

    @classmethod
    def of(cls, app: Target) -> DatabaseCertificate:
        """Return it for a server that uses the database of another one."""
        database = app.remote_database
        host, address = (database.host, database.address) if database else ("", "")
        return cls(app.paths.database_certificate, host, address, app.name, _password(app))

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return call("postgresnet_certificates", self.path, self.address)

    def plan(self, fact: str) -> Change | None:
        """Return the change. fact: the fingerprints of the certificate here and of the one that the server shows, a line each."""
        here, shown = [*fact.split("\n"), "", ""][:2]
        if here and shown in ("", here):
            return None
        escaped = [re.sub(r"([:\\])", r"\\\1", each) for each in (self.address, self.password.get_secret_value())]
        login = f"{escaped[0]}:*:{self.app}:{self.app}:{escaped[1]}\n".encode()
        shell = call("postgresnet_trust", self.path, self.host, self.address, str(len(login)), app=self.app)
        verb = "replace" if here else "store"
        return Change(f"{verb} the certificate of PostgreSQL on {self.host}", shell, payload=login)
