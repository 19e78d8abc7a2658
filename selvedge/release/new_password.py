"""Passwords that Selvedge makes itself: they are written to `.env` beside hosts.toml."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from selvedge.config.env_file import set_variable
from selvedge.config.files import display_name
from selvedge.config.secret_names import SERVICES_PASSWORD
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.report.text import Styled
from selvedge.resources.base import Ask
from selvedge.resources.code.git import git
from selvedge.resources.code.tracked import tracked_warning
from selvedge.shell.library import call
from selvedge.task import Step

BYTES = 32
"""Random bytes of a new password."""


def refuse_tracked(path: Path, what: str) -> None:
    """Raise ConfigError if git has the file. what: the password that would be written to it, such as "of the backups"."""
    if path.exists() and (warning := tracked_warning(path)):
        raise ConfigError(str(path), "", f"the password {what} was not written: {warning[0]}", warning[1])


def create_password(fleet: Fleet, path: Path, variable: str, note: str, *, dry: bool) -> None:
    """Write a new password to the dotenv file `path`, and use it in this run.

    note: a sentence for the user. dry: do not write it.
    """
    password = secrets.token_urlsafe(BYTES)
    if not dry:
        set_variable(path, variable, password)
        path.chmod(0o600)
        fleet.report.line(f"{display_name(path)}: {variable} is new. {note}")
        if not _is_ignored(path):
            ignore = f"add {path.name} to .gitignore, so that the password is in no repository."
            fleet.report.line(Styled("Note: ", "yellow"), ignore)
    for session in fleet.sessions:
        passwords = {**session.target.passwords, variable: SecretStr(password)}
        session.target = session.target.model_copy(update={"passwords": passwords})


def complete_database_password(fleet: Fleet, steps: Mapping[str, Sequence[Step]], *, dry: bool) -> None:
    """Create the password of the shared database if there is none. Only a run for the server that has the database does so.

    Raises ConfigError if the database has one already: a new one would lock out the servers that use it.
    """
    servers = [each for each in fleet.sessions if _needs_password(each, steps[each.name])]
    if not servers:
        return
    path = servers[0].target.base_dir / ".env"
    refuse_tracked(path, "of the database")
    for session, there in zip(servers, fleet.each(_has_password, servers), strict=True):
        if there:
            problem = f"is missing, but PostgreSQL on {session.name} has a password for the other servers"
            remedy = f"Copy it from the .env of whoever set up {session.name}. To give all servers a new one, write it to .env: "
            remedy += f"`echo \"{SERVICES_PASSWORD}=$(openssl rand -hex 32)\" >>.env`."
            raise ConfigError("environment", SERVICES_PASSWORD, problem, remedy)
    note = "The servers of services.clients log in to the database with it. Whoever deploys needs the same line."
    create_password(fleet, path, SERVICES_PASSWORD, note, dry=dry)


def _needs_password(session: Session, steps: Sequence[Step]) -> bool:
    app = session.target
    missing = not (app.passwords.get(SERVICES_PASSWORD) or SecretStr("")).get_secret_value()
    return bool(missing and app.database and app.database.here and any(step.name == "postgres" for step in steps))


def _has_password(session: Session) -> bool:
    return bool(session.read([Ask(call("postgresnet_has_password", app=session.target.name))])[0].strip())


def _is_ignored(path: Path) -> bool:
    """Return whether git ignores a file; True outside of a repository."""
    try:
        return git(path.resolve().parent, "check-ignore", "-q", "--", path.name).returncode != 1
    except SelvedgeError:
        return True
