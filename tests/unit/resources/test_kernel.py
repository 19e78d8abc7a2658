"""Settings of the kernel, and the time service."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.resources.access.kernel import Sysctl, TimeSync
from selvedge.templates import template
from tests.support.facts import SYSCTL, sysctl_fact


class TestKernel:
    @pytest.mark.parametrize(
        ("live", "refused", "needed"),
        [
            ("net/a/b:1\nkernel/c:2", "", False),
            ("net/a/b:1", "", False),
            ("", "", False),
            ("net/a/b:0\nkernel/c:2", "", True),
            ("net/a/b:0\nkernel/c:2", "net.a.b=1\n", False),
        ],
    )
    def test_what_can_be_set_and_differs_is_set(self, live: str, refused: str, needed: bool) -> None:
        change = SYSCTL.plan(sysctl_fact(live, refused))
        assert (change is not None) == needed
        assert not change or change.shell.endswith("kernel_sysctl_set net.a.b=1 kernel.c=2")

    def test_a_file_that_was_edited_is_written(self) -> None:
        change = SYSCTL.plan(sysctl_fact("net/a/b:1\nkernel/c:2", file="net.a.b = 0\n"))
        assert change and "-net.a.b = 0" in change.diff

    def test_every_line_of_the_template_is_a_setting(self, target: Any) -> None:
        file = Sysctl("/x", template("harden/sysctl.conf.j2", app=target()))
        lines = [line for line in file.text.splitlines() if line and not line.startswith("#")]
        assert len(lines) == len(file._values()) > 20
        assert all(value.isdigit() for value in file._values().values())

    def test_any_time_service_is_enough(self) -> None:
        assert TimeSync().plan("chrony\n") is None
        assert TimeSync().plan("") is not None
