"""The step `harden`: the order of its changes, its templates, its options."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selvedge.config.target import Target
from selvedge.engine.plan import Plan
from selvedge.project.render import template
from selvedge.resources.access.firewall import Firewall
from selvedge.resources.access.logins import AuthorizedKeys, LoginUser
from selvedge.resources.access.sshd import (
    HostKey,
    IncludeFirst,
    Moduli,
    Sshd,
    wanted_lines,
)
from selvedge.resources.access.undo import UNDO
from selvedge.resources.files import File
from selvedge.resources.packages import Packages
from tasks.harden import harden
from tasks.parts.system_settings import system_settings
from tests.support.declared import of
from tests.support.facts import firewall_fact
from tests.support.keys import KEY


class TestTemplate:
    def test_forwarding_is_a_setting(self, target: Any) -> None:
        closed = template("harden/sshd.conf.j2", app=target())
        opened = template("harden/sshd.conf.j2", app=target(server={"allow_forwarding": True}))
        assert "DisableForwarding yes" in closed and "AllowTcpForwarding no" in closed
        assert "DisableForwarding no" in opened and "AllowTcpForwarding yes" in opened

    def test_sshd_gets_no_value_twice(self, target: Any) -> None:
        """sshd silently ignores a second value."""
        names = [line.split()[0] for line in wanted_lines(template("harden/sshd.conf.j2", app=target()))]
        assert len(names) == len(set(names)) + 1  # two host keys

    def test_the_jail_ignores_the_addresses_of_the_settings(self, target: Any) -> None:
        text = template(
            "harden/fail2ban.local.j2", app=target(server={"ignore_ips": ["198.51.100.7", "2001:db8::/32"]})
        )
        assert "ignoreip = 127.0.0.1/8 ::1 198.51.100.7 2001:db8::/32\n" in text

    def test_only_the_jail_of_sshd_reads_the_journal(self, target: Any) -> None:
        """With the journal, jails of other services would find nothing."""
        default, jail = template("harden/fail2ban.local.j2", app=target()).split("[sshd]")
        assert "\nbackend = systemd\n" in jail and "backend" not in default


class TestOrder:
    def facts(self, resources: list[Any]) -> list[str]:
        """Return the facts of a bare server whose ssh port is known."""
        return [firewall_fact("", state="") if isinstance(resource, Firewall) else "" for resource in resources]

    def test_the_login_is_prepared_before_sshd_and_the_firewall_change(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "me.pub").write_text(KEY)
        resources = list(harden.resources(target(server={"authorized_keys": ["me.pub"]})))
        planned = Plan.of(resources, self.facts(resources))
        first, guarded, last = planned.sections()
        assert first.guard is None and guarded.guard is UNDO and last.guard is None
        kinds = [[type(resource) for resource, _ in part.changes] for part in (first, guarded)]
        assert LoginUser in kinds[0] and AuthorizedKeys in kinds[0] and not {Sshd, Firewall} & set(kinds[0])
        assert kinds[1] == [Moduli, HostKey, IncludeFirst, Sshd, Firewall]

    def test_a_disabled_measure_declares_nothing(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "me.pub").write_text(KEY)
        server = {"authorized_keys": ["me.pub"], "firewall": False, "fail2ban": False}
        kinds = [type(resource).__name__ for resource in harden.resources(target(server=server))]
        assert "Firewall" not in kinds and "Service" not in kinds


def test_files_of_the_lesser_measures_are_valid(target: Any) -> None:
    files = {each.path: each.text for each in system_settings(target()) if isinstance(each, File)}
    limits = [line.split() for line in files["/etc/security/limits.d/50-selvedge.conf"].splitlines() if line[:1] != "#"]
    assert limits == [["*", "-", "core", "0"], ["root", "-", "core", "0"]]
    lines = [line for line in files["/etc/modprobe.d/50-selvedge.conf"].splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"install [a-z0-9-]+ /bin/false", line) for line in lines) and len(lines) > 10
    # Modules that a server may boot from, or that snap needs.
    assert not {"usb-storage", "squashfs", "overlay", "udf", "vfat"} & {line.split()[1] for line in lines}
    # Lynis, BANN-7126, wants five of these words. The banner does not name the system.
    issue = files["/etc/issue"].lower()
    assert sum(word in issue for word in ("private", "system", "access", "authori", "log", "record")) >= 5
    assert "debian" not in issue and "\\" not in issue


def test_the_firewall_and_fail2ban_are_optional(app: Callable[..., Target]) -> None:
    (packages,) = of("harden", app("an open server"), Packages)
    assert "ufw" not in packages.names and "fail2ban" not in packages.names
    assert not [each for each in of("harden", app("an open server")) if type(each).__name__ == "Firewall"]
    (packages,) = of("harden", app("nothing set"), Packages)
    assert {"ufw", "fail2ban"} <= set(packages.names)
