"""What the backups need on this machine: a password in `.env`, and the host key of the backup host in known_hosts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from pydantic import SecretStr

from selvedge.config.local_files import home_folder
from selvedge.config.secret_names import BACKUP_PASSWORD
from selvedge.engine.session import Session
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.operations.support.question import accepted, can_ask
from selvedge.release.new_password import create_password, refuse_tracked
from selvedge.report.text import Styled
from selvedge.resources.backups import check_backup, known_host_key
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.shell.quoting import quote
from selvedge.ssh import known_hosts
from selvedge.ssh.failures import ssh_command
from selvedge.ssh.host_keys import fingerprint, kind_of
from selvedge.ssh.known_hosts import HostKey


def complete(run: Run, *, yes: bool, dry: bool, script: bool) -> None:
    """Create the password if there is none, ask about an unknown host key, and check the rest.

    yes: accept the host key without a question. dry: write nothing; a missing password is then replaced for this run alone, and
    an unknown host key is only shown. script: standard output is a script, which must have the host key.
    Raises ConfigError, UsageError and SelvedgeError.
    """
    if not (run.fleet.sessions[0].target.passwords.get(BACKUP_PASSWORD) or SecretStr("")).get_secret_value():
        _create_password(run, dry=dry)
    asked: set[tuple[str, int]] = set()
    for session in run.fleet.sessions:
        place = session.target.backup.place
        known = place.kind != "sftp" or session.target.backup.host_key or known_host_key(session.target)
        if not known and (place.host, place.port) not in asked:
            _trust(run, session, yes=yes, dry=dry, script=script)
            asked.add((place.host, place.port))
        if not dry:
            check_backup(session.target)


def _create_password(run: Run, *, dry: bool) -> None:
    """Write a new password to `.env`, and use it in this run. Raises ConfigError if there is one already, or if git has `.env`."""
    path = run.settings.base_dir / ".env"
    refuse_tracked(path, "of the backups")
    _require_new(run)
    note = "Keep a copy elsewhere, too: without it, no one can read the backups."
    create_password(run.fleet, path, BACKUP_PASSWORD, note, dry=dry)


def _require_new(run: Run) -> None:
    """Raise ConfigError if a server has the password of its backups: a new one could not read those."""

    def has_one(session: Session) -> bool:
        place = f"{session.target.paths.backup}/password"
        return session.read([Ask(f"if [ -s {quote(place)} ]; then echo yes; fi")])[0].strip() == "yes"

    for session, there in zip(run.fleet.sessions, run.fleet.each(has_one), strict=True):
        if there:
            host, place = session.target.host, f"{session.target.paths.backup}/password"
            problem = f"is missing, but {session.name} has a password of its backups, which a new one could not read"
            # The last line of .env may have no end. In a dotenv file, \\ and \' are the escapes between single quotes.
            quoting = f"sed \"s/[\\\\']/\\\\\\\\&/g; s/.*/{BACKUP_PASSWORD}='&'/\""
            write = f"{{ echo; {ssh_command(host, session.remote.user or host.user)} sudo cat {place} | {quoting}; }}"
            remedy = f"Copy it from the server: `(umask 077; {write} >>.env)`."
            raise ConfigError("environment", BACKUP_PASSWORD, problem, remedy)


def _trust(run: Run, session: Session, *, yes: bool, dry: bool, script: bool) -> None:
    """Show the host keys that the backup host shows to the server, and store those that the user accepts in known_hosts.

    dry: only show them. Raises UsageError if no one can be asked, SelvedgeError if there is no key or the answer is no.
    """
    place = session.target.backup.place
    entry = known_hosts.entry_name(place.host, place.port or 22)
    if script or not (yes or dry or can_ask()):
        why = "it would be a part of the script" if script else "no one can be asked, because this is no terminal"
        problem = f"The host key of {place.host} is unknown, and {why}."
        remedy = "Run `fab backup` in a terminal, or set backup.host_key. `fab backup --yes` accepts any key without a check."
        raise UsageError(problem, remedy)
    output = session.run(call("backup_scan", place.host, str(place.port or 22))).output
    keys = list(dict.fromkeys(_keys(output)))
    if not keys:
        problem = f"{session.name}: the backup host {place.host} did not show a host key on port {place.port or 22}."
        raise SelvedgeError(problem, "Check backup.to in hosts.toml, and that the server can reach it.")
    run.report.line(Styled(entry, "bold"), f" shows these host keys to {session.name}:")
    for key in keys:
        run.report.line(f"    {kind_of(key):<8} {fingerprint(key)}")
    path = home_folder() / known_hosts.USER_FILE
    if dry:
        stored = "stores them" if yes else "asks whether they are those of your backup host, and stores them"
        run.report.line(f"    Not stored, because this is a dry run: `fab backup` {stored} in {path}.")
        return
    with run.report.lent():
        question = f"Are these the keys of your backup host? If you answer y, Selvedge stores them in {path}. [y/N] "
        if not yes and not accepted(question):
            raise SelvedgeError("The host keys were not accepted. Nothing was stored.", "Compare them on the backup host.")
    known_hosts.add(path, entry, keys)
    run.report.line("    ", Styled("✓", "green"), f" stored in {path}")


def _keys(output: str) -> Iterator[HostKey]:
    """Yield the keys in the output of ssh-keyscan."""
    for line in output.splitlines():
        parts = line.split()
        if len(parts) == 3 and not line.startswith("#"):
            try:
                yield HostKey(parts[1], base64.b64decode(parts[2], validate=True))
            except binascii.Error:
                continue
