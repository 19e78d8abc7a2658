"""Settings of the kernel, and the time service."""

from __future__ import annotations

from collections.abc import Callable

from selvedge.config.target import Target
from selvedge.project.render import template
from selvedge.resources.access.clock import TimeSync
from selvedge.resources.access.kernel import Sysctl
from selvedge.resources.base import Resource
from tests.support.facts import SYSCTL, sysctl_fact
from tests.support.tables import check, table

SET = "set 2 kernel settings from /etc/sysctl.d/90-test.conf"
IN_FORCE = "net/a/b:1\nkernel/c:2"


@table(
    (SYSCTL, sysctl_fact(IN_FORCE), None),
    (SYSCTL, sysctl_fact("net/a/b:1"), None),
    (SYSCTL, sysctl_fact(""), None),
    (SYSCTL, sysctl_fact("net/a/b:0\nkernel/c:2"), SET, ":\nkernel_sysctl_set net.a.b=1 kernel.c=2"),
    (SYSCTL, sysctl_fact("net/a/b:0\nkernel/c:2", refused="net.a.b=1\n"), None),
    (SYSCTL, sysctl_fact(IN_FORCE, file="net.a.b = 0\n"), SET,
     "file_put /etc/sysctl.d/90-test.conf 0644 root root <<'EOF'\nnet.a.b = 1\nkernel_sysctl_set net.a.b=1 kernel.c=2"),
)  # fmt: skip
def test_kernel_settings(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """A setting that the server does not have, or refuses, is left out."""
    check(resource, fact, summary, shell)


def test_the_diff_shows_an_edited_file() -> None:
    change = SYSCTL.plan(sysctl_fact(IN_FORCE, file="net.a.b = 0\n"))
    assert change and "-net.a.b = 0" in change.diff


def test_every_line_of_the_template_is_a_setting(target: Callable[..., Target]) -> None:
    file = Sysctl("/x", template("harden/sysctl.conf.j2", app=target()))
    lines = [line for line in file.text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(file._values()) > 20
    assert all(value.isdigit() for value in file._values().values())


@table(
    (TimeSync(), "chrony\n", None),
    (TimeSync(), "", "synchronize the clock with systemd-timesyncd",
     "apt_install systemd-timesyncd\nservice_run 'enable --now' systemd-timesyncd.service"),
)  # fmt: skip
def test_time_service(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
