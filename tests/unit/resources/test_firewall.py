"""The firewall: rules that are enough, and rules that are added."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from selvedge.project.render import Template
from selvedge.resources.access.firewall import BEFORE_INIT, MARK, AddressesShutOut, Firewall, PortAllowed, Rule
from selvedge.resources.access.undo import UNDO
from selvedge.resources.base import Resource
from selvedge.shell.library import library
from tests.support.facts import firewall_fact, rule
from tests.support.libraries import functions
from tests.support.tables import check, table

WALL = Firewall((80, 443))
OPEN = "\n".join(rule("allow", port, comment="selvedge") for port in ("22", "80", "443"))
SSH = rule("allow", "22", comment="selvedge")
SSH6 = SSH.replace("0.0.0.0/0", "::/0")
INNER = rule("allow", "80", source="10.0.0.1", comment="selvedge-hello")
INNER6 = INNER.replace("0.0.0.0/0", "::/0").replace("10.0.0.1", "fd00::1")
OWN, OTHER = (each.encode().hex() for each in ("hello", "other"))
BACKEND = Firewall((), app="hello", inner=(("10.0.0.1", 80),))
PROFILE = "### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in"
OPEN_ALL = ("change the firewall: open port 22, 80, 443", "firewall_open 22 80 443")
OPEN_SSH = ("change the firewall: open port 22", "firewall_open 22")
TURN_ON = ("change the firewall: turn it on and block all other incoming connections", "firewall_on")
UNKNOWN = (
    "turn on the firewall",
    "step_fail 'Selvedge could not find out which port sshd listens on, so the firewall was not changed.'",
)


@table(
    # Rules that open the ports already, whoever wrote them.
    (WALL, firewall_fact(OPEN), None),
    (WALL, firewall_fact("\n".join([rule("limit", "22"), rule("allow", "80,443", protocol="any")])), None),
    (WALL, firewall_fact(rule("allow", "20:500")), None),
    (WALL, firewall_fact(OPEN + "\n" + rule("allow", "5432")), None),
    (WALL, firewall_fact(OPEN + "\n" + rule("deny", "25")), None),
    (WALL, firewall_fact(rule("allow", "any", protocol="any")), None),
    (WALL, firewall_fact(f"{rule('allow', '22')}\n{PROFILE}"), None),
    # Rules that do not.
    (WALL, firewall_fact(""), *OPEN_ALL),
    (WALL, firewall_fact(OPEN, rules6=""), *OPEN_ALL),
    (WALL, firewall_fact(OPEN.replace("in comment", "in_eth1 comment")), *OPEN_ALL),
    (WALL, firewall_fact(rule("allow", "22", source="10.0.0.0/8")), *OPEN_ALL),
    (WALL, firewall_fact(OPEN.replace("tcp 22 0", "udp 22 0")), *OPEN_SSH),
    (WALL, firewall_fact(OPEN.replace("allow tcp 22", "deny tcp 22")), *OPEN_SSH),
    (WALL, firewall_fact(OPEN, ssh="22\n2222"), "change the firewall: open port 2222", "firewall_open 2222"),
    # Rules of Selvedge for ports that it no longer opens.
    (WALL, firewall_fact(OPEN.replace("22", "222")), "change the firewall: open port 22; close port 222",
     "firewall_open 22\nfirewall_close 222"),
    (WALL, firewall_fact(OPEN + "\n" + rule("allow", "8443", comment="selvedge")), "change the firewall: close port 8443",
     "firewall_close 8443"),
    # A port for single addresses only, such as those of the balancers.
    (BACKEND, firewall_fact(f"{SSH}\n{INNER}", rules6=SSH6), None),
    (BACKEND, firewall_fact(OPEN), "change the firewall: open port 80 to 10.0.0.1; close port 443, 80",
     "firewall_open_to 10.0.0.1 80 selvedge-hello\nfirewall_close 443 80"),
    (BACKEND, firewall_fact(f"{SSH}\n{INNER.replace('10.0.0.1', '10.0.0.9')}", rules6=SSH6),
     "change the firewall: open port 80 to 10.0.0.1; close port 80 to 10.0.0.9",
     "firewall_open_to 10.0.0.1 80 selvedge-hello\nfirewall_close_to 10.0.0.9 80"),
    (BACKEND, firewall_fact(f"{SSH}\n{INNER}\n{INNER.replace(OWN, OTHER)}", rules6=SSH6), None),
    (Firewall((22,), app="hello"), firewall_fact(f"{SSH}\n{INNER}", rules6=SSH6), "change the firewall: close port 80 to 10.0.0.1",
     "firewall_close_to 10.0.0.1 80"),
    # Another backend of the server needs the rule, too.
    (Firewall((22,), app="hello"), firewall_fact(f"{SSH}\n{INNER}", rules6=SSH6) + "\n--- peers\n10.0.0.1 80 shop", None),
    (Firewall((22,), app="hello"), firewall_fact(f"{SSH}\n{INNER}", rules6=SSH6) + "\n--- peers\n10.0.0.1 8080 shop",
     "change the firewall: close port 80 to 10.0.0.1", "firewall_close_to 10.0.0.1 80"),
    (Firewall((), app="hello", inner=(("fd00::1", 80),)), firewall_fact(SSH, rules6=f"{SSH6}\n{INNER6}"), None),
    # A firewall that is off, or lets in more.
    (WALL, firewall_fact(OPEN, state=""), *TURN_ON),
    (WALL, firewall_fact(OPEN, state="on\nipv6\nlive"), *TURN_ON),
    (WALL, firewall_fact(OPEN, state="on\ndeny\nlive"), *TURN_ON),
    (WALL, firewall_fact(OPEN, state="on\ndeny\nipv6"), *TURN_ON),
    (WALL, firewall_fact(OPEN, state="unboot\non\ndeny\nipv6\nlive"), *TURN_ON),
    (WALL, firewall_fact(OPEN, state="masked\non\ndeny\nipv6\nlive"), "start ufw.service, which is masked",
     "service_masked ufw.service 'set `firewall = false` under [server] in hosts.toml'"),
    (WALL, firewall_fact("", state=""),
     "change the firewall: open port 22, 80, 443; turn it on and block all other incoming connections",
     "firewall_open 22 80 443\nfirewall_on"),
    # Without the port of ssh, the firewall could shut you out.
    (WALL, firewall_fact("", ssh=""), *UNKNOWN),
    (WALL, "", *UNKNOWN),
)  # fmt: skip
def test_firewall(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
    change = resource.plan(fact)
    assert change is None or change.shell == shell
    assert change is None or change.shell.startswith(("step_fail ", "service_masked ")) or change.guard is UNDO


@table(
    (PortAllowed(443), "", None),
    (PortAllowed(443), f"ENABLED=yes\n{OPEN}", None),
    # It is turned off, or `fab harden` did not set it up.
    (PortAllowed(8443), OPEN, None),
    (PortAllowed(8443), f"ENABLED=yes\n{PROFILE}", None),
    (PortAllowed(8443), f"ENABLED=yes\n{OPEN}\n{rule('allow', '8000:9000')}", None),
    (PortAllowed(8443), f"ENABLED=yes\n{OPEN}", "check that the firewall allows port 8443",
     "step_fail 'The server…"),
    # The balancers must reach a backend.
    (PortAllowed(80, ("10.0.0.1",)), f"ENABLED=yes\n{SSH}\n{INNER}", None),
    (PortAllowed(80, ("10.0.0.1",)), f"ENABLED=yes\n{OPEN}", None),
    (PortAllowed(80, ("10.0.0.1", "10.0.0.2")), f"ENABLED=yes\n{SSH}\n{INNER}", "check that the firewall allows port 80",
     "step_fail 'The server…"),
)  # fmt: skip
def test_a_site_is_not_moved_to_a_closed_port(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_new_connections_are_limited_on_every_port_of_ssh() -> None:
    wall = Firewall((80,), limit=Template("harden/before.init.j2"))
    change = wall.plan(firewall_fact(OPEN, ssh="22\n2222"))
    assert change and "tcp dport { 22, 2222 } ct state new" in change.shell and "@PORTS@" not in change.shell
    assert f"file_put {BEFORE_INIT} 0750 root root" in change.shell


def test_ipv6_is_turned_on_before_the_first_rule() -> None:
    """ufw writes no rule for IPv6 while it is off."""
    script = (
        f"{functions('firewall')}\nguard_touches() {{ :; }}\ngrep() {{ return 1; }}\n"
        'firewall_ufw() { echo "ufw $1"; }\nsed() { echo "$2"; }\nfirewall_open 22'
    )
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["ufw --force", "s/^IPV6=.*/IPV6=yes/", "ufw allow"]


def test_an_error_of_ufw_is_passed_on(tmp_path: Path) -> None:
    output = "ERROR: problem running ufw-init\\niptables-restore: line 5 failed\\n\\nProblem running '/etc/ufw/before.rules'"
    script = (
        f"{functions('firewall')}\nundo={tmp_path}; mark=@\nufw() {{ printf '%b\\n' \"{output}\"; return 1; }}\n"
        "step_fail() { echo \"$*\"; exit 1; }\nfirewall_ufw --force enable"
    )
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        "`ufw --force enable` failed: iptables-restore: line 5 failed. Correct that on the server, or set firewall = false under "
        "[server] in hosts.toml if another firewall protects it."
    )


@pytest.mark.parametrize("line", ["### RULES ###", "-A ufw-user-input -p tcp --dport 22 -j ACCEPT", ""])
def test_other_lines_are_no_rules(line: str) -> None:
    assert Rule.parse(line) is None


def test_new_rules_have_the_comment_of_our_rules() -> None:
    assert f" comment {MARK};" in library("firewall")


@pytest.mark.parametrize(("rules", "peers", "closed"), [
    ("", "", []),
    (OPEN, "", []),
    (f"{OPEN}\n{INNER}\n{INNER6}", "", ["close_to 10.0.0.1 80", "close_to fd00::1 80"]),
    (INNER, "10.0.0.1 80 shop", ["hand_over 10.0.0.1 80 selvedge-shop"]),
    (INNER, "10.0.0.1 9180 shop\n10.0.0.2 80 shop", ["close_to 10.0.0.1 80"]),
    (INNER.replace(OWN, OTHER), "", []),
    # No one is ever locked out, whatever the rule's comment says.
    (INNER.replace("tcp 80 ", "tcp 22 "), "", []),
])  # fmt: skip
def test_an_app_that_is_removed_leaves_no_rule_for_an_address(rules: str, peers: str, closed: list[str]) -> None:
    fact = f"\n--- rules\n{rules}\n\n--- peers\n{peers}\n\n--- ssh\n22\n"
    for app in ("hello", "hello.balancer"):
        change = AddressesShutOut(app).plan(fact)
        assert (change.shell.splitlines() if change else []) == [f"firewall_{each}" for each in closed]
        assert not change or change.guard == UNDO
        assert not AddressesShutOut(app).plan(fact.replace("22", "")), "the ports of ssh are not known"
