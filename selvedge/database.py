"""The database behind a release: which hosts share one, and whether a rollback would leave it ahead of the code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr

from selvedge.errors import SelvedgeError
from selvedge.plan import HEAD
from selvedge.resources.live import Record, Standing
from selvedge.shell import assign, library, words

if TYPE_CHECKING:
    from selvedge.session import Session

_NETWORK = re.compile(r"(postgres|postgresql|mysql|mariadb|mssql|oracle|cockroachdb|mongodb)[a-z0-9+_]*://.+", re.ASCII)


def network_databases(environment: Mapping[str, SecretStr]) -> frozenset[str]:
    """The database addresses among an environment's values. Empty: the database is the host's own (SQLite, or unknown),
    and each host migrates its own. Secret."""
    values = (value.get_secret_value() for value in environment.values())
    return frozenset(value for value in values if _NETWORK.fullmatch(value))


def check_rollback(session: Session, standing: Standing, to: Record, *, keep: bool, downgrade: bool) -> None:
    """Refuse a rollback that would leave the database ahead of the code, unless one of the two flags is given; with
    `downgrade`, print the SQL, then take the database back by the live release's own migrations.

    Raises SelvedgeError with the revisions between, or where the downgrade fails.
    """
    live = standing.record(standing.live)
    if live is None or keep or not live.heads or not to.heads or live.heads.split() == to.heads.split():
        return
    ahead, behind = live.heads.split(), to.heads.split()
    if not downgrade:
        between = _alembic(session, standing.live, "history", "-r", f"{behind[0]}:{ahead[0]}")[1]
        listed = "\n".join(f"    {line}" for line in between.splitlines() if "->" in line)
        raise SelvedgeError(
            f"{session.name}: the database is ahead of {to.id}: it is at {' '.join(ahead)}, that release knows it at "
            f"{' '.join(behind)}. The revisions between:\n{listed}",
            "Go back with --keep-database where the older code works with the newer database, or with --downgrade, which "
            "prints the SQL and then runs `alembic downgrade`. Data may be lost by a downgrade.",
        )
    session.report.step(session.name, "rollback", f"the SQL of the downgrade from {ahead[0]} to {behind[0]}:")
    status, sql = _alembic(session, standing.live, "downgrade", f"{ahead[0]}:{behind[0]}", "--sql")
    if status != 0:
        raise SelvedgeError(
            f"{session.name}: alembic cannot say the SQL of the downgrade: {sql}", "Nothing was changed."
        )
    for line in sql.splitlines():
        session.report.line(f"    {line}")
    status, output = _alembic(session, standing.live, "downgrade", behind[0])
    if status != 0:
        raise SelvedgeError(f"{session.name}: alembic downgrade failed: {output}", "The live release still serves.")


def _alembic(session: Session, instance: str, *arguments: str) -> tuple[int, str]:
    """Run alembic in a release's environment; its exit status and output (of the SQL, without alembic's log lines)."""
    variables = assign(app=session.target.name, run=f"{session.target.paths.instances}/{instance}/run")
    call = f'as "$app" "$run" alembic {words(*arguments)} 2>&1 || status=$?'
    script = (
        f"{HEAD}{variables}\n{library('apply')}\nmain() {{\nstatus=0\n{call}\nreturn $status\n}}\nmain </dev/null\n"
    )
    result = session.remote.run(script)
    lines = [line for line in result.output.splitlines() if not line.startswith("INFO ")]
    return result.status, "\n".join(lines).strip()
