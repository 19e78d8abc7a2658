"""The backups of an app: their program on the server, its settings, its secrets, and its timers."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config import private_keys
from selvedge.config.files import hosts_file_name
from selvedge.config.local_files import LocalFileError, read_text
from selvedge.config.secret_names import BACKUP_PASSWORD, S3_ACCESS_KEY, S3_SECRET_KEY
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.resources.restores import HALF, HALF_MARK, chosen_flag, half_of, half_query, repair
from selvedge.shell import library
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words
from selvedge.ssh import known_hosts

if TYPE_CHECKING:
    from selvedge.config.target import Target

_SOURCE = Path(library.__file__).parent / "server" / "backup"
_CONTENT = ("cache", "credentials", "key", "known_hosts", "password", "program", "settings.json", "state")
_KEPT = ("replaced", "restored/kept")
"""Data of the app in the folder: what a restore has replaced, and what a user has restored beside the live data."""
UNITS = ("backup", "rehearsal")
"""The ends of the names of an app's units: selvedge-NAME-backup.service, …"""


@functools.cache
def backup_program() -> Mapping[str, str]:
    """Return the program: the text of each file, by its path in the program's folder."""
    files = {path.name if path.name == "__main__.py" else f"backup/{path.name}": path for path in sorted(_SOURCE.glob("*.py"))}
    return {name: path.read_text(encoding="utf-8") for name, path in files.items()}


def backup_settings(app: Target) -> str:
    """Return the settings of the program, as JSON. They have no secret."""
    place, backup = app.backup.place, app.backup
    found = {
        "app": app.name,
        "host_name": app.host.name,
        "repository": app.backup_repository,
        "kind": place.kind,
        "user": place.user,
        "host": place.host,
        "port": place.port,
        "region": backup.region,
        "files": backup.files,
        "exclude": backup.exclude,
        "keep": backup.keeps,
        "before_migrate": backup.before_migrate,
        "repair": repair(app),
    }
    return json.dumps(found, indent=2) + "\n"


def backup_secrets(app: Target) -> Iterator[Resource]:
    """Yield the files that the program logs in with, and those that restic decrypts with.

    `check_backup` reports what is missing. Without it, a file is empty: `fab remove` needs no secret.
    """
    folder, place = app.paths.backup, app.backup.place
    yield File(f"{folder}/password", f"{_secret(app, BACKUP_PASSWORD)}\n", "0600", secret=True)
    if place.kind == "s3":
        text = f"{_secret(app, S3_ACCESS_KEY)}\n{_secret(app, S3_SECRET_KEY)}\n"
        yield File(f"{folder}/credentials", text, "0600", secret=True)
    if place.kind == "sftp":
        try:
            key = read_text(app.local_file(app.backup.key))
        except LocalFileError:
            key = ""
        yield File(f"{folder}/key", key if key.endswith("\n") else f"{key}\n", "0600", secret=True)
        known = known_host_key(app)
        if known and not app.backup.host_key:
            yield File(f"{folder}/known_hosts", known, "0600")
        else:
            yield PinnedHostKey(f"{folder}/known_hosts", place.host, place.port or 22, app.backup.host_key)


def _secret(app: Target, variable: str) -> str:
    found = app.passwords.get(variable)
    return found.get_secret_value().strip() if found else ""


def known_host_key(app: Target) -> str:
    """Return the lines of this machine's known_hosts for the backup host, "" if it does not know the host."""
    place = app.backup.place
    return known_hosts.lines_for(known_hosts.machine_files(), known_hosts.entry_name(place.host, place.port or 22))


def check_backup(app: Target) -> None:
    """Check the secrets of the backups on this machine. Raises ConfigError."""
    if not app.backup.to:
        return
    in_dotenv = "Add it to .env beside hosts.toml, which git must not have"
    wanted = [S3_ACCESS_KEY, S3_SECRET_KEY] if app.backup.place.kind == "s3" else []
    for variable in wanted:
        if not _secret(app, variable):
            raise ConfigError("environment", variable, "is missing (backup.to)", f"{in_dotenv}: `{variable}=…`.")
    password = _secret(app, BACKUP_PASSWORD)
    if not password:
        remedy = f"Run `fab -H {app.host.name} backup`, which writes a new one to .env. If there are backups already, use theirs."
        raise ConfigError("environment", BACKUP_PASSWORD, "the password of the backups is missing (backup.to)", remedy)
    if "\n" in password or len(password) < 12:
        problem = "must be one line of at least 12 characters, because it is all that protects the backups"
        raise ConfigError("environment", BACKUP_PASSWORD, problem, "Let `fab backup` create one: delete the variable.")
    if app.backup.place.kind == "sftp":
        _check_key(app)
        if not app.backup.host_key and not known_host_key(app):
            place = app.backup.place
            problem = f"the host key of {place.host} is unknown: no known_hosts file on this machine has it"
            remedy = f"Run `fab -H {app.host.name} backup` in a terminal, which shows the key and asks. Or set backup.host_key."
            raise ConfigError(hosts_file_name(), "backup.to", problem, remedy)


def _check_key(app: Target) -> None:
    """Check that backup.key is a private key without a passphrase. Raises ConfigError."""
    path = app.local_file(app.backup.key)
    create = f"`ssh-keygen -t ed25519 -N '' -f {quote(str(path))}`"
    try:
        text = read_text(path)
    except LocalFileError as error:
        raise ConfigError(hosts_file_name(), "backup.key", f"{path} {error}", error.remedy or f"Create it: {create}.") from error
    if not private_keys.is_pem(text):
        remedy = f"Name one, or create it: {create}."
        if path.suffix == ".pub":  # ssh-keygen would overwrite it with a new private key
            remedy = f'Name the private half: key = "{app.backup.key.removesuffix(".pub")}".'
        raise ConfigError(hosts_file_name(), "backup.key", f"{path} is not a private key", remedy)
    command = ["ssh-keygen", "-y", "-P", "", "-f", str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace")
        if "UNPROTECTED" in said:
            remedy = f"Run `chmod 600 {quote(str(path))}`."
            raise ConfigError(hosts_file_name(), "backup.key", f"other users can read {path}", remedy)
        problem = f"{path} has a passphrase, which no one can type when the server takes a backup"
        raise ConfigError(hosts_file_name(), "backup.key", problem, f"Create a key for the backups alone: {create}.")


class PinnedHostKey(Resource):
    """The host key with this fingerprint, in the known_hosts file `path`, taken from the backup host itself."""

    path: str
    host: str
    port: int
    fingerprint: str

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"ssh-keygen -l -F {quote(known_hosts.entry_name(self.host, self.port))} -f {quote(self.path)} 2>/dev/null || true"

    def plan(self, fact: str) -> Change | None:
        if self.fingerprint and self.fingerprint in fact.split():
            return None
        remedy = "Compare the fingerprints. If the host was reinstalled, correct backup.host_key in hosts.toml."
        shell = f"backup_pin {words(self.host, str(self.port), self.fingerprint, self.path)}"
        return Change(f"store the host key of {self.host} for the backups", shell, remedy=remedy)


class NoTimers(Resource):
    """These units of an app's backups do not exist. folder: a folder that is removed with them, "" for none.

    Data of the app that a restore has put there beside the live data stays.
    """

    app: str
    names: tuple[str, ...] = UNITS
    folder: str = ""

    def _units(self) -> tuple[str, ...]:
        return tuple(f"selvedge-{self.app}-{name}" for name in self.names)

    def probe(self) -> str:
        paths = (f"/etc/systemd/system/{unit}.{kind}" for unit in self._units() for kind in ("timer", "service"))
        existing = f"probe_existing {words(*paths, *(folder_paths(self.folder) if self.folder else ()))}"
        return f"{existing}\n{half_query(self.app)}" if self.folder else existing

    def plan(self, fact: str) -> Change | None:
        """Return the change. Raises SelvedgeError if a restore has replaced only a part of the data: it needs the folder."""
        found = [line for line in fact.splitlines() if line.strip()]
        if (chosen := half_of(fact)) is not None:
            problem = f"{self.app}: {HALF}, so its backups cannot be removed (backup.to)."
            repaired = f"If the data is right: `sudo rm {self.folder}/{HALF_MARK}` on the server."
            again = f"Set backup.to again, and run the same `fab restore --live{chosen_flag(chosen)}`."
            raise SelvedgeError(problem, f"{again} {repaired}")
        if self.folder:
            found = deletable(self.folder, found)
        if not found:
            return None
        shell = call("backup_remove", self.folder, *self._units())
        return Change(f"remove {', '.join(found)}", shell, diff="\n".join(f"-{path}" for path in found))


def folder_paths(folder: str) -> tuple[str, ...]:
    """Return the paths that `deletable` needs to know of the folder of an app's backups."""
    return (folder, *(f"{folder}/{name}" for name in (*_CONTENT, *_KEPT)))


def deletable(folder: str, found: Sequence[str]) -> list[str]:
    """Return the paths to delete: without data of the app that a restore has put into the folder beside the live data.

    found: those of `folder_paths` that exist, and others.
    """
    own = {f"{folder}/{name}" for name in _KEPT if f"{folder}/{name}" in found}
    inside = {f"{folder}/{name}" for name in _CONTENT}
    return [path for path in found if (path in inside if own else path == folder) or not f"{path}/".startswith(f"{folder}/")]
