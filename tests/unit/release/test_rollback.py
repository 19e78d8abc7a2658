"""The release that a rollback chooses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations.rollback import choose_release, next_copy
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
