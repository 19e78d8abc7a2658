"""A rollback compares the revisions of the database with those that the release needs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations import database_check
from selvedge.operations.database_check import Intent, check_database
from selvedge.release.database import NOT_CALLED, Database
from selvedge.release.record import Record
from selvedge.report import Report
from tests.support.releases import NEW, OLD
from tests.unit.release.records import record, releases

AT_2 = Database(current=("0002",), heads=("0002",), between=("0001 -> 0002, notes",))
SAME = Database(current=("0001",), heads=("0001",))
UNREACHABLE = Database(problem="connection refused")
Answers = dict[tuple[str, str], Database]


class Session:
    """A server whose alembic has these answers, by (release, verb)."""

    name, mark = "one", "@"

    def __init__(self, answers: Answers, migrate: str = "alembic upgrade head", backup: str | None = None) -> None:
        """backup: what a backup before a migration prints; None if there is none."""
        self.answers, self.asked = answers, list[tuple[str, str]]()
        self.output = io.StringIO()
        self.report = Report(self.output, terminal=False)
        before = SimpleNamespace(before_migrate=backup is not None)
        self.target = SimpleNamespace(migrate=migrate, name="hello", backup=before)
        self.backup = backup

    def run(self, shell: str) -> SimpleNamespace:
        assert "backup_answer take migration" in shell
        self.asked.append((self.name, "backup"))
        return SimpleNamespace(output=self.backup, status=0)

    @property
    def text(self) -> str:
        return self.output.getvalue()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Session]]:
    def ask(session: Session, instance: str, verb: str, _needed: object = ()) -> Database:
        session.asked.append((instance, verb))
        return session.answers[instance, verb]

    monkeypatch.setattr(database_check, "ask_alembic", ask)
    monkeypatch.setattr(database_check, "can_ask", lambda: False)
    yield Session


def check(session: Any, intent: Intent = Intent(), *, needs: str = "0001", at: str = "0002") -> str:  # noqa: B008
    """Return the error, "" without one."""
    to = record(OLD, "good", 1, heads=needs, database=needs)
    there = releases(NEW, to, record(NEW, "good", 2, heads=at, database=at))
    with contextlib.suppress(SelvedgeError):
        check_database(session, there, to, intent)
        return ""
    with pytest.raises(SelvedgeError) as caught:
        check_database(session, there, to, intent)
    return str(caught.value)


@pytest.mark.parametrize(("needs", "at", "intent", "migrate"), [
    ("0001", "0001", Intent(), "alembic upgrade head"),
    ("0001 0003", "0003 0001", Intent(), "alembic upgrade heads"),
    ("base", "base", Intent(), "alembic upgrade head"),
    ("0001", "0002", Intent(keep=True), "alembic upgrade head"),
    ("", "", Intent(), ""),
])  # fmt: skip
def test_alembic_is_not_asked_without_need(
    session: Callable[..., Session], needs: str, at: str, intent: Intent, migrate: str
) -> None:
    one = session({}, migrate)
    assert check(one, intent, needs=needs, at=at) == ""
    assert not one.asked and not one.text


def test_a_newer_database_stops_the_rollback_and_the_revisions_are_listed(session: Callable[..., Session]) -> None:
    one = session({(NEW, "read"): AT_2})
    said = check(one)
    assert f"is newer than the release {OLD}: it is at revision 0002, and that release needs 0001" in said
    assert "The revisions between:\n    0001 -> 0002, notes" in said and said.count("0001 ->") == 1
    assert f"`fab -H one rollback --to {OLD} --keep-database`" in said


def test_a_release_from_before_all_migrations_needs_no_revision(session: Callable[..., Session]) -> None:
    said = check(session({(NEW, "read"): AT_2}), needs="base")
    assert "that release needs no revision" in said


def test_a_database_that_is_older_stops_the_rollback(session: Callable[..., Session]) -> None:
    older = Database(current=(), heads=("0002",), missing=("0001",))
    said = check(session({(NEW, "read"): older}))
    assert f"is at no revision, but the release {OLD} needs 0001: the database was downgraded" in said
    assert f"deploy --commit {OLD[:12]} --force" in said


def test_a_database_that_was_brought_back_by_hand_fits(session: Callable[..., Session]) -> None:
    assert check(session({(NEW, "read"): SAME})) == ""


@pytest.mark.parametrize(("needs", "at"), [("", ""), ("0001", ""), ("", "0002")])
def test_a_revision_that_is_unknown_is_said_and_the_rollback_goes_on(
    session: Callable[..., Session], needs: str, at: str
) -> None:
    one = session({(NEW, "read"): UNREACHABLE, (OLD, "read"): UNREACHABLE})
    assert check(one, needs=needs, at=at) == ""
    assert one.text == (
        f"Note: one: the database was not compared with the release {OLD}: connection refused. If a later release has changed the "
        "database, the older code may not work with it.\n"
    )


def test_a_script_that_may_call_alembic_is_said(session: Callable[..., Session]) -> None:
    one = session({(OLD, "read"): Database(problem=NOT_CALLED)}, "./prestart.sh")
    assert check(one, needs="", at="") == ""
    assert "app.migrate does not call alembic itself. If a later release" in one.text
    quiet = session({(OLD, "read"): Database(problem=NOT_CALLED)}, "./prestart.sh")
    assert check(quiet, Intent(quiet=True, dry=True), needs="", at="") == "" and not quiet.text, "a script goes to a file"


def test_a_database_that_does_not_answer_stops_a_rollback_past_known_revisions(session: Callable[..., Session]) -> None:
    said = check(session({(NEW, "read"): UNREACHABLE, (OLD, "read"): UNREACHABLE}))
    assert f"the release {OLD} needs the revision 0001" in said and "recorded with 0002" in said
    assert "could not be asked: connection refused." in said and "--keep-database" in said


def test_a_release_without_a_record_is_asked_for_the_revisions_of_its_code(session: Callable[..., Session]) -> None:
    one = session({(NEW, "read"): AT_2, (OLD, "read"): Database(current=("0002",), heads=("0001",))})
    assert "is newer than" in check(one, needs="", at="0002")
    assert one.asked[:2] == [(OLD, "read"), (NEW, "read")]
    unknown = session({(OLD, "read"): UNREACHABLE})
    assert check(unknown, needs="", at="0002") == "" and "connection refused" in unknown.text


def test_a_live_release_with_a_wrong_address_of_the_database_can_be_rolled_back(session: Callable[..., Session]) -> None:
    assert check(session({(NEW, "read"): UNREACHABLE, (OLD, "read"): SAME})) == ""


def test_the_live_release_may_be_older_than_the_chosen_one(session: Callable[..., Session]) -> None:
    """After a rollback with a downgrade, `rollback --to` the newer release."""
    unknown, missing = Database(current=("0001",), unknown=("0002",)), Database(current=("0001",), missing=("0002",))
    said = check(session({(NEW, "read"): unknown, (OLD, "read"): missing}), needs="0002", at="0001")
    assert f"is at 0001, but the release {OLD} needs 0002: the database was downgraded" in said


def test_the_release_is_asked_that_has_all_migrations_of_the_database(session: Callable[..., Session]) -> None:
    """After `rollback --keep-database`, the live release does not have the newest one."""
    newest, other = "cccccccccccc-333333", Database(current=("0003",), foreign=("0003",))
    one: Any = session({(NEW, "read"): other, (OLD, "read"): other, (newest, "read"): AT_2})
    to = record(OLD, "good", 1, heads="0001")
    there = releases(NEW, to, record(NEW, "good", 2, heads="0002", database="0003"), record(newest, "left", 3, heads="0003"))
    with pytest.raises(SelvedgeError, match="is newer than"):
        check_database(one, there, to, Intent())
    assert one.asked == [(NEW, "read"), (OLD, "read"), (newest, "read")]


def test_a_revision_that_no_release_has_is_said(session: Callable[..., Session]) -> None:
    foreign = Database(current=("0009",), foreign=("0009",))
    one = session({(NEW, "read"): foreign, (OLD, "read"): foreign})
    assert check(one) == ""
    assert "no release on the server has the migration 0009" in one.text


SQL = Database(sql=("DROP TABLE notes;",))


def test_a_downgrade_is_shown_run_and_checked(session: Callable[..., Session]) -> None:
    one = session({(NEW, "read"): AT_2, (NEW, "sql"): SQL, (NEW, "downgrade"): SAME})
    assert check(one, Intent(downgrade=True)) == ""
    assert "the downgrade of the database from 0002 to 0001:\n    DROP TABLE notes;\n" in one.text
    assert [verb for _, verb in one.asked] == ["read", "sql", "downgrade"]


def test_a_downgrade_that_left_something_is_an_error(session: Callable[..., Session]) -> None:
    one = session({(NEW, "read"): AT_2, (NEW, "sql"): SQL, (NEW, "downgrade"): AT_2})
    assert "failed: afterwards the database is at 0002, not at 0001" in check(one, Intent(downgrade=True))
    broken = session({(NEW, "read"): AT_2, (NEW, "sql"): SQL, (NEW, "downgrade"): Database(problem="no such table: notes")})
    assert "the downgrade of the database failed: no such table: notes." in check(broken, Intent(downgrade=True))


def test_a_dry_run_shows_the_downgrade(session: Callable[..., Session]) -> None:
    one = session({(NEW, "read"): AT_2, (NEW, "sql"): SQL})
    assert check(one, Intent(downgrade=True, dry=True)) == ""
    assert "DROP TABLE notes" in one.text and (NEW, "downgrade") not in one.asked


@pytest.mark.parametrize(("backup", "error"), [
    ("@ wait reading\n@ say backup 1f2e3d4c: 1 file\n", ""),
    ("@ say backup 1f2e3d4c: 1 file\n@ error It lacks a file.\n", ""),
    ("@ error The disk is full.\n@ remedy Free some.\n", "The disk is full"),
    ("@ absent\n", "backups are not set up on the server"),
    ("Traceback\n", "the program ended early"),
], ids=["taken", "incomplete", "failed", "absent", "broken"])  # fmt: skip
def test_a_backup_comes_before_a_downgrade(session: Callable[..., Session], backup: str, error: str) -> None:
    one = session({(NEW, "read"): AT_2, (NEW, "sql"): SQL, (NEW, "downgrade"): SAME}, backup=backup)
    said = check(one, Intent(downgrade=True))
    verbs = [verb for _, verb in one.asked]
    if error:
        problem = f"the backup before the downgrade failed (backup.before_migrate): {error}. Nothing was changed."
        assert said.startswith(f"one: {problem}") and "downgrade" not in verbs
    else:
        assert said == "" and verbs == ["read", "sql", "backup", "downgrade"] and "backup 1f2e3d4c: 1 file" in one.text


def test_without_sql_the_migrations_are_listed(session: Callable[..., Session]) -> None:
    """Alembic cannot show the SQL of SQLite's batch mode."""
    one = session({(NEW, "read"): AT_2, (NEW, "sql"): Database(problem="it reads the table"), (NEW, "downgrade"): SAME})
    assert check(one, Intent(downgrade=True)) == ""
    assert "    0001 -> 0002, notes\n    These are the migrations. Alembic cannot show their SQL: it reads the table.\n" in one.text
    assert (NEW, "downgrade") in one.asked


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("yes", True), ("", False), ("n", False)])
def test_on_a_terminal_a_downgrade_is_asked_for(
    session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool
) -> None:
    monkeypatch.setattr(database_check, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    one = session({(NEW, "read"): AT_2, (NEW, "sql"): SQL, (NEW, "downgrade"): SAME})
    said = check(one, Intent(downgrade=True))
    assert ((NEW, "downgrade") in one.asked) is goes_on
    assert ("you did not accept the downgrade. Nothing was changed." in said) is not goes_on


def test_a_release_needs_no_more_than_the_database_has() -> None:
    parsed = Database.parse("hello\n@alembic current 2 1\n@alembic known 1\n@alembic between 2 1,0 The notes\n", 0, ["1", "9"])
    assert parsed == Database(current=("2", "1"), unknown=("9",), between=("1, 0 -> 2, The notes",))
    assert Record(OLD, "good").heads == ""
