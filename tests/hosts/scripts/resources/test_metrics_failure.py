"""A failure of the step `metrics`: no program stays on the server without the settings that keep it on loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.base import Change
from selvedge.resources.files import File
from selvedge.resources.metrics import MetricsInstalled
from tests.support.declared import of
from tests.support.plans import Says

OWN = {"metrics": {"enabled": True}}
FAILS = Says("fails", Change("start prometheus", "step_fail 'It could not be started.'"))


def drop_ins(app: Target) -> list[File]:
    return [each for each in of("metrics", app, File) if each.path.endswith("service.d/50-selvedge.conf")]


@pytest.mark.parametrize("apt", ["exit 0", "echo E: no space; exit 100"], ids=["after the packages", "while they are installed"])
def test_the_drop_ins_of_installed_programs_stay(server: Any, target: Callable[..., Target], apt: str) -> None:
    for name in ("systemctl", "apt-get", "dpkg-query"):
        server.program(name, "exit 0" if name != "apt-get" else apt)
    own = drop_ins(target(**OWN))
    assert len(own) == 4
    done = server.apply(server.plan(*own, MetricsInstalled(("prometheus", "mtail")), File("/etc/later", "x\n"), FAILS))
    assert done.status == 1, done.output
    assert [each.path for each in own if not server.path(each.path).exists()] == []
    assert not server.path("/etc/later").exists() and "/50-selvedge.conf" not in " ".join(done.said)
    server.assert_clean()


def test_they_are_removed_if_no_package_was_installed(server: Any, target: Callable[..., Target]) -> None:
    own = drop_ins(target(**OWN))
    assert server.apply(server.plan(*own, FAILS)).status == 1
    assert [each.path for each in own if server.path(each.path).exists()] == []
