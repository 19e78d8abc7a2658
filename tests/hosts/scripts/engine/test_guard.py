"""Guarded changes: armed before, reverted after a failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from selvedge.engine.plan import Plan
from selvedge.resources.base import Change, Guard
from tests.support.plans import changes

GUARD = Guard(arm="touch /srv/armed", revert="touch /srv/reverted", disarm="rm /srv/armed")


def guarded(guard: Guard, *shells: str) -> Plan:
    return changes(*[Change(shell, shell, guard=guard) for shell in shells])


def there(server: Any) -> list[str]:
    return sorted(path.name for path in server.path("/srv").iterdir())


def test_a_guard_is_armed_before_the_first_change(server: Any) -> None:
    done = server.apply(guarded(GUARD, "test -e /srv/armed && touch /srv/changed"))
    assert done.status == 0 and there(server) == ["armed", "changed"]


@pytest.mark.parametrize("arm", ["false\ntouch /srv/armed", "step_fail 'cannot arm'", "nosuchcommand; touch /srv/armed"])
def test_nothing_changes_if_the_guard_cannot_be_armed(server: Any, arm: str) -> None:
    done = server.apply(guarded(replace(GUARD, arm=arm), "touch /srv/changed"))
    assert done.status == 1 and there(server) == []
    assert done.error == ("cannot arm" if "fail" in arm else "")
    server.assert_clean()


def test_the_guard_reverts_a_failed_change(server: Any) -> None:
    done = server.apply(guarded(GUARD, "touch /srv/changed", "false"))
    assert done.status == 1 and there(server) == ["armed", "changed", "reverted"]
