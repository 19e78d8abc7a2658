"""`fab maintenance`: its flags, the hosts that it takes, and what `status` and a run say of it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError, UsageError
from selvedge.operations.maintenance import maintenance
from selvedge.operations.support.host_status import HostStatus, status_query
from selvedge.operations.support.status_checks import check_status
from selvedge.resources.base import Resource
from selvedge.resources.nginx.maintenance import MaintenanceEnded
from tests.support.declared import BACKEND
from tests.support.steps import BALANCER

BOTH = {**BACKEND, "balancer": {"hosts": ["server", "lb"], "backends": "web", "port": 8080}}
FACT = "maintenance 2026-11-30T08:02:11Z me@laptop\n"
RUNNING = "live x\nprocess 10 1 1000 60\nprocess 11 10 1000 60\n"


class Run(SimpleNamespace):
    """A run on one host, which keeps the resources of its step and the lines that it prints."""

    def __init__(self, app: Target, *balancers: str) -> None:
        self.lines: list[str] = []
        self.resources: list[Resource] = []
        session = SimpleNamespace(name=app.host.name, target=app)
        super().__init__(
            fleet=SimpleNamespace(sessions=[session]), settings=SimpleNamespace(balancer=SimpleNamespace(hosts=list(balancers))),
            chain=lambda steps, _flags: self.resources.extend(steps[0].resources(app)),
            report=SimpleNamespace(line=self.lines.append),
        )  # fmt: skip


def switch(run: Any, *, on: bool = False, off: bool = False, allow: str = "", retry_after: int = 0) -> dict[str, str]:
    """Return the files of the step by their names."""
    maintenance(run, on=on, off=off, allow=allow, retry_after=retry_after, flags={})
    return {each.path.rpartition("/")[2]: each.text for each in run.resources if hasattr(each, "text")}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({}, "needs one of the flags --on and --off"),
        ({"on": True, "off": True}, "needs one of the flags --on and --off"),
        ({"off": True, "allow": "203.0.113.5"}, "--allow and --retry-after go with --on only"),
        ({"off": True, "retry_after": 5}, "--allow and --retry-after go with --on only"),
        ({"on": True, "retry_after": -1}, "--retry-after must be from 1 to 604800 seconds, not -1"),
        ({"on": True, "retry_after": 604801}, "--retry-after must be from 1 to 604800 seconds, not 604801"),
        ({"on": True, "allow": ","}, "--allow has no address"),
        ({"on": True, "allow": "me.example.com"}, "--allow 'me.example.com' must be an IP address, or a network"),
        ({"on": True, "allow": "203.0.113.5, 198.51.100.1/24"}, "--allow '198.51.100.1/24' must be an IP address, or a network"),
        ({"on": True, "allow": "203.0.113.5 yes; } server {"}, "must be an IP address"),
        ({"on": True, "allow": "fe80::1%eth0"}, "must be an IP address"),
        ({"on": True, "allow": "0.0.0.0/0"}, "must not be all addresses"),
        ({"on": True, "allow": "::/0"}, "must not be all addresses"),
    ],
)
def test_wrong_flags(target: Callable[..., Target], flags: dict[str, Any], words: str) -> None:
    run = Run(target())
    with pytest.raises(UsageError) as caught:
        switch(run, **flags)
    assert words in caught.value.message and not run.resources


def test_flags_and_settings_together(target: Callable[..., Target]) -> None:
    app = target(maintenance={"allow": ["198.51.100.0/24"], "retry_after": 30})
    files = switch(Run(app), on=True, allow="203.0.113.5, 198.51.100.0/24,2001:DB8::1", retry_after=900)
    assert "    198.51.100.0/24 yes;\n    203.0.113.5 yes;\n    2001:db8::1 yes;\n}" in files["http.conf"]
    assert "add_header Retry-After 900 always;" in files["site.conf"] and 'content="60"' in files["page.html"]
    files = switch(Run(app), on=True)
    assert "add_header Retry-After 30 always;" in files["site.conf"] and 'content="30"' in files["page.html"]
    assert "203.0.113.5" not in files["http.conf"]


def test_a_balancer_shows_the_page_and_a_backend_names_it(target: Callable[..., Target]) -> None:
    assert "selvedge_maintenance_hello__balancer" in switch(Run(target(**BALANCER), "server"), on=True)["site.conf"]
    assert "selvedge_maintenance_hello__balancer" in switch(Run(target(**BOTH), "server"), on=True)["site.conf"]
    with pytest.raises(UsageError, match=r"^server is a backend, so its balancer shows the page\.") as caught:
        switch(Run(target(**BACKEND), "lb", "lb-2"), on=True)
    assert "`fab -H lb,lb-2 maintenance --on`" in str(caught.value.remedy) and "`fab -H server drain`" in str(caught.value.remedy)


def test_both_sites_of_a_balancer_that_runs_the_app_are_ended(target: Callable[..., Target]) -> None:
    """The app's maintenance was on when its host became the balancer, too."""
    both, balancer = (target(**BOTH), ["hello", "hello.balancer"]), (target(**BALANCER), ["hello.balancer"])
    for app, names in (both, balancer, (target(), ["hello"])):
        run = Run(app, *app.balancers)
        maintenance(run, on=False, off=True, allow="", retry_after=0, flags={})
        assert [each.app for each in run.resources if isinstance(each, MaintenanceEnded)] == names
        query = status_query(app)
        assert [name for name in ("hello", "hello.balancer") if f"maintenance_fact {name}" in query.splitlines()] == names


def test_other_balancers_are_named(target: Callable[..., Target]) -> None:
    run = Run(target(**BALANCER), "server", "lb-2")
    switch(run, on=True)
    assert run.lines == ["The balancers lb-2 still pass requests to the app: `fab -H lb-2 maintenance --on`."]
    run = Run(target(**BACKEND), "lb")
    switch(run, off=True)
    assert run.lines == ["The balancers lb show the page if it was turned on there: `fab -H lb maintenance --off`."]


def test_addresses_need_a_trusted_proxy_behind_a_load_balancer(target: Callable[..., Target]) -> None:
    upstream = {"domains": ["a.test"], "tls": {"upstream": True}}
    with pytest.raises(UsageError, match="--allow cannot work: all requests come from the load balancer"):
        switch(Run(target(**upstream)), on=True, allow="203.0.113.5")
    files = switch(Run(target(**upstream, nginx={"trusted_proxies": ["10.0.0.0/8"]})), on=True, allow="203.0.113.5")
    assert "    proxy 10.0.0.0/8;\n    proxy_recursive;\n    203.0.113.5 yes;\n" in files["http.conf"]
    with pytest.raises(UsageError, match=r"maintenance\.allow cannot work"):
        target(**upstream, maintenance={"allow": ["203.0.113.5"]})


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is missing"), (b" \n", "is empty"), (b"\xff\xfe<\x00", "is UTF-16 text"), (b"\xe9", "is not UTF-8 text"),
     (b"a\x00b", "NUL"), (b"x" * 1048577, "is too large")],
)  # fmt: skip
def test_a_page_that_cannot_be_used(target: Callable[..., Target], content: bytes | None, words: str) -> None:
    app = target(maintenance={"page": "down.html"})
    if content is not None:
        (app.base_dir / "down.html").write_bytes(content)
    run = Run(app)
    with pytest.raises(ConfigError, match=r"maintenance\.page") as caught:
        switch(run, on=True)
    assert words in str(caught.value) and not run.resources


def test_status_shows_it(target: Callable[..., Target]) -> None:
    app = target()
    found = HostStatus.parse(FACT + "live x\nsite 503 \nhealth 200 0.1\n")
    results = {each.subject: each for each in check_status(app, found)}
    assert results["maintenance"].text == "on since 2026-11-30 08:02:11 UTC, by me@laptop: visitors get its page"
    assert results["maintenance"].level == "warning" and "site" not in results
    assert HostStatus.parse("live x\n").maintenance is None
    assert {each.subject for each in check_status(app, HostStatus.parse(FACT + RUNNING + "site 0 \n"))} >= {"site", "maintenance"}
    assert "maintenance_fact hello.balancer" in status_query(target(**BALANCER))
    assert "maintenance_fact hello\n" in f"{status_query(target())}\n"
