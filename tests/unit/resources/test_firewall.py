"""The firewall: rules that are enough, and rules that are added."""

from __future__ import annotations

import subprocess

import pytest

from selvedge.resources.access.firewall import BEFORE_INIT, Firewall, Rule
from selvedge.resources.access.undo import UNDO
from selvedge.templates import Template
from tests.support.facts import firewall_fact, rule
from tests.support.libraries import functions


class TestFirewall:
    WALL = Firewall((80, 443))
    OPEN = "\n".join(rule("allow", port, comment="selvedge") for port in ("22", "80", "443"))

    @pytest.mark.parametrize(
        "rules",
        [
            OPEN,
            "\n".join([rule("limit", "22"), rule("allow", "80,443", protocol="any")]),
            rule("allow", "20:500"),
            OPEN + "\n" + rule("allow", "5432"),
            OPEN + "\n" + rule("deny", "25"),
            rule("allow", "any", protocol="any"),
        ],
    )
    def test_whatever_opens_the_ports_is_enough(self, rules: str) -> None:
        assert self.WALL.plan(firewall_fact(rules)) is None

    @pytest.mark.parametrize(
        ("fact", "what"),
        [
            (firewall_fact(""), ["firewall_open 22 80 443"]),
            (firewall_fact(OPEN.replace("22", "222")), ["firewall_open 22", "firewall_close 222"]),
            (firewall_fact(OPEN, ssh="22\n2222"), ["firewall_open 2222"]),
            (firewall_fact(OPEN, rules6=""), ["firewall_open 22 80 443"]),
            (firewall_fact(OPEN.replace("tcp 22 0", "udp 22 0")), ["firewall_open 22"]),
            (firewall_fact(OPEN.replace("allow tcp 22", "deny tcp 22")), ["firewall_open 22"]),
            (firewall_fact(OPEN.replace("in comment", "in_eth1 comment")), ["firewall_open 22 80 443"]),
            (firewall_fact(rule("allow", "22", source="10.0.0.0/8")), ["firewall_open 22 80 443"]),
            (firewall_fact(OPEN + "\n" + rule("allow", "8443", comment="selvedge")), ["firewall_close 8443"]),
            (firewall_fact(OPEN, state=""), ["firewall_on"]),
            (firewall_fact(OPEN, state="on\nipv6\nlive"), ["firewall_on"]),
            (firewall_fact(OPEN, state="on\ndeny\nlive"), ["firewall_on"]),
            (firewall_fact(OPEN, state="on\ndeny\nipv6"), ["firewall_on"]),
        ],
    )
    def test_what_differs_is_changed_under_the_guard(self, fact: str, what: list[str]) -> None:
        change = self.WALL.plan(fact)
        assert change is not None and change.guard is UNDO
        assert change.shell.splitlines() == what

    def test_opens_before_it_turns_on(self) -> None:
        change = self.WALL.plan(firewall_fact("", state=""))
        assert change is not None
        assert change.shell.splitlines() == ["firewall_open 22 80 443", "firewall_on"]

    @pytest.mark.parametrize("fact", [firewall_fact("", ssh=""), ""])
    def test_without_knowing_the_port_of_ssh_nothing_is_turned_on(self, fact: str) -> None:
        change = self.WALL.plan(fact)
        assert change is not None and change.shell.startswith("step_fail ")

    def test_the_limit_is_for_the_port_of_ssh(self) -> None:
        wall = Firewall((80,), limit=Template("harden/before.init.j2"))
        change = wall.plan(firewall_fact(self.OPEN, ssh="22\n2222"))
        assert change and "tcp dport { 22, 2222 } ct state new" in change.shell and "@PORTS@" not in change.shell
        assert f"file_put {BEFORE_INIT} 0750 root root" in change.shell

    def test_ipv6_is_on_before_the_first_rule(self) -> None:
        """ufw writes no rule for IPv6 while it is off."""
        script = (
            f"{functions('firewall')}\nguard_touches() {{ :; }}\ngrep() {{ return 1; }}\n"
            'ufw() { echo "ufw $1"; }\nsed() { echo "$2"; }\nfirewall_open 22'
        )
        done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == ["ufw --force", "s/^IPV6=.*/IPV6=yes/", "ufw allow"]

    def test_other_lines_are_no_rules(self) -> None:
        assert Rule.parse("### RULES ###") is None
        assert Rule.parse("-A ufw-user-input -p tcp --dport 22 -j ACCEPT") is None
        assert Rule.parse("") is None
