"""Package lists, upgrades, and the timers for them."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.packages import DAY, Upgraded
from selvedge.resources.services import Enabled
from tests.support.tables import check, table

ALL = Upgraded()
LISTS_ONLY = Upgraded(upgrade=False)


@table(
    (ALL, "lists 60\n", None),
    (ALL, "lists 60\nchanged\n", "upgrade the installed packages", "apt_upgrade"),
    (ALL, "", "fetch the package lists and upgrade the installed packages", "apt_update\napt_upgrade"),
    (ALL, f"lists {DAY}\n", "fetch the package lists, which are 1 day old, and upgrade the installed packages",
     "apt_update\napt_upgrade"),
    (ALL, f"lists {3 * DAY}\n", "fetch the package lists, which are 3 days old, and upgrade the installed packages",
     "apt_update\napt_upgrade"),
    (LISTS_ONLY, "lists 60\nchanged\n", None),
    (LISTS_ONLY, "", "fetch the package lists", "apt_update"),
    (LISTS_ONLY, f"lists {3 * DAY}\nchanged\n", "fetch the package lists, which are 3 days old", "apt_update"),
)  # fmt: skip
def test_lists_and_upgrades(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
    change = resource.plan(fact)
    assert change is None or change.shell == shell


def unit(name: str, active: str = "active", file: str = "enabled") -> str:
    """Return the lines that `probe_unit` prints for a unit."""
    return f"Id={name}\nActiveState={active}\nUnitFileState={file}\n\n"


TIMERS = Enabled("a.timer", "b.service")
ENABLE_BOTH = ("enable a.timer, b.service", "service_run 'enable --now' a.timer b.service")


@table(
    (TIMERS, unit("a.timer") + unit("b.service"), None),
    (TIMERS, unit("a.timer") + unit("b.service", "inactive"), "enable b.service", "service_run 'enable --now' b.service"),
    (
        TIMERS,
        unit("a.timer") + unit("b.service", file="disabled"),
        "enable b.service",
        "service_run 'enable --now' b.service",
    ),
    (TIMERS, unit("a.timer", "inactive", "") + unit("b.service", "inactive", ""), *ENABLE_BOTH),
    (TIMERS, "\n\n\n", *ENABLE_BOTH),
    (TIMERS, "", *ENABLE_BOTH),
)
def test_units(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
