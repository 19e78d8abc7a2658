"""The release that a rollback chooses, and the database's revision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations.rollback import choose_release, next_copy
from selvedge.release import database
from tests.support.releases import NEW, OLD
from tests.unit.release.records import record, releases


def test_a_rollback_from_a_release_without_a_time() -> None:
    """A run that is killed after the switch leaves no time."""
    there = releases(NEW, record(OLD, "good", 1), record(NEW, "building"))
    assert choose_release("one", there).id == OLD


def test_a_rollback_never_chooses_a_bad_release() -> None:
    there = releases(OLD, record(OLD, "good", 1), record(NEW, "bad", 2))
    with pytest.raises(SelvedgeError, match="no good release to roll back to") as caught:
        choose_release("one", there)
    assert caught.value.remedy == "Run `fab -H one releases` to see all releases."


def test_the_newest_release_that_was_rolled_back_is_named() -> None:
    """After a rollback, and then `rollback --to` the newer release, the older one is "left"."""
    there = releases(NEW, record("cccccccccccc-333333", "left", 1), record(OLD, "left", 2), record(NEW, "good", 3))
    with pytest.raises(SelvedgeError, match="no good release to roll back to") as caught:
        choose_release("one", there)
    assert 'in the state "rolled back"' in caught.value.remedy
    assert f"`fab -H one rollback --to {OLD}`" in caught.value.remedy
    assert choose_release("one", there, OLD).id == OLD


@pytest.mark.parametrize(("answers", "keep", "says"), [
    ({"current": (0, "0001 (head)\n")}, False, ""),
    ({"current": (0, "")}, False, "is at no revision, but the release aaaaaaaaaaaa-111111 needs 0001: the database was downgraded"),
    ({"current": (255, "FAILED: Can't locate revision identified by '0002'"), "history": (0, "0001 -> 0002, notes")}, False,
     "is newer than the release aaaaaaaaaaaa-111111: it is at revision 0002, and that release needs 0001. The revisions between:\n"
     "    0001 -> 0002"),
    ({"current": (255, "no such file"), "history": (0, "0001 -> 0002, notes")}, False, "it is at revision 0002"),
    ({}, True, ""),
])  # fmt: skip
def test_a_rollback_compares_the_revision_of_the_database(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, str]], keep: bool, says: str
) -> None:
    asked = []

    def alembic(_: object, instance: str, command: str, *_rest: str) -> tuple[int, str]:
        asked.append((instance, command))
        return answers[command]

    class Session:
        name = "one"

    monkeypatch.setattr(database, "_alembic", alembic)
    to = record(OLD, "good", 1, heads="0001 ", database="0001 ")
    there = releases(NEW, to, record(NEW, "good", 2, heads="0002 ", database="0002 "))
    session: Any = Session()
    if says:
        with pytest.raises(SelvedgeError) as caught:
            database.check_rollback(session, there, to, keep=keep, downgrade=False)
        assert says in caught.value.message
    else:
        database.check_rollback(session, there, to, keep=keep, downgrade=False)
    assert asked == [(OLD if command == "current" else NEW, command) for command in answers]


@pytest.mark.parametrize(("live", "running", "copy"), [
    (NEW, (NEW,), f"{NEW}r1"),
    (f"{NEW}r1", (NEW, f"{NEW}r1"), f"{NEW}r2"),
    # Its copy drains, or still runs, after a rollback.
    (NEW, (NEW, f"{NEW}r1"), f"{NEW}r2"),
])  # fmt: skip
def test_a_restart_starts_a_copy_that_does_not_run(live: str, running: tuple[str, ...], copy: str) -> None:
    there = releases(live, record(live, "good", 1))
    assert next_copy(replace(there, running=running)) == copy
    assert next_copy(replace(there, draining=running)) == copy
