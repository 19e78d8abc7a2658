"""The site of a balancer, and what its backends have in place of a site for everyone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import UsageError
from selvedge.release import preconditions
from selvedge.release.instance import Instance
from selvedge.resources.access.firewall import Firewall, PortAllowed
from selvedge.resources.files import Absent
from selvedge.resources.nginx.drained import Drained, DrainRules, NoBackend
from selvedge.resources.nginx.https import NginxHttps
from selvedge.resources.nginx.sites import FormerDefaults, ServerNamesFree
from selvedge.resources.packages import Packages
from selvedge.resources.services import Service
from tests.support.declared import BACKEND, NAMED, file, of, parts
from tests.support.steps import BALANCER

SITES = "/etc/nginx/sites-available"
SNIPPETS = "/etc/nginx/snippets"


@pytest.fixture
def lb(app: Callable[..., Target]) -> Callable[..., Target]:
    """Make the settings of a balancer; `balancer` has more keys of [balancer]."""

    def make(balancer: dict[str, Any] | None = None, **more: Any) -> Target:
        return app("nothing set", **{**BALANCER, **more, "balancer": {**BALANCER["balancer"], **(balancer or {})}})

    return make


def upstream(settings: Target) -> list[str]:
    text = file("balancer", settings, f"{SITES}/hello.balancer").text
    block = text.partition("upstream hello.balancer {")[2].partition("\n}")[0]
    return [line.strip() for line in block.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_all_backends_are_asked_again_if_none_has_answered(lb: Callable[..., Target]) -> None:
    assert upstream(lb()) == [
        "zone selvedge_backends_hello__balancer 256k;",
        "least_conn;",
        "server 10.0.0.2:80 max_fails=1 fail_timeout=5s; # web-1",
        "server [fd00::3]:80 max_fails=1 fail_timeout=5s; # web-2",
        "server 10.0.0.2:80 backup max_fails=0;",
        "server [fd00::3]:80 backup max_fails=0;",
    ]


def test_the_same_backend_for_an_address_has_no_backup(lb: Callable[..., Target]) -> None:
    lines = upstream(lb({"method": "ip_hash", "port": 8080}))
    assert "ip_hash;" in lines and "backup" not in "".join(lines)
    assert "server 10.0.0.2:8080 max_fails=0; # web-1" in lines, "a request that crashes the app must not leave no backend"


def test_the_balancer_retries_and_has_a_page_for_the_worst_case(lb: Callable[..., Target]) -> None:
    text = file("balancer", lb(nginx={"read_timeout": 30}), f"{SNIPPETS}/hello.balancer.conf").text
    for line in ("proxy_next_upstream error timeout;", "proxy_connect_timeout 1s;", "proxy_read_timeout 35s;"):
        assert f"\n{line}\n" in text
    assert "\nproxy_next_upstream_tries 2;\n" in text, "a backend is asked once, although it is in the upstream twice"
    assert "non_idempotent" not in text and text.count("proxy_connect_timeout") == 1
    page = re.search(r"error_page 502 504 =503 (\S+);\nlocation = (\S+) \{\n    internal;\n    alias (\S+);", text)
    assert page and page[1] == page[2]
    assert "<title>" in file("balancer", lb(), page[3]).text


def test_https_limits_and_redirects_are_on_the_balancer(lb: Callable[..., Target]) -> None:
    files = {"static": {"/static": "static"}, "media": {"/media": "m"}, "cache": "1s", "spa": "web"}
    settings = lb(nginx={**BALANCER["nginx"], **files})
    locations = file("balancer", settings, f"{SNIPPETS}/hello.balancer.conf").text
    assert "limit_req zone=selvedge_rate_hello__balancer" in locations and "gzip on" not in locations
    assert not re.search(r"location \^~ /(static|media)|proxy_cache|@page", locations)
    tls = file("balancer", settings, f"{SITES}/hello.balancer-tls").text
    assert "/etc/letsencrypt/live/hello.balancer/fullchain.pem" in tls and "max-age=31536000" in tls
    assert "return 301 https://hello.example.com$request_uri;" in tls


def test_a_balancer_gets_no_app(lb: Callable[..., Target]) -> None:
    assert [step.name for step in parts(lb())] == ["update", "harden", "install", "balancer"]
    (packages,) = of("install", lb(), Packages)
    assert "nginx" in packages.names and not {"git", "supervisor"} & set(packages.names)
    for name in ("repository", "build", "image", "environment", "switch", "site", "certificates", "postgres", "redis"):
        with pytest.raises(UsageError, match=r"^server is a balancer \(\[balancer\]\), so the app does not run there\."):
            getattr(preconditions, name)(lb())


def test_only_a_host_of_the_table_is_a_balancer(app: Callable[..., Target], lb: Callable[..., Target]) -> None:
    preconditions.balancer(lb(nginx={}))
    with pytest.raises(UsageError, match=r"^server is not a balancer\."):
        preconditions.balancer(app("nothing set"))


def test_a_backend_answers_and_believes_its_balancers_alone(app: Callable[..., Target]) -> None:
    settings = app("a backend")
    (wall,) = of("harden", settings, Firewall)
    assert (wall.ports, wall.inner) == ((), (("10.0.0.1", 80),))
    assert of("nginx", settings, PortAllowed) == [PortAllowed(80, ("10.0.0.1",))]
    text = file("nginx", settings, f"{SNIPPETS}/hello.conf").text
    assert re.findall(r"set_real_ip_from (\S+);", text) == ["10.0.0.1"]
    assert "auth_basic_user_file" not in text and "limit_req " not in text
    assert text.count("error_page 502 = @selvedge_gone;") == 3, "in each location that has error pages of its own, too"
    assert [each.path for each in of("certbot", settings) if hasattr(each, "fullchain")] == []


@pytest.mark.parametrize(("large", "backend", "balancer"), [(False, "8k", "16k"), (True, "64k", "128k")])
def test_what_fits_the_buffer_of_a_backend_fits_that_of_the_balancer(
    app: Callable[..., Target], lb: Callable[..., Target], large: bool, backend: str, balancer: str
) -> None:
    nginx = {"large_headers": large}
    assert f"\nproxy_buffer_size {backend};" in file("nginx", app("a backend", nginx=nginx), f"{SNIPPETS}/hello.conf").text
    assert f"\nproxy_buffer_size {balancer};" in file("balancer", lb(nginx=nginx), f"{SNIPPETS}/hello.balancer.conf").text


def matches(text: str, variable: str, value: str) -> str:
    """Return what a map of nginx with regular expressions in its lines makes of a value."""
    block = re.search(rf'^map "[^"]+" \{variable} \{{\n(.*?)^\}}', text, re.MULTILINE | re.DOTALL)
    assert block
    rows = [line.strip().rstrip(";").rsplit(" ", 1) for line in block[1].splitlines()]
    found = [result for pattern, result in rows if pattern != "default" and re.search(pattern.strip("'").removeprefix("~"), value)]
    return (found or [result for pattern, result in rows if pattern == "default"])[0].strip("'")


@pytest.mark.parametrize(("value", "refused"), [
    ("yes 10.0.0.1 10.0.0.2 ", ""), ("no 203.0.113.9 10.0.0.2 ", "1"), ("no 10.0.0.2 10.0.0.2 ", ""),
    ("no 127.0.0.1 127.0.0.1 ", ""), ("no ::1 ::1 ", ""), ("no fd00::3 fd00::3 ", ""), ("no 10.0.0.22 10.0.0.2 ", "1"),
    ("no 10.0.0.2 10.0.0.22 ", "1"), ("no 0.0.0.2 10.0.0.2 ", "1"), ("no 203.0.113.9 10.0.0.2 on", ""),
])  # fmt: skip
def test_a_backend_refuses_peers_that_a_firewall_lets_in_for_another_app(
    app: Callable[..., Target], value: str, refused: str
) -> None:
    settings = app("a backend")
    assert matches(file("nginx", settings, f"{SITES}/hello").text, "$selvedge_stranger_hello", value) == refused
    assert "\nif ($selvedge_stranger_hello) {\n    return 403;\n}\n" in file("nginx", settings, f"{SNIPPETS}/hello.conf").text
    assert "stranger" not in file("nginx", app("domains"), f"{SITES}/hello").text


@pytest.mark.parametrize(("value", "closed"), [
    ("yes -", "1"), ("yes 0, 0", "1"), ("yes 0 : 0, -", "1"), ("yes ", "1"), ("yes 8192", ""), ("yes 0, 100", ""), ("no 0", ""),
])  # fmt: skip
def test_only_an_app_that_sent_nothing_counts_as_a_failed_backend(app: Callable[..., Target], value: str, closed: str) -> None:
    """nginx also answers 502 to a response with a head that is too long, which a visitor can provoke on each backend."""
    settings = app("a backend")
    assert matches(file("nginx", settings, f"{SITES}/hello").text, "$selvedge_gone_hello", value) == closed
    text = file("nginx", settings, f"{SNIPPETS}/hello.conf").text
    assert "location @selvedge_gone {\n    if ($selvedge_gone_hello) {\n        return 444;\n    }\n    return 502;\n}" in text


def test_a_backend_can_be_drained(app: Callable[..., Target]) -> None:
    settings = app("a backend")
    rules = file("nginx", settings, settings.paths.drain_rules).text
    assert "ip saddr 10.0.0.1 tcp dport 80 tcp flags & (syn | ack) == syn reject with tcp reset" in rules
    six = app("a backend", hosts={**BACKEND["hosts"], "lb": {"address": "fd00::1"}})
    assert "ip6 saddr fd00::1 tcp dport 80 " in file("nginx", six, settings.paths.drain_rules).text
    assert [each.name for each in of("nginx", settings, Service)].count("selvedge-leave.hello.service") == 1
    without = app("a backend", rollout={})
    assert "selvedge-leave.hello.service" not in [each.name for each in of("nginx", without, Service)]


@pytest.mark.parametrize("manager", ["supervisor", "systemd", "docker"])
def test_at_a_shutdown_the_balancers_leave_before_the_app_stops(app: Callable[..., Target], manager: str) -> None:
    """systemd stops units in the reverse of the order in which it starts them."""
    settings = app("a backend", manager=manager)
    text = file("nginx", settings, f"/etc/systemd/system/{settings.paths.leave_unit}").text
    order = re.findall(r"^After=(.*)", text, re.MULTILINE)[0].split()
    units = {"supervisor": "supervisor.service", "systemd": "nginx.service", "docker": "selvedge-stop.hello.service"}
    assert units[manager] in order
    if manager == "systemd":
        without = app("a backend", manager=manager, rollout={})
        units_of = [Instance.of(each).manager_files()["unit.service"] for each in (settings, without)]
        assert ["\nBefore=selvedge-leave.hello.service\n" in text for text in units_of] == [True, False]


UNIT, MARK = "selvedge-drained.hello.service", "/etc/nginx/selvedge/hello.drained-by-run"
BY_USER, END = f"backend_drain {UNIT} 80 10 {MARK} user", f"backend_undrain {UNIT} {MARK}"


@pytest.mark.parametrize(
    ("drained", "fact", "shell"),
    [
        (True, "state \n", BY_USER),
        (True, "state half\n", BY_USER),
        (True, "state drained\n", None),
        # What a rollout has drained stays drained from now on, until `fab undrain`.
        (True, "state drained run\n", BY_USER),
        (False, "state \n", None),
        (False, "state half\n", END),
        (False, "state drained\n", END),
        (False, "state drained run\n", END),
    ],
)
def test_drained_and_not_drained(app: Callable[..., Target], drained: bool, fact: str, shell: str | None) -> None:
    change = Drained.of(app("a backend", drain=10), drained=drained).plan(fact)
    assert (change and change.shell) == shell


def test_a_rollout_drains_in_its_own_name(app: Callable[..., Target]) -> None:
    resource = Drained.of(app("a backend", drain=10), drained=True, by_run=True)
    change = resource.plan("state \n")
    assert change and change.shell == f"backend_drain {UNIT} 80 10 {MARK} run"
    assert resource.plan("state drained\n") is resource.plan("state drained run\n") is None


def test_other_apps_of_the_port_are_named(app: Callable[..., Target]) -> None:
    fact = "state \nwith shop off\nwith wiki on\n"
    drain, undrain = (Drained.of(app("a backend"), drained=each) for each in (True, False))
    change = drain.plan(fact)
    assert change and change.summary.endswith(" to hello and shop and wiki, because they share port 80")
    assert undrain.unchanged(fact) == "hello is not drained, but wiki is, and has the same port"
    change = undrain.plan(fact.replace("state", "state drained"))
    assert change and change.summary.endswith(", which stay away as long as wiki is drained")


LINK = "/etc/systemd/system/multi-user.target.wants/selvedge-drained.hello.service"


@pytest.mark.parametrize(("name", "found"), [("domains", 1), ("a backend", 0), ("a backend that balances", 0)])
def test_a_former_backend_keeps_nothing_of_it(app: Callable[..., Target], name: str, found: int) -> None:
    settings = app(name)
    former = of("nginx", settings, NoBackend)
    assert len(former) == found
    for resource in former:
        assert resource.plan("") is None
        change = resource.plan(f"{LINK}\n{MARK}\n")
        assert change.summary.endswith("backend, which refuses new requests of the balancers to hello")
        assert change.diff == f"-{LINK}\n-{MARK}"
        assert not resource.plan(f"{MARK}\n").summary.endswith("hello")


def test_it_is_all_that_only_a_backend_has(app: Callable[..., Target]) -> None:
    backend, alone = ({path for each in of("nginx", app(name)) for path in each.owned()} for name in ("a backend", "domains"))
    only = {path for path in backend - alone if "hello.balancer" not in path}
    assert only <= set(NoBackend.of(app("domains")).owned())


RULE = "        ip saddr 10.0.0.1 tcp dport 80 tcp flags & (syn | ack) == syn reject with tcp reset\n"


@pytest.mark.parametrize(("fact", "changes"), [
    ("", False), (f"on\n{RULE}", False), ("on\n", True), (f"on\n{RULE.replace('.1 ', '.9 ')}", True),
    (f"on\n{RULE}{RULE.replace('.1 ', '.9 ')}", True), (f"on\n{RULE.replace(' 80 ', ' 8080 ')}", True),
])  # fmt: skip
def test_a_drained_backend_refuses_a_new_balancer(app: Callable[..., Target], fact: str, changes: bool) -> None:
    [rules] = of("nginx", app("a backend"), DrainRules)
    change = rules.plan(fact)
    assert (change and change.shell) == ("nft -f /etc/nginx/selvedge/hello.drained.nft" if changes else None)


def test_the_site_of_a_former_balancer_is_disabled(app: Callable[..., Target]) -> None:
    enabled = "/etc/nginx/sites-enabled/hello.balancer"
    gone = [[each.path for each in of("nginx", app(name), Absent)] for name in ("a backend", "a backend that balances", "domains")]
    assert [{enabled, f"{enabled}-tls"} <= set(paths) for paths in gone] == [True, False, False]


def test_both_on_one_server(app: Callable[..., Target]) -> None:
    settings = app("a backend that balances")
    assert [step.name for step in parts(settings)][-4:] == ["balancer-http", "nginx", "balancer", "certbot"]
    without = app("a backend that balances", domains=[])
    # Two sites cannot be the default of a port.
    assert [step.name for step in parts(without)][-3:] == ["nginx", "balancer", "certbot"]
    assert "listen 8080;" in file("nginx", settings, f"{SITES}/hello").text
    site = file("balancer", settings, f"{SITES}/hello.balancer").text
    assert "listen 80;" in site and "server 203.0.113.10:8080 " in site
    (wall,) = of("harden", settings, Firewall)
    assert (wall.ports, wall.inner) == ((80, 443), (("203.0.113.10", 8080), ("10.0.0.1", 8080)))
    assert settings.domains == NAMED["domains"]
    # A live server becomes both: the balancer's HTTPS replaces the app's by one reload.
    (names,) = of("balancer", settings, ServerNamesFree)
    assert {"/etc/nginx/sites-enabled/hello", "/etc/nginx/sites-enabled/hello-tls"} <= set(names.own)
    (former,) = of("balancer", settings, FormerDefaults)
    assert "/etc/nginx/sites-enabled/hello" not in former.own, "the app's port keeps its default server"
    (https,) = of("balancer", settings, NginxHttps)
    assert Absent("/etc/nginx/sites-enabled/hello-tls") in https.loads
