"""Users and passwords of a site (HTTP basic authentication)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words

if TYPE_CHECKING:
    from selvedge.config.target import Target

CHECKER = "selvedge"
"""The user with whom Selvedge itself asks whether the site answers."""
ROUNDS = 6
"""bcrypt's cost as a power of two. nginx computes the hash at every request, in the process that serves all others: 4 ms."""


class BasicAuth(Resource):
    """The file with a site's users and the hashes of their passwords, and the login for Selvedge's own requests to the site.

    path: readable by root and nginx. login: a file of options for curl, readable by root. users: names and passwords.
    """

    path: str
    login: str
    users: tuple[tuple[str, SecretStr], ...]

    @classmethod
    def of(cls, app: Target) -> BasicAuth:
        """Return the users of `nginx.basic_auth`. Raises ConfigError if a password is missing."""
        users = tuple((user, SecretStr(app.password(user))) for user in app.nginx.basic_auth)
        return cls(app.paths.htpasswd, app.paths.site_login, users)

    def paths(self) -> tuple[str, ...]:
        return self.path, self.login

    def owned(self) -> tuple[str, ...]:
        return self.path, self.login

    def probe(self) -> str:
        files = (f"probe_path {quote(path)}\ncat -- {quote(path)} 2>/dev/null || true" for path in (self.path, self.login))
        return "\nprintf '\\n--\\n'\n".join(files)

    def plan(self, fact: str) -> Change | None:
        import bcrypt

        hashed, login = [part.strip("\n").split("\n") for part in f"{fact}\n--\n".split("\n--\n")[:2]]
        own = login[1].removeprefix(f'user = "{CHECKER}:').removesuffix('"') if len(login) == 2 else ""
        wanted = {**{user: password.get_secret_value() for user, password in self.users}, CHECKER: own}
        found = dict(line.partition(":")[::2] for line in hashed[1:])
        modes = hashed[0] == "file 640 root www-data" and login[0] == "file 600 root root"
        if modes and own and found.keys() == wanted.keys() and all(_fits(wanted[user], found[user]) for user in wanted):
            return None
        wanted[CHECKER] = secrets.token_urlsafe(24)
        salted = ((user, bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()) for user, password in wanted.items())
        texts = "".join(f"{user}:{each}\n" for user, each in salted).encode(), f'user = "{CHECKER}:{wanted[CHECKER]}"\n'.encode()
        targets = words(self.path, "0640", "root", "www-data"), words(self.login, "0600", "root", "root")
        writes = (f"head -c {len(text)} <&3 | file_put {to} {len(text)}" for text, to in zip(texts, targets, strict=True))
        names = ", ".join(user for user, _ in self.users)
        return Change(f"set the passwords of {names} for the site", "\n".join(writes), payload=b"".join(texts))


def _fits(password: str, hashed: str) -> bool:
    import bcrypt

    try:
        return bcrypt.checkpw(password.encode(), hashed.encode())
    except ValueError:
        return False
