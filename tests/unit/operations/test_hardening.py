"""The score of a server's hardening."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.operations.hardening import EVIDENCE, _clock, _declared, _firewall, _kernel, _ssh
from tasks.harden import harden
from tasks.parts.system_settings import system_settings
from tasks.update import update
from tests.support.facts import sysctl_fact
from tests.support.keys import KEY


@pytest.mark.parametrize(
    ("core", "modules", "levels"),
    [
        ("0\n", "", ["ok", "ok"]),
        ("unlimited\n", "", ["problem", "ok"]),
        ("", "sctp\ndccp\n", ["problem", "warning"]),
    ],
)
def test_crash_dumps_and_kernel_modules(target: Any, core: str, modules: str, levels: list[str]) -> None:
    found = list(_kernel(target(), {"core": core, "modules": modules}))
    assert [each.level for each in found] == levels
    assert not modules or "sctp, dccp" in found[1].text


@pytest.mark.parametrize(
    ("lines", "level", "text"),
    [
        (["chrony", "yes"], "ok", "synchronized by chrony"),
        (["chrony", "no"], "warning", "chrony has not synchronized it yet"),
        (["chrony"], "problem", "no service sets the server's clock"),
        (["systemd-timesyncd", "container"], "ok", "set by the host of this container; systemd-timesyncd is installed"),
        ([], "problem", "no service sets the server's clock"),
    ],
)
def test_a_clock_that_is_not_synchronized_is_no_success(target: Any, lines: list[str], level: str, text: str) -> None:
    found = _clock(target(), lines)
    assert (found.level, found.text) == (level, text) and (level == "ok" or found.remedy)


def test_every_measure_has_a_line(target: Any) -> None:
    app = target()
    resources = list(system_settings(app))
    facts = {"Sysctl": sysctl_fact("kernel/kptr_restrict:2"), "TimeSync": "chrony\n"}
    found = {each.subject: each for each in _declared(app, [(each, facts.get(type(each).__name__, "")) for each in resources])}
    assert [each.level for each in found.values()].count("problem") == len(found) - 1  # nothing known of login.defs
    assert "dry-run" in found["kernel"].remedy and "/etc/sysctl.d" in found["kernel"].text
    assert {"kernel", "hashes", "idle logins", "banner", "the rest"} == set(found)
    done = {each.subject: each for each in _declared(app, [])}
    assert done["the rest"].level == "ok"


def test_every_line_has_a_declared_resource(target: Any, tmp_path: Path) -> None:
    (tmp_path / "me.pub").write_text(KEY)
    app = target(server={"authorized_keys": ["me.pub"]})
    declared = [resource for step in (update, harden) for resource in step.resources(app)]
    assert set(EVIDENCE) <= {getattr(each, "path", "") for each in declared} | {type(each).__name__ for each in declared}


def test_two_values_of_sshd_for_one_name(target: Any) -> None:
    found = {each.subject: each for each in _ssh(target(), {"sshd": "permitrootlogin no\npermitrootlogin yes"}, "deploy")}
    assert found["root login"].level == "problem" and "permitrootlogin no or yes" in found["root login"].text


@pytest.mark.parametrize(
    ("rules", "extra", "remedy"),
    [
        ("allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in", "", ""),
        ("allow tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in", "8000/tcp", "`sudo ufw delete allow 8000/tcp`"),
        ("allow tcp 80,8000 0.0.0.0/0 any 0.0.0.0/0 in", "8000/tcp", "`sudo ufw status numbered` and `sudo ufw delete NUMBER`"),
        ("allow tcp 20:500 0.0.0.0/0 any 0.0.0.0/0 in", "20:500/tcp", "`sudo ufw delete allow 20:500/tcp`"),
    ],
)
def test_open_ports_that_no_setting_names(target: Callable[..., Target], rules: str, extra: str, remedy: str) -> None:
    parts = {"state": "on\ndeny\nlive", "ssh": "22", "listening": "80\n443", "rules": f"### tuple ### {rules}"}
    found = {each.subject: each for each in _firewall(target(), parts)}
    assert found["open ports"].text.startswith(extra or "ufw allows only 22, 80, 443")
    assert remedy in found["open ports"].remedy
