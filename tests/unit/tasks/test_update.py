"""The step `update`."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.project.render import template
from tasks.update import update


class TestStep:
    def test_without_unattended_upgrades_the_step_only_upgrades(self, target: Any) -> None:
        kinds = [type(each).__name__ for each in update.resources(target(server={"unattended_upgrades": False}))]
        assert kinds == ["AptMirror", "Upgraded"]

    def test_the_drop_in_sorts_after_the_file_of_the_package(self, target: Any) -> None:
        paths = [each.path for each in update.resources(target()) if hasattr(each, "path")]
        assert sorted([*paths, "/etc/apt/apt.conf.d/50unattended-upgrades"])[-1] == paths[-1]

    @pytest.mark.parametrize(("on", "line"), [(True, 'Automatic-Reboot-Time "03:30";'), (False, 'Automatic-Reboot "false";')])
    def test_the_time_of_a_restart_is_a_setting(self, target: Any, on: bool, line: str) -> None:
        settings = {"automatic_reboot": on, "reboot_time": "03:30"}
        text = template("update/52unattended-upgrades.j2", app=target(server=settings))
        assert f"Unattended-Upgrade::{line}\n" in text
        assert text.count("Automatic-Reboot ") == 1
