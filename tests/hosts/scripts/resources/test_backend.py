"""A web server behind a balancer: whether it is drained, the wait for open requests, and how the balancer asks it."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.base import Ask
from selvedge.resources.nginx.drained import NoBackend
from selvedge.shell.library import call
from tests.support.libraries import functions

UNIT = "selvedge-drained.hello.service"
MARK = "/etc/nginx/selvedge/hello.drained-by-run"
RULES = "/etc/nginx/selvedge/hello.drained.nft"
VALUES = {"health": "/up?a=b", "health_host": "a.test", "health_timeout": 3}


@pytest.mark.parametrize(
    ("active", "enabled", "state"), [(0, 0, "drained"), (3, 1, ""), (0, 1, "half"), (3, 0, "half")]
)  # fmt: skip
def test_a_drained_server_refuses_requests_now_and_after_a_reboot(server: Any, active: int, enabled: int, state: str) -> None:
    server.program("systemctl", f"case $1 in is-active) exit {active} ;; is-enabled) exit {enabled} ;; esac")
    (fact,) = server.read(Ask(f"backend_state {UNIT} {MARK}"))
    assert fact.strip() == state
    server.path("/etc/nginx/selvedge").mkdir(parents=True)
    server.path(MARK).touch()
    (fact,) = server.read(Ask(f"backend_state {UNIT} {MARK}"))
    assert fact.strip() == (f"{state} run" if state else "")


@pytest.mark.parametrize(("answer", "shown"), [("printf 200", "200"), ("printf 000; exit 7", "0"), ("exit 7", "0")])
def test_a_balancer_asks_as_it_asks_for_visitors(server: Any, answer: str, shown: str) -> None:
    server.program("curl", f'printf "%s\\n" "$*" >/var/log/asked; {answer}')
    (fact,) = server.read(Ask(call("backend_answers", "web-1", "[fd00::1]:80", given=VALUES)))
    assert fact.strip() == f"backend web-1 {shown}"
    asked = server.path("/var/log/asked").read_text()
    assert "-H Host: a.test" in asked and asked.endswith("-- http://[fd00::1]:80/up?a=b\n")


def test_a_balancer_asks_all_backends_at_once(server: Any) -> None:
    """Each answers once all have been asked: one after the other, they would never."""
    site = "/etc/nginx/sites-enabled/hello.balancer"
    names = {f"web-{number}": f"10.0.0.{number}:80" for number in range(2, 6)}
    server.path(site).parent.mkdir(parents=True)
    server.path(site).write_text("".join(f"    server {address} max_fails=1;\n" for address in names.values()))
    wait = 'i=0; while [ "$(wc -l </var/log/asked)" -lt 4 ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done'
    server.program("curl", f'echo x >>/var/log/asked; {wait}; [ $i -lt 100 ] && printf 200')
    asked = [word for pair in names.items() for word in pair]
    (fact,) = server.read(Ask(call("backend_seen", site, *asked, "web-9", "10.0.0.9:80", given=VALUES)))
    assert sorted(fact.split("\n")) == ["", *(f"backend {name} 200" for name in names), "backend web-9 0"]
    (fact,) = server.read(Ask(call("backend_seen", "", "web-9", "10.0.0.9:80", given=VALUES)))
    assert fact == "backend web-9 200\n", "without a site, each is asked"


def drained(server: Any, busy: int, by: str = "user") -> list[str]:
    """Drain with a connection that is open for so many looks. Return what was said, and the commands of systemctl."""
    server.program("systemctl", 'echo "$*" >>/var/log/systemctl')
    server.program("ss", f'echo x >>/var/log/looks; if [ "$(wc -l </var/log/looks)" -le {busy} ]; then echo connection; fi')
    server.program("sleep", "exit 0")
    server.path(MARK).parent.mkdir(parents=True, exist_ok=True)
    script = f'mark=m undo=/run\n{functions("backend", "service", "step", "reason")}\nbackend_drain {UNIT} 80 2 {MARK} {by}\n'
    said = server.run(script).stdout.decode().splitlines()
    return [*said, *server.path("/var/log/systemctl").read_text().splitlines()]


def test_a_drain_ends_with_the_last_open_request(server: Any) -> None:
    assert drained(server, 3) == ["daemon-reload", f"enable {UNIT}", f"restart {UNIT}"]
    assert server.path("/var/log/looks").read_text().count("x") == 5


def test_a_drain_does_not_wait_for_ever(server: Any) -> None:
    said = drained(server, 1000)
    assert "1 connections are still open" in said[0] and server.path("/var/log/looks").read_text().count("x") <= 13


def test_what_was_never_drained_needs_no_end(server: Any) -> None:
    server.program("systemctl", 'echo "$*" >>/var/log/systemctl; [ "$1" != cat ]')
    server.run(f'mark=m undo=/run\n{functions("backend", "service", "step", "reason")}\nbackend_undrain {UNIT} {MARK}\n')
    assert server.path("/var/log/systemctl").read_text().splitlines() == ["daemon-reload", f"cat {UNIT}"]


def test_what_a_former_backend_has_is_removed(server: Any) -> None:
    """The unit that drains the server at a shutdown must not do that when it ends: systemd forgets its commands first."""
    app = Target.model_construct(name="hello")
    resource = NoBackend.of(app)
    assert [fact.strip() for fact in server.read(resource)] == [""]
    server.program("systemctl", f'echo "$* $(test -e {resource.files[3]} && echo file)" >>/var/log/systemctl')
    server.program("nft", 'echo "nft $*" >>/var/log/systemctl; exit 1')
    for path in resource.owned():
        server.path(path).parent.mkdir(parents=True, exist_ok=True)
        server.path(path).touch()
    change = resource.plan(server.read(resource)[0])
    assert change and change.diff.count("\n-") == len(resource.owned()) - 1
    server.run(f'mark=m undo=/run\nset -eu\n{functions("backend", "service", "step", "reason")}\n{change.shell}\n')
    leave = "selvedge-leave.hello.service"
    assert [line.rstrip() for line in server.path("/var/log/systemctl").read_text().splitlines()] == [
        f"is-active -q {UNIT} file", f"stop {UNIT} file", "daemon-reload", f"stop {leave}", "nft delete table inet selvedge_hello",
    ]  # fmt: skip
    assert resource.plan(server.read(resource)[0]) is None


def test_who_has_drained_a_server_is_noted_until_the_end(server: Any) -> None:
    drained(server, 0, "run")
    assert server.path(MARK).exists()
    drained(server, 0)
    assert not server.path(MARK).exists(), "a user has drained it now"
    drained(server, 0, "run")
    server.run(f'mark=m undo=/run\n{functions("backend", "service", "step", "reason")}\nbackend_undrain {UNIT} {MARK}\n')
    assert not server.path(MARK).exists()


def test_other_apps_with_the_port_and_a_balancer_of_this_one_are_found(server: Any) -> None:
    server.program("systemctl", 'test "$3" = selvedge-drained.shop.service')
    folder = server.path(RULES).parent
    folder.mkdir(parents=True)
    rule = "ip saddr 10.0.0.1 tcp dport 80 tcp flags & (syn | ack) == syn reject with tcp reset\n"
    others = {"shop": rule, "wiki": rule, "far": rule.replace("0.1 ", "0.11 "), "odd": rule.replace(" 80 ", " 8080 ")}
    for name, text in {"hello": rule, **others}.items():
        (folder / f"{name}.drained.nft").write_text(f"        {text}")
    (fact,) = server.read(Ask(f"backend_fact {UNIT} {MARK} {RULES}"))
    assert fact.splitlines() == ["state ", "with shop on", "with wiki off"]
    server.path(RULES).unlink()
    (fact,) = server.read(Ask(f"backend_fact {UNIT} {MARK} {RULES}"))
    assert fact.splitlines() == ["state "], "before the first deploy"


SITE = """upstream NAME.balancer {
    least_conn;
    server 10.0.0.2:80 max_fails=1 fail_timeout=5s; # web-1
    server OTHER:80 max_fails=1 fail_timeout=5s; # web-2
    server 10.0.0.2:80 backup max_fails=0;
}
server {
    server_name NAME.test www.NAME.test;
}
"""


def test_a_balancer_sees_which_sites_would_have_no_backend(server: Any) -> None:
    enabled = server.path("/etc/nginx/sites-enabled")
    enabled.mkdir(parents=True)
    addresses = {"hello": "10.0.0.3", "shop": "10.0.0.4", "wiki": "10.0.0.5", "dead": "10.0.0.6"}
    for name, other in addresses.items():
        (enabled / f"{name}.balancer").write_text(SITE.replace("NAME", name).replace("OTHER", other))
    # shop.test is answered by 10.0.0.2 alone, wiki.test by both, dead.test by none.
    answers = 'case "$*" in *shop.test*10.0.0.2*|*wiki.test*|*hello.test*) ;; *) exit 7 ;; esac'
    server.program("curl", f'{answers}; case "$*" in *http_code*) printf 200 ;; esac')
    values = {**VALUES, "health_host": "hello.test"}
    site = "/etc/nginx/sites-enabled/hello.balancer"
    asked = [
        Ask(call("backend_seen", site, "web-1", "10.0.0.2:80", given=values)),
        Ask(call("backend_seen", site, "web-9", "10.0.0.9:80", given=values)),
        Ask(f"backend_alone {site} 10.0.0.2:80"),
    ]
    assert [fact.strip() for fact in server.read(*asked)] == ["backend web-1 200", "backend web-9 0", "alone shop"]


@pytest.mark.parametrize("on", [True, False])
def test_only_a_drained_server_shows_its_rules(server: Any, on: bool) -> None:
    server.program("systemctl", "true" if on else "false")
    server.program("nft", 'echo "$*"')
    (fact,) = server.read(Ask(f"backend_rules {UNIT} selvedge_hello"))
    assert fact.splitlines() == (["on", "list table inet selvedge_hello"] if on else [])


def test_the_firewall_keeps_what_other_apps_of_the_server_need(server: Any) -> None:
    """hello and shop are backends of one balancer, wiki is public, and old was removed."""
    enabled, folder = server.path("/etc/nginx/sites-enabled"), server.path(RULES).parent
    enabled.mkdir(parents=True)
    folder.mkdir(parents=True)
    listen, stranger = "    listen PORT;\n", "map x $selvedge_stranger_NAME {\n}\n"
    for name, port, text in (("hello", 80, stranger), ("shop", 8081, stranger), ("wiki", 8082, "")):
        (enabled / name).write_text(text.replace("NAME", name) + listen.replace("PORT", str(port)))
    for name, port in (("hello", 80), ("shop", 8081), ("old", 8083)):
        rule = f"        ip saddr 10.0.0.1 tcp dport {port} tcp flags & (syn | ack) == syn reject with tcp reset\n"
        (folder / f"{name}.drained.nft").write_text(rule)
    asked = [Ask(f"{function} {name}") for name in ("hello", "hello.balancer") for function in ("firewall_sites", "firewall_peers")]
    assert [fact.strip() for fact in server.read(*asked)] == ["8082", "10.0.0.1 8081 shop"] * 2


HBA = "/etc/postgresql/17/main/pg_hba.conf"
SOCKET = "[Socket]\nListenStream=[fd00::5]:9180\nIPAddressAllow=fd00::9\n"


def test_the_firewall_keeps_the_clients_of_other_apps_databases(server: Any) -> None:
    """hello and shop have their databases here, for the same server."""
    server.path(HBA).parent.mkdir(parents=True)
    texts = {
        "hello": 'hostssl "hello" "hello" 10.0.0.11/32 scram-sha-256\nhostssl "hello" "hello" fd00::13/128 scram-sha-256\n',
        "shop": 'hostssl "shop" "shop" 10.0.0.11/32 scram-sha-256\nhostssl "shop" "shop" fd00::12/128 scram-sha-256\n',
    }
    blocks = [
        f"# selvedge: the servers that use the database {name}\n{text}# selvedge: end of {name}\n" for name, text in texts.items()
    ]
    server.path(HBA).write_text("".join([*blocks, 'hostssl "all" "all" 192.0.2.1/32 scram-sha-256\nlocal all all peer\n']))
    facts = server.read(Ask("firewall_peers hello"), Ask("firewall_peers shop"), Ask("firewall_peers wiki"))
    assert [fact.split("\n") for fact in map(str.strip, facts)] == [
        ["10.0.0.11 5432 shop", "fd00::12 5432 shop"],
        ["10.0.0.11 5432 hello", "fd00::13 5432 hello"],
        ["10.0.0.11 5432 hello", "10.0.0.11 5432 shop", "fd00::12 5432 shop", "fd00::13 5432 hello"],
    ]


@pytest.mark.parametrize(("apps", "kept"), [(("hello", "shop"), "fd00::9 9180 shop"), (("hello",), ""), ((), "")])
def test_the_firewall_keeps_the_prometheus_that_asks_for_other_apps(server: Any, apps: tuple[str, ...], kept: str) -> None:
    folder = server.path("/etc/systemd/system/selvedge-metrics-private.socket.d")
    folder.mkdir(parents=True)
    assert server.read(Ask("firewall_peers hello"))[0].strip() == ""
    for name in apps:
        (folder / f"60-{name}.conf").write_text(SOCKET)
    assert server.read(Ask("firewall_peers hello"))[0].strip() == kept
