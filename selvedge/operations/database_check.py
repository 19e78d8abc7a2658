"""Before a rollback: compare the revisions of the database with those that the release needs, and downgrade it if asked to."""

from __future__ import annotations

from collections.abc import Sequence

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.support.marked import marked_lines
from selvedge.operations.support.question import accepted, can_ask
from selvedge.release.database import NOT_CALLED, Database, ask_alembic
from selvedge.release.record import Record, Releases
from selvedge.report.text import Styled
from selvedge.shell.library import call
from selvedge.value import Value


class Intent(Value):
    """What a rollback does with the database.

    keep: nothing, even if it is newer than the code. downgrade: take back the migrations that the release does not need.
    dry: only show it. quiet: print nothing, because standard output is a script.
    """

    keep: bool = False
    downgrade: bool = False
    dry: bool = False
    quiet: bool = False


def check_database(session: Session, releases: Releases, to: Record, intent: Intent) -> None:
    """Refuse a rollback to the release `to` that would leave the database newer, or older, than the code.

    If the revisions cannot be read, say so and go on. With `intent.downgrade`, show the downgrade and run it. Raises
    SelvedgeError with the revisions between, or if the downgrade fails.
    """
    live = releases.record(releases.live)
    at, needed = (live.database or live.heads).split() if live else [], to.heads.split()
    nothing_known = not at and not needed and not session.target.migrate
    if intent.keep or nothing_known or (at and set(at) == set(needed)):
        return
    if not needed:
        # The release was not recorded with its revisions: its own code says which are the newest.
        own = ask_alembic(session, to.id, "read")
        if own.problem:
            _note_unknown(session, to, own.problem, intent)
            return
        needed = list(own.heads) or ["base"]
    asked, found = _read(session, releases, to, needed)
    if found.problem and at:
        raise _newer_by_record(session, to, at, needed, found.problem)
    if not found.compared:
        names = " ".join(found.foreign or found.unknown)
        _note_unknown(session, to, found.problem or f"no release on the server has the migration {names}", intent)
    elif found.missing:
        raise _older(session, to, found, needed)
    elif found.between and not intent.downgrade:
        raise _newer(session, to, found, needed)
    elif found.between:
        _downgrade(session, asked, to, found, needed, intent)


def _read(session: Session, releases: Releases, to: Record, needed: Sequence[str]) -> tuple[str, Database]:
    """Return a release that has all migrations in question, and the database as it sees it.

    The live release is asked first. It may lack the newest migrations, or have other settings of the database.
    """
    asked: dict[str, Database] = {}
    for instance in (releases.live, to.id):
        asked[instance] = ask_alembic(session, instance, "read", _given(needed))
        if asked[instance].compared:
            return instance, asked[instance]
    foreign = {revision for each in asked.values() for revision in each.foreign}
    newest = [each.id for each in reversed(releases.records) if each.id not in asked and foreign & set(each.heads.split())]
    for instance in newest[:1]:
        asked[instance] = ask_alembic(session, instance, "read", _given(needed))
        if asked[instance].compared:
            return instance, asked[instance]
    return next(((name, each) for name, each in asked.items() if not each.problem), next(iter(asked.items())))


def _given(needed: Sequence[str]) -> list[str]:
    return [each for each in needed if each != "base"]


def _note_unknown(session: Session, to: Record, reason: str, intent: Intent) -> None:
    if not intent.quiet:
        session.report.line(
            Styled("Note: ", "yellow"),
            f"{session.name}: the database was not compared with the release {to.id}: {reason}. If a later release has changed "
            "the database, the older code may not work with it.",
        )


def _words(revisions: Sequence[str]) -> str:
    return " ".join(revisions) or "no revision"


def _choices(session: Session, to: Record) -> str:
    back = f"fab -H {session.name} rollback --to {to.id}"
    return (
        f"If the older code works with the newer database, run `{back} --keep-database`. To downgrade the database, use "
        "`--downgrade` instead: it shows the SQL, then runs the downgrade of each migration, which may delete data."
    )


def _newer(session: Session, to: Record, found: Database, needed: Sequence[str]) -> SelvedgeError:
    listed = "\n".join(f"    {line}" for line in found.between)
    return SelvedgeError(
        f"{session.name}: the database is newer than the release {to.id}: it is at revision {_words(found.current)}, and that "
        f"release needs {_words(_given(needed))}. The revisions between:\n{listed}",
        _choices(session, to),
    )


def _newer_by_record(session: Session, to: Record, at: Sequence[str], needed: Sequence[str], problem: str) -> SelvedgeError:
    why = "" if problem == NOT_CALLED else f"Correct the cause and run the same command again. {_choices(session, to)}"
    keep = f"If the older code works with this database, run `fab -H {session.name} rollback --to {to.id} --keep-database`."
    return SelvedgeError(
        f"{session.name}: the release {to.id} needs the revision {_words(_given(needed))} of the database. The live release was "
        f"recorded with {' '.join(at)}, and the database itself could not be asked: {problem}.",
        why or keep,
    )


def _older(session: Session, to: Record, found: Database, needed: Sequence[str]) -> SelvedgeError:
    return SelvedgeError(
        f"{session.name}: the database is at {_words(found.current)}, but the release {to.id} needs {_words(_given(needed))}: "
        f"{'it lacks ' + _words(found.missing) if found.between else 'the database was downgraded'}.",
        f"Run `fab -H {session.name} deploy --commit {to.id[:12]} --force` to migrate the database and release that commit, or add "
        "--keep-database to roll back without a migration.",
    )


def _downgrade(
    session: Session, instance: str, to: Record, found: Database, needed: Sequence[str], intent: Intent
) -> None:
    """Show the downgrade, ask, back up, run it with the migrations of a release (`instance`), and check the result."""
    report, goal = session.report, _words(_given(needed))
    shown = ask_alembic(session, instance, "sql", _given(needed))
    if not intent.quiet:
        report.step(session.name, "rollback", f"the downgrade of the database from {_words(found.current)} to {goal}:")
        for line in found.between if shown.problem else shown.sql:
            report.line(f"    {line}")
        if shown.problem:
            report.line(f"    These are the migrations. Alembic cannot show their SQL: {shown.problem}.")
    if intent.dry:
        return
    if can_ask() and not accepted(f"Downgrade the database of {session.name}? This may delete data. [y/N] "):
        raise SelvedgeError(
            f"{session.name}: you did not accept the downgrade. Nothing was changed.",
            f"To roll back the code only, run `fab -H {session.name} rollback --to {to.id} --keep-database`.",
        )
    if session.target.backup.before_migrate:
        _back_up(session)
    with report.activity(session.name, "rollback", "downgrading the database"):
        after = ask_alembic(session, instance, "downgrade", _given(needed))
    if after.problem or after.between or after.missing:
        left = after.problem or f"afterwards the database is at {_words(after.current)}, not at {goal}"
        raise SelvedgeError(
            f"{session.name}: the downgrade of the database failed: {left}.",
            "The live release keeps serving, but a part of the downgrade may have been made. "
            f"`fab -H {session.name} run --command \"alembic current\"` shows the revision. Correct the migration's downgrade() in "
            "a new release, then run the same command again.",
        )


def _back_up(session: Session) -> None:
    """Take a backup before a downgrade, as before a migration. Raises SelvedgeError if none was taken."""
    name = session.name
    with session.report.activity(name, "rollback", "taking a backup before the downgrade"):
        result = session.run(call("backup_answer", "take", "migration", app=session.target.name))
    lines = marked_lines(session, result.output)
    said = [text for word, text in lines if word == "say"]
    errors = {word: text.rstrip(". ") for word, text in lines if word in ("error", "remedy")}
    if not any(text.startswith("backup ") for text in said):
        if result.status == -1:
            raise session.lost("while taking the backup")
        absent = ("absent", "") in lines
        reason = errors.get("error") or ("backups are not set up on the server" if absent else "the program ended early")
        remedy = errors.get("remedy", f"Run `fab -H {name} backup`, then the same command again")
        problem = f"the backup before the downgrade failed (backup.before_migrate): {reason}. Nothing was changed."
        raise SelvedgeError(f"{name}: {problem}", f"{remedy}.")
    for text in (*said, *filter(None, [errors.get("error")])):
        session.report.step(name, "rollback", f"  {text}")
