"""Whether a commit is released that was rolled back from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.release.live import Live
from selvedge.release.record import Releases
from tests.support.releases import NEW, NEWER, OLD
from tests.unit.release.records import record, releases


@pytest.mark.parametrize(("there", "refused"), [
    (releases(OLD, record(OLD, "good", 1), record(NEW, "left", 2)), True),
    # With a good one of the same commit that is older: the commit was rolled back from all the same.
    (releases(OLD, record(OLD, "good", 1), record(NEWER, "good", 2), record(NEW, "left", 3)), True),
    # Released once more by force.
    (releases(OLD, record(OLD, "good", 1), record(NEW, "left", 2), record(NEWER, "good", 3)), False),
    (releases(NEWER, record(NEW, "left", 2), record(NEWER, "good", 1)), False),
    # Refused, or brought back from since another server has refused it: try again.
    (releases(OLD, record(OLD, "good", 1), record(NEW, "bad", 2)), False),
])  # fmt: skip
def test_a_commit_that_was_rolled_back_from_is_refused_whatever_its_settings(
    target: Callable[..., Target], there: Releases, refused: bool
) -> None:
    other = "bbbbbbbbbbbb-444444"
    fact = f"live {there.live}\ncurrent {there.current}\nlistening yes\nboots yes\n" + "".join(
        f"instance {each.id}/\n{each.id}/state:{each.state}\n{each.id}/record:at {each.at}\n" for each in there.records
    )
    if refused:
        with pytest.raises(SelvedgeError, match=r"^server: .* was rolled back from on "):
            Live(target("b" * 40), other).plan(fact)
    else:
        assert Live(target("b" * 40), other).plan(fact)
    assert Live(target("b" * 40), other, forced=True).plan(fact)


def test_an_instance_that_was_good_is_gone_back_to_by_a_deploy() -> None:
    there = releases(OLD, record(OLD, "good", 1), record(NEW, "good", 2), record(NEWER, "left", 3))
    assert there.rolled_back(NEW) is None
    assert there.rolled_back(NEWER) == record(NEWER, "left", 3)
