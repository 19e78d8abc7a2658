"""The release that a rollback chooses."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations.rollback import _TAKEN, TakenBackup, backup_of, choose_release, next_copy
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


def taken(day: int, release: str, backup: str = "") -> str:
    return f"2026-01-{day:02}T12:00:00Z {release} {backup}"


TWO, THREE = [taken(2, NEW, "b2"), taken(2, NEW)], [taken(3, "cccccccccccc-333333", "b3"), taken(3, "cccccccccccc-333333")]


@pytest.mark.parametrize(("day", "facts", "backup", "lost"), [
    (1, [*TWO, *THREE], "b2", ""),
    (1, [taken(1, OLD, "b1"), taken(1, OLD), *THREE, *TWO], "b2", ""),
    (1, [*TWO, taken(2, f"{NEW}r1", "b2"), *THREE], "b2", ""),
    # It was live again after the second one: its data has changed since.
    (3, [*TWO, *THREE], "b3", ""),
    # The newer one is live no longer, and is chosen again.
    (4, [*TWO, *THREE], "", ""),
    # The record of the second one was removed.
    (1, [TWO[1], *THREE], "b3", NEW),
    (1, [], "", ""),
], ids=["first", "own", "copy", "live again", "newer", "removed", "none"])  # fmt: skip
def test_the_backup_with_the_data_of_a_release(day: int, facts: list[str], backup: str, lost: str) -> None:
    found, before = backup_of(record(OLD, "good", day), TakenBackup.parse("\n".join(facts)))
    assert (found.id if found else "", before) == (backup, lost)


def test_the_backups_on_a_server(tmp_path: Path) -> None:
    for release in (OLD, NEW):
        (tmp_path / "instances" / release).mkdir(parents=True)
    (tmp_path / f"instances/{NEW}/backup").write_text("1f2e3d4c\n")
    os.utime(tmp_path / f"instances/{NEW}/backup", (1769947200, 1769947200))
    lines = [f"2026-02-01T12:00:09Z\trun\tme\tdeploy\t{OLD}\t{NEW}\tgood", "2026-02-01T12:00:10Z\trun\tme\tdeploy\t-\t-\tno build"]
    (tmp_path / "history").write_text("\n".join([*lines, ""]))
    done = subprocess.run(["sh", "-c", _TAKEN], cwd=tmp_path, check=True, capture_output=True, text=True)
    backup, deploy = TakenBackup.parse(done.stdout)
    assert backup == TakenBackup("2026-02-01T12:00:00Z", NEW, "1f2e3d4c")
    assert deploy == TakenBackup("2026-02-01T12:00:09Z", NEW)
