"""`[metrics]`: what each server asks, and the problems that are found before any contact."""

from __future__ import annotations

import json

import pytest

from selvedge.resources.metrics import app_has_metrics, metrics_programs, metrics_targets
from tests.unit.config.conftest import Load, Problems

APP = '[app]\nname = "hello"\nrepository = "."\n'
HOSTS = '[hosts.monitor]\naddress = "203.0.113.1"\nprivate_address = "10.0.0.1"\n'
HOSTS += '[hosts.web-1]\naddress = "203.0.113.2"\nprivate_address = "10.0.0.2"\n[hosts.web-2]\naddress = "2001:db8::3"\n'
PRIVATE = 'private_address = "10.0.0.2"\n'
ON = "[metrics]\nenabled = true\n"
ONE = f'{APP}{HOSTS}{ON}server = "monitor"\n'
"""One server asks the others, the last of which has an address of another version."""


def test_metrics_are_off_unless_hosts_toml_says_otherwise(settings: Load) -> None:
    found = settings(APP + HOSTS)
    app = found.target("web-1")
    assert not app.metrics.enabled and not app.asked and not app.asked_by and not app.counts_workers_together
    assert found.measured == []


def test_each_server_has_its_own_prometheus(settings: Load) -> None:
    found = settings(APP + HOSTS + ON)
    assert found.measured == ["monitor", "web-1", "web-2"]
    assert [(found.target(name).asked, found.target(name).asked_by) for name in found.measured] == [({}, "")] * 3


def test_one_server_asks_the_others_that_have_metrics(settings: Load) -> None:
    found = settings(f'{APP}{HOSTS}{ON}server = "monitor"\n[hosts.web-2.metrics]\nenabled = false\n')
    monitor, one, two = (found.target(name) for name in ("monitor", "web-1", "web-2"))
    assert (list(monitor.asked), monitor.asked_by, monitor.only_asks) == (["web-1"], "", False)
    assert monitor.asked["web-1"] == one
    assert (one.asked, one.asked_by) == ({}, "10.0.0.1")
    assert (two.asked, two.asked_by, two.metrics.enabled) == ({}, "", False)


def test_a_host_with_metrics_of_its_own_is_asked_like_the_others(settings: Load) -> None:
    some = "".join(f"[hosts.{name}.metrics]\nenabled = true\n" for name in ("monitor", "web-1"))
    found = settings(f'{APP}{HOSTS}[metrics]\nserver = "monitor"\n{some}')
    assert list(found.target("monitor").asked) == ["web-1"]
    assert [found.target(name).asked_by for name in ("monitor", "web-1", "web-2")] == ["", "10.0.0.1", ""]


EACH = f"""{APP}{HOSTS}{ON}server = "monitor"
[hosts.lb]
address = "203.0.113.4"
private_address = "10.0.0.4"
[hosts.db]
address = "203.0.113.5"
private_address = "10.0.0.5"
[hosts.web-2.app]
name = "shop"
[hosts.web-2.metrics]
path = "/own"
[groups]
web = ["web-1", "web-2"]
hello = ["web-1"]
[balancer]
hosts = ["lb"]
backends = "hello"
[services]
postgres = true
hosts = ["db"]
clients = "web"
""".replace("2001:db8::3", "10.0.0.3")


def test_each_server_is_asked_for_its_own_services_and_app(settings: Load) -> None:
    found = settings(EACH)
    asked: dict[str, list[str]] = {}
    for group in json.loads(metrics_targets(found.target("monitor"))):
        labels = group["labels"]
        asked.setdefault(labels["instance"], []).append(labels["job"])
        if labels["job"] == "app":
            place = {"web-1": ("10.0.0.2:9180", "/app/hello"), "web-2": ("10.0.0.3:9180", "/app/shop")}[labels["instance"]]
            assert (group["targets"], labels["__metrics_path__"]) == ([place[0]], place[1])
    always = ["node", "nginx", "requests"]
    assert asked == {
        "monitor": ["prometheus", *always], "web-1": [*always, "app"], "web-2": [*always, "app"], "lb": always,
        "db": [*always, "postgres"],
    }  # fmt: skip
    for name, jobs in asked.items():
        assert ("app" in jobs) is app_has_metrics(found.target(name))
        assert ("postgres" in jobs) is ("postgres" in metrics_programs(found.target(name)))


@pytest.mark.parametrize(("workers", "together"), [("", True), ("workers = 1\n", False), ("workers = 3\n", True)])
def test_the_metrics_of_several_workers_are_added_up(settings: Load, workers: str, together: bool) -> None:
    assert settings(APP + workers + HOSTS + ON).target("web-1").counts_workers_together is together


@pytest.mark.parametrize(("text", "words"), [
    (f'{APP}{HOSTS}{ON}server = "moniter"\n', "metrics.server: no host is named 'moniter'. Did you mean `monitor`?"),
    (f'{APP}[hosts.web]\naddress = "web.example.com"\n{ON}server = "web"\n',
     "hosts.web.private_address: is missing: metrics.server and the servers that it asks find each other"),
    (
        f'{APP}{HOSTS.replace("2001:db8::3", "10.0.0.2")}{ON}server = "monitor"\n',
        "hosts.web-2.private_address: 10.0.0.2 is also the address of web-1. Give each server its own address.",
    ),
    (ONE.replace("203.0.113.2", "fe80::2%eth0").replace(PRIVATE, ""), "`address` is an address with a zone"),
    (ONE.replace("10.0.0.2", "10.0.0.1"), "hosts.web-1.private_address: 10.0.0.1 is also the address of monitor"),
    (ONE.replace("10.0.0.2", "127.0.0.1"), "hosts.web-1.private_address: 127.0.0.1 is an address of this server itself"),
    *((ONE.replace("10.0.0.2", address), f"hosts.web-1.private_address: {address} is {kind}") for address, kind in (
        ("0.0.0.0", "no address of a server"), ("::", "no address of a server"), ("224.0.0.1", "no address of a single server"),
        ("ff02::1", "no address of a single server"), ("255.255.255.255", "no address of a single server"))),
    (ONE.replace("10.0.0.2", "::ffff:10.0.0.2"), " is 10.0.0.2 written as IPv6"),
    (ONE.replace("10.0.0.2", "::ffff:127.0.0.1"), "127.0.0.1"),
    (ONE, "hosts.web-2.private_address: 2001:db8::3 is an IPv6 address, but that of monitor is 10.0.0.1"),
    (f'{APP}{ON}path = "metrics"\n', "metrics.path: must be a path of letters"),
    (f'{APP}{ON}path = "/a b;"\n', "metrics.path: must be a path of letters"),
    (f"{APP}{ON}slow = 0\n", "metrics.slow: "),
    (f"{APP}{ON}errors = 101\n", "metrics.errors: "),
    (f"{APP}[metrics]\non = true\n", "metrics.on: "),
    (f'{APP}{HOSTS}{ON}server = "monitor"\n[hosts.monitor.metrics]\nenabled = false\n', "metrics.server: is monitor, which has no"),
    (f'{APP}{HOSTS}{ON}[hosts.web-1.metrics]\nserver = "monitor"\n', "hosts.web-1.metrics.server: is not a setting of one host"),
    (f'{APP}health = "/metrics/live"\n{HOSTS}{ON}', "app.health is /metrics/live, but visitors get 404 at /metrics"),
    (f'{APP}health = "/metrics"\n{HOSTS}{ON}', "app.health is /metrics, but visitors get 404"),
    (f'{APP}{HOSTS}{ON}[nginx]\nredirects = {{"/metrics" = "/a"}}\n', "nginx.redirects has the path /metrics, but"),
    (f'{APP}{HOSTS}{ON}[nginx]\nstatic = {{"/metrics/" = "a"}}\n', "nginx.static has the path /metrics"),
    (f'{APP}{HOSTS}{ON}path = "/m/"\n[nginx]\nmedia = {{"/m" = "a"}}\n', "nginx.media has the path /m, but"),
])  # fmt: skip
def test_a_wrong_value_is_refused(problems: Problems, text: str, words: str) -> None:
    found = problems(text)
    assert any(words in line for line in found), found


@pytest.mark.parametrize("metrics", ["", f"{ON}public = true\n", f'{ON}path = ""\n', f'{ON}path = "/own"\n'])
def test_paths_that_nginx_does_not_close_are_free(settings: Load, metrics: str) -> None:
    nginx = '[nginx]\nredirects = {"/metrics" = "/a"}\nstatic = {"/metrics/of" = "a"}\n'
    assert settings(f'{APP}health = "/metrics"\n{HOSTS}{metrics}{nginx}').target("web-1").closed_metrics in ("", "/own")
