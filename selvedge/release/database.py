"""The app's database: which hosts share one, and whether a rollback would leave it newer than the code."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import SecretStr

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.release.record import Record, Releases
from selvedge.shell.library import call

_NETWORK = re.compile(r"(postgres|postgresql|mysql|mariadb|mssql|oracle|cockroachdb|mongodb)[a-z0-9+_]*://.+", re.ASCII)
_REVISION = re.compile(r"^(\w+)(?: \(.*\))?$", re.ASCII | re.MULTILINE)
_UNKNOWN = re.compile(r"Can't locate revision identified by '([^']+)'")


def network_databases(environment: Mapping[str, SecretStr]) -> frozenset[str]:
    """Return the addresses of databases among an environment's values. They are secret.

    Without any, the database is the host's own (SQLite, or unknown), and each host migrates its own.
    """
    values = (value.get_secret_value() for value in environment.values())
    return frozenset(value for value in values if _NETWORK.fullmatch(value))


def check_rollback(session: Session, releases: Releases, to: Record, *, keep: bool, downgrade: bool) -> None:
    """Refuse a rollback to the release `to` that would leave the database newer than the code.

    keep: allow it. downgrade: print the SQL, then downgrade the database with the migrations of the live release. Raises
    SelvedgeError with the revisions between, or if the downgrade fails.
    """
    live = releases.record(releases.live)
    at, needed = (live.database or live.heads).split() if live else [], to.heads.split()
    if keep or not at or not needed or at == needed:
        return
    status, output = _alembic(session, to.id, "current")
    if status == 0:
        _check_same(session, to, _REVISION.findall(output))
        return
    at = _UNKNOWN.findall(output) or at
    # Only the release that migrated the database to this revision has all the migrations.
    newest = next((each.id for each in reversed(releases.records) if at[0] in each.heads.split()), releases.live)
    if not downgrade:
        between = _alembic(session, newest, "history", "-r", f"{needed[0]}:{at[0]}")[1]
        listed = "\n".join(f"    {line}" for line in between.splitlines() if "->" in line)
        raise SelvedgeError(
            f"{session.name}: the database is newer than the release {to.id}: it is at revision {' '.join(at)}, and that release "
            f"needs {' '.join(needed)}. The revisions between:\n{listed}",
            f"If the older code works with the newer database, run `fab -H {session.name} rollback --to {to.id} --keep-database`. "
            "To downgrade the database, use `--downgrade` instead: it prints the SQL, then runs `alembic downgrade`, which may "
            "delete data.",
        )
    _downgrade(session, newest, to.id, at[0], needed[0])


def _downgrade(session: Session, newest: str, to: str, at: str, needed: str) -> None:
    """Downgrade from revision `at` to `needed`, for a rollback to the release `to`. Both commands run with `newest`."""
    session.report.step(session.name, "rollback", f"the SQL of the downgrade from {at} to {needed}:")
    status, sql = _alembic(session, newest, "downgrade", f"{at}:{needed}", "--sql")
    if status != 0:
        raise SelvedgeError(
            f"{session.name}: alembic could not print the SQL of the downgrade: {sql}",
            "Nothing was changed. Correct the migration's downgrade(). Or roll back the code only: "
            f"`fab -H {session.name} rollback --to {to} --keep-database`.",
        )
    for line in sql.splitlines():
        session.report.line(f"    {line}")
    status, output = _alembic(session, newest, "downgrade", needed)
    if status == -1:
        raise session.lost("during the downgrade of the database")
    if status != 0:
        raise SelvedgeError(
            f"{session.name}: `alembic downgrade` failed: {output}",
            "The live release keeps serving. Correct the migration, then run the same command again.",
        )


def _check_same(session: Session, to: Record, at: list[str]) -> None:
    """Refuse the rollback if the database is not at the revisions that the release `to` needs: someone has downgraded it."""
    if set(at) == set(to.heads.split()):
        return
    raise SelvedgeError(
        f"{session.name}: the database is at {' '.join(at) or 'no revision'}, but the release {to.id} needs {to.heads.strip()}: "
        "the database was downgraded.",
        f"Run `fab -H {session.name} deploy --commit {to.id[:12]} --force` to migrate the database and release that commit, or add "
        "--keep-database to roll back without a migration.",
    )


def _alembic(session: Session, instance: str, *arguments: str) -> tuple[int, str]:
    """Run alembic in a release's environment; return its exit status (-1: the connection was lost) and output, without log lines.

    It runs to its end even if the connection is lost, but for at most `app.migrate_timeout` seconds.
    """
    app = session.target
    run = f"{app.paths.instances}/{instance}/run"
    result = session.run(call("alembic_run", *arguments, app=app.name, run=run, seconds=app.migrate_timeout))
    lines = [line for line in result.output.splitlines() if not line.startswith("INFO ")]
    return result.status, "\n".join(lines).strip()
