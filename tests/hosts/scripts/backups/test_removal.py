"""The folder of the backups is removed, but not the data of the app that a restore has put there."""

from __future__ import annotations

import pytest

from selvedge.resources.backups import NoTimers
from tests.hosts.scripts.backups.machine import Machine

NONE = NoTimers("hello", folder="/srv/hello/backup")


@pytest.fixture(autouse=True)
def _systemctl(machine: Machine) -> None:
    machine.server.program("systemctl", "exit 0")


def test_all_of_it(machine: Machine) -> None:
    machine.write("x")
    machine.must("take", "manual")
    machine.must("restore")
    machine.server.make(NONE)
    assert not machine.folder.exists()


@pytest.mark.parametrize("replaced", [True, False])
def test_data_stays(machine: Machine, replaced: bool) -> None:
    machine.write("x", "old")
    machine.must("take", "manual")
    machine.must("restore", "", "" if replaced else "kept")
    if replaced:
        (machine.folder / "replaced").mkdir()
        (machine.folder / "replaced/x").write_text("the only copy")
    machine.server.make(NONE)
    assert [path.name for path in machine.folder.iterdir()] == ["replaced" if replaced else "restored"]
    assert not machine.server.plan(NONE)
