"""`fab backup`, `fab backups`, `fab restore`: take backups, list them, restore them."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from selvedge.config.files import hosts_file_name
from selvedge.config.target import Target
from selvedge.engine.script import script
from selvedge.engine.session import Session
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.operations.support import backup_secrets
from selvedge.operations.support.each_host import on_each_host, only_host, raise_first_error
from selvedge.operations.support.marked import marked_lines
from selvedge.operations.support.question import accepted, can_ask
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import iso, when
from selvedge.report.text import Styled
from selvedge.resources.backups import check_backup
from selvedge.resources.base import Change, Resource
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.shell.quoting import ShellValue
from selvedge.ssh.payload import readable
from selvedge.task import Body, Step

TITLES = ("host", "backup", "when (UTC)", "why", "size")
WHY = {"restore": "before a restore", "migration": "before a migration"}
SCHEDULED = "by schedule"


class BackupCommand(Resource):
    """A command of the program of the backups has succeeded in this run.

    token: a word of this run, which the server has then. shell: runs the command. payload: a file on this machine for it.
    """

    app: Target
    token: str
    summary: str
    shell: str
    payload: Path | None = None
    noted: bool = False

    def probe(self) -> str:
        return call("backup_token", app=self.app.name)

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == self.token:
            return None
        return Change(self.summary, self.shell, payload=self.payload or b"", noted=self.noted)


def take(run: Run, setup: Body, *, rehearse: bool, download: str, yes: bool, flags: Mapping[str, Any]) -> None:
    """Set up the backups of each host, and take one; or rehearse a restore.

    setup: yields the resources of the backups. download: a file on this machine that gets the backup, too. yes: accept the host key
    of the backup host. Raises UsageError and ConfigError before anything is changed, SelvedgeError as `Run.chain`.
    """
    run = run.of_app(with_database=True)
    target = _download_target(run, download, rehearse=rehearse)
    _check_settings(run)
    backup_secrets.complete(run, yes=yes, dry=_changes_nothing(flags), script=bool(flags.get("script")))
    token = secrets.token_hex(8)

    def resources(app: Target) -> Iterator[Resource]:
        given = {"app": app.name, "token": token}
        if rehearse:
            yield BackupCommand(app, token, f"rehearse a restore of {app.name}", call("backup_rehearse", given=given))
        else:
            yield BackupCommand(app, token, f"take a backup of {app.name}", call("backup_take", "manual", given=given))

    run.chain([Step(setup, name="prepare"), Step(resources, name="backup")], flags)
    if target and not _changes_nothing(flags):
        _download(run, only_host(run, "backup --download"), target)


def _download_target(run: Run, download: str, *, rehearse: bool) -> Path | None:
    """Return the file to write. Raises UsageError."""
    if not download:
        return None
    if rehearse:
        raise UsageError("--download and --rehearse cannot be used together.", "Run `fab backup --download FILE` alone.")
    only_host(run, "backup --download")
    path = Path(download).expanduser()
    if path.exists():
        raise UsageError(f"{path} exists already, and is not overwritten.", "Give another name, or move the file away.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"The folder {path.absolute().parent} is missing.", f"Create it: `mkdir -p {path.absolute().parent}`.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"The folder {path.absolute().parent} is not writable for you.", "Give a file in another folder.")
    return path


def _check_settings(run: Run) -> None:
    """Raise ConfigError if a host has no backups."""
    for session in run.fleet.sessions:
        if not session.target.backup.to:
            problem = f"is not set for {session.name}, so it has no backups"
            remedy = 'Set it in the table [backup], for example `to = "sftp:backup@203.0.113.20:/srv/backups"`.'
            raise ConfigError(hosts_file_name(), "backup.to", problem, remedy)


def _changes_nothing(flags: Mapping[str, Any]) -> bool:
    return bool(flags.get("dry_run") or flags.get("script"))


def _download(run: Run, session: Session, path: Path) -> None:
    """Write the newest backup of a host to a file. Raises SelvedgeError."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    error = f"{session.name}: the backup could not be downloaded"
    dump = call("backup_dump", app=session.target.name)
    channel = session.remote.open_channel(script(dump, mark=session.mark), as_root=True)
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file, run.report.activity(session.name, "backup", f"writing {path}"):
            while data := channel.recv(1 << 18):
                file.write(data)
        if channel.recv_exit_status() != 0:
            said = channel.recv_stderr(1 << 14).decode(errors="replace").strip().splitlines()
            reason = said[-1].rstrip(".") if said else "the connection was lost"
            raise SelvedgeError(f"{error}: {reason}.", "Run the same command again.")
        part.rename(path)
    except OSError as caught:
        remedy = f"Check the disk of your machine: `df -h {path.absolute().parent}`."
        raise SelvedgeError(f"{error}: {caught.strerror}.", remedy) from caught
    finally:
        part.unlink(missing_ok=True)
    size = readable(path.stat().st_size)
    run.report.step(session.name, "backup", f"  wrote {path} ({size}), which is not encrypted: keep it where only you can read it")


def restore(
    run: Run, setup: Body, *, snapshot: str, file: str, live: bool, stopped: bool, yes: bool, flags: Mapping[str, Any]
) -> None:
    """Restore a backup beside the live data of a host; with `live`, in place of it.

    snapshot: the start of its id; "" for the newest one. file: a file of `fab backup --download` instead. stopped: you have stopped
    the app on the servers that use the host's database. yes: without a question.
    """
    session = only_host(run.of_app(with_database=True), "restore")
    if snapshot and not re.fullmatch(r"[0-9a-f]{1,64}", snapshot):
        raise UsageError(f"--snapshot: {snapshot} is not the id of a backup.", f"`fab -H {session.name} backups` lists them.")
    _check_settings(run)
    check_backup(session.target)
    payload = _payload(file, snapshot)
    if live and not stopped and not _changes_nothing(flags):
        _check_clients(session.target)
    if live and not yes and not _changes_nothing(flags):
        snapshot = _confirm(run, session, snapshot, file)
    token = secrets.token_hex(8)
    size = str(payload.stat().st_size) if payload else ""
    what = f"the file {file}" if file else f"the backup {snapshot[:8]}" if snapshot else "the newest backup"

    def resources(app: Target) -> Iterator[Resource]:
        values: dict[str, ShellValue] = {"token": token, "size": size}
        if live:
            values |= {**app.settle_values, "migrate": app.migrate, "migrate_timeout": app.migrate_timeout}
            shell = call("backup_live", snapshot, given={**app.shell_values, **values})
            yield BackupCommand(app, token, f"restore {what} in place of the data of {app.name}", shell, payload, noted=True)
        else:
            shell = call("backup_beside", snapshot, given={**app.shell_values, **values})
            yield BackupCommand(app, token, f"restore {what} into {app.paths.backup}/restored", shell, payload)

    run.chain([Step(setup, name="prepare"), Step(resources, name="restore")], flags)
    if live and _clients(session.target) and not _changes_nothing(flags):
        group = session.target.services.clients
        # A deploy of the commit that is live and runs has nothing to change, so it would not migrate the database.
        stop = f"Stop the app on {', '.join(_clients(session.target))}, if it is not stopped: `fab -H {group} stop`."
        run.report.line(f"{stop} Then migrate the database and start the app: `fab -H {group} deploy`.")


def _clients(app: Target) -> tuple[str, ...]:
    """Return the names of the other servers whose app uses the database on a host."""
    return tuple(name for name, _ in app.database.clients) if app.database and app.database.here else ()


def _check_clients(app: Target) -> None:
    """Raise UsageError if the app uses a host's database from other servers: a restore there cannot stop it."""
    if names := _clients(app):
        host, group = app.host.name, app.services.clients
        problem = f"The app on {', '.join(names)} uses the database on {host}, and a restore on {host} cannot stop it there."
        remedy = f"Stop it: `fab -H {group} stop`. Then run the same command with `--app-stopped`"
        remedy += f", and then `fab -H {group} deploy`."
        raise UsageError(problem, remedy)


def _payload(file: str, snapshot: str) -> Path | None:
    """Return the file to restore from. Raises UsageError."""
    if not file:
        return None
    if snapshot:
        raise UsageError("--from and --snapshot cannot be used together.", "Give one of them.")
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError(f"{path} is missing, or is not a file.", "Give a file of `fab backup --download FILE`.")
    return path


def _confirm(run: Run, session: Session, snapshot: str, file: str) -> str:
    """Ask before live data is replaced; return the id of the backup that was confirmed, "" if the server does not know it yet.

    Raises UsageError without a terminal, SelvedgeError if the answer is no, or if there is no such backup.
    """
    if not can_ask():
        problem = "`fab restore --live` replaces the app's data, and cannot ask, because this is not a terminal."
        raise UsageError(problem, "Add `--yes`.")
    app, host, what = session.target.name, session.name, file or snapshot or "the newest backup"
    chosen = None if file else _answer(session, call("backup_chosen", snapshot, app=app), "while looking for the backup")
    if chosen:
        snapshot, (_, short, at, why, size) = str(chosen["id"]), _row(host, chosen)
        what = f"the backup {short} ({at} UTC, {why}, {size})"
        if chosen["doubt"]:
            other = f"`fab -H {host} restore --live --snapshot ID` takes another one."
            run.report.line(Styled("Note: ", "yellow"), f"{chosen['doubt']}. {other}")
    with run.report.lent():
        names = ", ".join(_clients(session.target))
        stops = f"The app must be stopped on {names}." if names else "The app stops meanwhile."
        if not accepted(f"Replace the files and databases of {app} on {host} by {what}? {stops} [y/N] "):
            raise SelvedgeError("Nothing was restored.", "`fab restore` without --live restores beside the live data.")
    return snapshot


def backups(run: Run, *, as_json: bool = False) -> None:
    """Print the backups of each host, the newest last: a table, or one JSON document.

    Raises ConfigError without backup.to; SelvedgeError for the first host whose backups could not be listed, after the others.
    """
    run = run.of_app(with_database=True)
    _check_settings(run)
    found = on_each_host(run, _listed)
    if as_json:
        apps = {session.name: session.target.name for session in run.fleet.sessions}
        print_json(run.report, {name: _as_json(apps[name], each) for name, each in found.items()})
    else:
        rows = [_row(name, each) for name, listed in found.items() if not isinstance(listed, SelvedgeError) for each in listed]
        if rows:
            print_table(run.report, TITLES, rows, {}, secondary=("size", "host"))
        for name, listed in found.items():
            if not listed:
                run.report.line(f"{name}: there is no backup yet. Run `fab -H {name} backup`.")
    raise_first_error(run, found)


def _as_json(app: str, found: list[dict[str, Any]] | SelvedgeError) -> dict[str, Any]:
    if isinstance(found, SelvedgeError):
        return {"error": str(found)}
    return {"app": app, "backups": [{**each, "time": iso(str(each["time"]))} for each in found]}


def _listed(session: Session) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] | None = _answer(session, call("backup_list", app=session.target.name), "while listing the backups")
    if found is None:
        raise SelvedgeError(f"{session.name}: the backups are not set up on the server.", f"Run `fab -H {session.name} backup`.")
    return found


def _answer(session: Session, shell: str, doing: str) -> Any:
    """Return what the program of the backups answers, None if it is not on the server. Raises SelvedgeError."""
    result = session.run(shell)
    last = next(reversed(result.output.strip().splitlines()), "")
    if result.status == 0 and last.startswith(("[", "{")):
        return json.loads(last)
    if result.status == -1:
        raise session.lost(doing)
    if last == f"{session.mark} absent":
        return None
    said = dict(marked_lines(session, result.output))
    raise SelvedgeError(f"{session.name}: {said.get('error', last)}", said.get("remedy", ""))


def _row(host: str, backup: Mapping[str, Any]) -> list[str]:
    why = str(backup["why"])
    shown = WHY.get(why, SCHEDULED if why == "scheduled" else "by fab backup")
    size = readable(int(backup["bytes"])) if backup.get("bytes") else "-"
    return [host, str(backup["id"])[:8], when(iso(str(backup["time"])) or ""), shown, size]

