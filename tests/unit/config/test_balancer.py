"""`[balancer]`: the part of each host, and the problems that are found before any contact."""

from __future__ import annotations

import pytest

from selvedge.config.settings import Settings
from selvedge.config.target import Target
from tests.unit.config.conftest import Load, Problems

APP = '[app]\nname = "hello"\nrepository = "."\ndomains = ["a.test"]\nenv_file = "x.env"\n'
HOSTS = '[hosts.lb]\naddress = "203.0.113.1"\nprivate_address = "10.0.0.1"\n'
HOSTS += '[hosts.web-1]\naddress = "203.0.113.2"\nprivate_address = "10.0.0.2"\n[hosts.web-2]\naddress = "10.0.0.3"\n'
WEB = '[groups]\nweb = ["web-1", "web-2"]\n'
BALANCER = '[balancer]\nhosts = ["lb"]\nbackends = "web"\n'
ALL = APP + HOSTS + WEB + BALANCER


def targets(found: Settings) -> list[Target]:
    return [found.target(name) for name in ("lb", "web-1", "web-2")]


def test_the_balancer_has_the_certificate_and_the_backends_have_the_app(settings: Load) -> None:
    more = '[tls]\nhsts = 60\n[nginx]\nrate_limit = "10r/s"\nbasic_auth = ["me"]\ntrusted_proxies = ["cloudflare"]\nspa = "web"\n'
    lb, one, two = targets(settings(ALL + more))
    assert lb.backends == {"web-1": "10.0.0.2:80", "web-2": "10.0.0.3:80"}
    assert (lb.name, lb.has_tls, lb.tls.hsts, lb.nginx.rate_limit, lb.nginx.spa, lb.env_file) == (
        "hello.balancer", True, 60, "10r/s", "", "",
    )  # fmt: skip
    assert lb.nginx.trusted_proxies == ["cloudflare"] and lb.balancer_site is lb and lb.open_ports == (80, 443)
    for backend in (one, two):
        assert (backend.name, backend.balancers, backend.nginx.trusted_proxies) == ("hello", ("10.0.0.1",), ["10.0.0.1"])
        assert (backend.tls.upstream, backend.nginx.rate_limit, backend.nginx.basic_auth) == (True, "", [])
        assert (backend.open_ports, backend.balancer_site, backend.nginx.spa) == ((), None, "web")


def test_a_backend_without_a_domain_is_announced_at_its_balancer(settings: Load) -> None:
    """Its firewall lets in the balancers alone. The checks still ask the backend itself."""
    text = ALL.replace('domains = ["a.test"]\n', "") + "[nginx]\nhttp_port = 8081\n"
    lb, one, two = targets(settings(text))
    assert {each.announced_url for each in (lb, one, two)} == {"http://203.0.113.1:8081/"}
    assert (one.url, one.health_url) == ("http://203.0.113.2/", "http://203.0.113.2/")
    assert targets(settings(ALL))[1].announced_url == "https://a.test/"
    both = settings(text.replace('web = ["web-1"', 'web = ["lb", "web-1"') + "").target("lb")
    assert both.announced_url == "http://203.0.113.1:8081/"


def test_a_backend_may_balance_at_other_ports(settings: Load) -> None:
    text = ALL.replace('hosts = ["lb"]', 'hosts = ["web-1"]\nport = 8080\nmethod = "ip_hash"')
    lb, one, two = targets(settings(text))
    site = one.balancer_site
    assert site and (site.name, site.balance_method) == ("hello.balancer", "ip_hash")
    assert site.backends == {"web-1": "10.0.0.2:8080", "web-2": "10.0.0.3:8080"}
    assert (one.nginx.http_port, one.open_ports, one.balancers) == (8080, (80, 443), ("10.0.0.2",))
    assert (two.open_ports, two.nginx.http_port) == ((), 8080)
    assert (lb.name, lb.tls.upstream, lb.balancers, lb.open_ports) == ("hello", False, (), (80, 443))


def test_backends_reboot_one_after_the_other(settings: Load) -> None:
    text = f'{ALL}[rollout]\ndrain = true\n[server]\nreboot_time = "23:55"\n'
    lb, one, two = targets(settings(text))
    assert [each.machine.reboot_time for each in (lb, one, two)] == ["23:55", "23:55", "00:05"]
    assert [each.drains for each in (lb, one, two)] == [False, True, True]


@pytest.mark.parametrize("page", ['[nginx]\nspa = "web"\n', '[hosts.web-2.nginx]\nspa = "web"\n'])
@pytest.mark.parametrize("hosts", ["lb", "web-1"])
def test_a_balancer_asks_the_app_and_not_a_page_in_front_of_it(settings: Load, page: str, hosts: str) -> None:
    """The page answers also if the app is dead."""
    text = ALL.replace('hosts = ["lb"]', f'hosts = ["{hosts}"]\nport = 8080')
    site, plain = (settings(text + more).target(hosts).balancer_site for more in (page, ""))
    assert site and (site.health_path, site.health_ranges, site.health) == ("/.selvedge-health", [(200, 499)], "/")
    assert plain and (plain.health_path, plain.health_ranges) == ("/", [(200, 399)])
    own = settings(text.replace("[app]\n", '[app]\nhealth = "/up"\nhealth_status = [204]\n') + page).target(hosts).balancer_site
    assert own and (own.health_path, own.health_ranges) == ("/up", [(204, 204)])


SIX = ALL.replace("10.0.0.", "fd00::")


def test_ipv6_addresses_have_brackets_before_a_port(settings: Load) -> None:
    assert settings(SIX).target("lb").backends == {"web-1": "[fd00::2]:80", "web-2": "[fd00::3]:80"}


NAMES = 'hosts.lb.private_address: is missing: balancers and backends find each other by IP address, and `address` is a name.'


@pytest.mark.parametrize(("text", "words"), [
    (ALL.replace('["lb"]', '["web-3"]'), "balancer.hosts: no host is named 'web-3'. Did you mean `web-2`?"),
    (ALL.replace('hosts = ["lb"]', 'hosts = ["web"]'), "balancer.hosts: 'web' is a group. Name its hosts: "),
    (ALL.replace('hosts = ["lb"]\n', ""), "balancer.hosts: is missing: no server balances the requests."),
    (ALL.replace('backends = "web"\n', ""), "balancer.backends: is missing: no servers run the app."),
    (ALL.replace('backends = "web"', 'backends = "wbe"'), "balancer.backends: no group is named 'wbe'. Did you mean `web`?"),
    (ALL.replace('["web-1", "web-2"]', "[]"), "groups.web: is empty, but balancer.backends names it."),
    (ALL.replace('address = "203.0.113.1"\nprivate_address = "10.0.0.1"', 'address = "lb.test"'), NAMES),
    (ALL.replace("10.0.0.3", "fe80::2%eth0"), "hosts.web-2.private_address: is missing: balancers and backends find "
     "each other by IP address, and `address` is an address with a zone, which has no meaning on another server. Set it to"),
    (ALL.replace("10.0.0.3", "127.0.0.1"), "hosts.web-2.private_address: 127.0.0.1 is an address of this server itself"),
    (ALL.replace("10.0.0.2", "10.0.0.1"), "hosts.web-1.private_address: 10.0.0.1 is also the address of lb."),
    (ALL.replace("10.0.0.2", "10.0.0"), "hosts.web-1.private_address: must be an IP address, such as 10.0.0.10, not '10.0.0'."),
    (ALL.replace("10.0.0.3", "203.0.113.3"), "hosts.web-2.private_address: 203.0.113.3 is a public address, but 10.0.0.1, that of "
     "lb, is in a private network. Set the private_address of web-2 in the network of the others, or delete it on all of them."),
    (ALL.replace("10.0.0.3", "fd00::3"), "hosts.web-2.private_address: fd00::3 is an IPv6 address, but that of lb is 10.0.0.1. "),
    (ALL.replace('private_address = "10.0.0.1"\n', "").replace("10.0.0.3", "203.0.113.3"), "hosts.web-1.private_address: 10.0.0.2 "
     "is in a private network, but 203.0.113.1, that of lb, is a public address. Set the private_address of lb in the network"),
    (ALL.replace('["lb"]', '["web-1"]'), "balancer.port: is 80, which web-1 needs as a balancer, because it is also a backend."),
    (ALL.replace('["lb"]', '["lb", "web-1"]\nport = 8080'), 'tls.challenge: is "http", but the authority\'s request may reach an'),
    (f'{ALL}[nginx]\npath = "/api"\n', "nginx.path: cannot be set together with [balancer], which passes on a whole site."),
    (ALL.replace('backends = "web"', 'backends = "web"\nmethod = "random"'), "balancer.method: must be "),
])
def test_problems_are_found_before_any_contact(problems: Problems, text: str, words: str) -> None:
    (line,) = problems(text)
    assert line.startswith(f"hosts.toml: {words}"), line


SAME = "all balancers and backends have the same app"


@pytest.mark.parametrize(("text", "words"), [
    ('[hosts.web-2.app]\ndomains = ["b.test"]\n',
     f"hosts.web-2.app.domains: web-2 answers at b.test, but the balancer lb at a.test. Delete it there: {SAME}.domains."),
    ('[hosts.web-2.app]\ndomains = []\n',
     f"hosts.web-2.app.domains: web-2 answers at any name, but the balancer lb at a.test. Delete it there: {SAME}.domains."),
    ('[hosts.web-2.app]\nname = "other"\n',
     f"hosts.web-2.app.name: web-2 runs the app other, but the balancer lb is that of hello. Delete it there: {SAME}.name."),
])
def test_all_have_the_same_app(problems: Problems, text: str, words: str) -> None:
    assert problems(ALL + text) == [f"hosts.toml: {words}"]


def test_a_balancer_with_other_names_is_named(problems: Problems) -> None:
    found = problems(f'{ALL}[hosts.lb.app]\ndomains = ["b.test"]\n')
    assert found == [
        f"hosts.toml: hosts.lb.app.domains: {name} answers at a.test, but the balancer lb at b.test. "
        f"Delete it there: {SAME}.domains." for name in ("web-1", "web-2")
    ]  # fmt: skip


def test_names_that_the_balancer_redirects_are_its_own(problems: Problems) -> None:
    more = '[hosts.lb.app]\ndomains = ["www.a.test", "a.test"]\n[hosts.lb.nginx]\nredirects = { "www.a.test" = "a.test" }\n'
    assert problems(ALL + more) == []
    assert problems(f'{ALL}[hosts.other]\naddress = "10.0.0.9"\n[hosts.other.app]\ndomains = ["b.test"]\n') == []


@pytest.mark.parametrize("address", ["10.0.0.1; deny all", "10.0.0.1/8", "fe80::1%eth0", "$(id)"])
def test_an_address_is_nothing_but_an_address(problems: Problems, address: str) -> None:
    (line,) = problems(ALL.replace("10.0.0.2", address))
    assert "hosts.web-1.private_address: must be an IP address" in line
