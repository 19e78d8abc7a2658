"""The step `update`: when lists are fetched and packages upgraded, and what the server then does by itself."""

from __future__ import annotations

from typing import Any

import pytest
from selvedge.plan import HEAD

from selvedge.resources.upgrades import DAY, Enabled, Upgraded
from selvedge.shell import library
from selvedge.templates import template
from tasks.update import update

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
    """What `unit_fact` prints of a unit."""
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


class TestAptOnAServer:
    """`apt.sh` in a sh, on folders of a server."""

    def fact(self, server: Any) -> list[str]:
        return list(server.run(f"{HEAD}{library('apt')}\napt_fact\n").stdout.decode().splitlines())

    def lists(self, server: Any) -> None:
        folder = server.path("/var/lib/apt/lists/partial")
        folder.mkdir(parents=True)
        (folder.parent / "deb.example.com_debian_dists_stable_main_binary-amd64_Packages").write_text("")

    def touch(self, server: Any, name: str, when: str) -> None:
        server.run(f"mkdir -p /var/lib/selvedge; touch -d '{when}' /var/lib/{name}")

    def test_without_lists_there_is_no_age(self, server: Any) -> None:
        assert self.fact(server) == []

    def test_fresh_lists_and_no_upgrade_yet(self, server: Any) -> None:
        self.lists(server)
        age, changed = self.fact(server)
        assert 0 <= int(age.removeprefix("lists ")) < 60 and changed == "changed"

    def test_old_lists(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "apt/lists/partial", "3 days ago")
        assert int(self.fact(server)[0].removeprefix("lists ")) >= 3 * DAY

    def test_an_update_that_found_nothing_new_counts(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "apt/lists/partial", "3 days ago")
        self.touch(server, "apt/lists", "3 days ago")
        self.touch(server, "selvedge/upgraded", "2 days ago")
        self.touch(server, "selvedge/lists-fetched", "1 hour ago")
        (age,) = self.fact(server)
        assert int(age.removeprefix("lists ")) < DAY

    def test_lists_that_came_after_the_last_upgrade(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "selvedge/upgraded", "1 hour ago")
        assert self.fact(server)[1:] == ["changed"]

    def test_an_update_of_somebody_s_that_brought_nothing(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "apt/lists", "2 hours ago")
        self.touch(server, "selvedge/upgraded", "1 hour ago")
        assert len(self.fact(server)) == 1

    def test_nobody_holds_a_lock(self, server: Any) -> None:
        self.lists(server)
        server.path("/var/lib/apt/lists/lock").write_text("")
        done = server.run(f"{HEAD}{library('apt')}\napt_holder /var/lib/apt/lists/lock || echo nobody\n")
        assert done.stdout == b"nobody\n"


class TestStep:
    def test_without_unattended_upgrades_only_this_run_upgrades(self, target: Any) -> None:
        kinds = [type(each).__name__ for each in update.resources(target(server={"unattended_upgrades": False}))]
        assert kinds == ["Upgraded"]

    def test_the_drop_in_sorts_behind_the_package_s_own_file(self, target: Any) -> None:
        paths = [each.path for each in update.resources(target()) if hasattr(each, "path")]
        assert sorted([*paths, "/etc/apt/apt.conf.d/50unattended-upgrades"])[-1] == paths[-1]

    @pytest.mark.parametrize(("on", "line"), [(True, 'Automatic-Reboot-Time "03:30";'), (False, 'Automatic-Reboot "false";')])
    def test_the_time_of_a_restart_is_a_setting(self, target: Any, on: bool, line: str) -> None:
        settings = {"automatic_reboot": on, "reboot_time": "03:30"}
        text = template("update/52unattended-upgrades.j2", app=target(server=settings))
        assert f"Unattended-Upgrade::{line}\n" in text
        assert text.count("Automatic-Reboot ") == 1
