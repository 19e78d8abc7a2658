"""Package lists, upgrades, and the timers for them."""

from __future__ import annotations

import pytest

from selvedge.resources.packages import DAY, Upgraded
from selvedge.resources.system import Enabled

TIMERS = Enabled("a.timer", "b.service")


@pytest.mark.parametrize(
    ("fact", "upgrade", "shell"),
    [
        ("", True, "apt_update\napt_upgrade"),
        ("", False, "apt_update"),
        (f"lists {DAY}\n", True, "apt_update\napt_upgrade"),
        (f"lists {3 * DAY}\nchanged\n", False, "apt_update"),
        ("lists 60\nchanged\n", True, "apt_upgrade"),
        ("lists 60\nchanged\n", False, None),
        ("lists 60\n", True, None),
    ],
)
def test_when_there_is_something_to_do(fact: str, upgrade: bool, shell: str | None) -> None:
    change = Upgraded(upgrade).plan(fact)
    assert (change.shell if change else None) == shell


def test_the_age_of_the_lists_is_said() -> None:
    change = Upgraded().plan(f"lists {3 * DAY}\n")
    assert change and change.summary == "fetch the package lists, which are 3 days old, and upgrade the installed packages"


def unit(name: str, active: str = "active", file: str = "enabled") -> str:
    """What `probe_unit` prints of a unit."""
    return f"Id={name}\nActiveState={active}\nUnitFileState={file}\n\n"


@pytest.mark.parametrize(
    ("fact", "off"),
    [
        (unit("a.timer") + unit("b.service"), ""),
        (unit("a.timer") + unit("b.service", "inactive"), "b.service"),
        (unit("a.timer") + unit("b.service", file="disabled"), "b.service"),
        (unit("a.timer", "inactive", "") + unit("b.service", "inactive", ""), "a.timer b.service"),
        ("\n\n\n", "a.timer b.service"),
        ("", "a.timer b.service"),
    ],
)
def test_units_that_are_off_are_enabled(fact: str, off: str) -> None:
    change = TIMERS.plan(fact)
    assert (change.shell if change else None) == (f"systemctl enable --now {off}" if off else None)
