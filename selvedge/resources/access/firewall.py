"""The firewall: ufw allows connections to the SSH ports and to the ports that you name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.config.balancer import SUFFIX
from selvedge.resources.access.undo import UNDO
from selvedge.resources.base import Change, Guard, Resource, section, sections
from selvedge.resources.files import File
from selvedge.resources.services import masked
from selvedge.shell.quoting import words
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.project.render import Template

MARK = "selvedge"
"""The comment of Selvedge's rules. Only rules with this comment are deleted when their port is no longer named.

Rules for single addresses have the name of their app, too: `selvedge-hello`.
"""
BEFORE_INIT = "/etc/ufw/before.init"


class Rule(Value):
    """A rule in ufw's files: `### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=hex` (ufw's backend_iptables.py)."""

    action: str
    protocol: str
    port: str
    anywhere: bool
    ours: bool
    source: str = ""
    comment: str = ""

    @classmethod
    def parse(cls, line: str) -> Rule | None:
        """Return the rule of a tuple line; None for any other line."""
        words = line.removeprefix("### tuple ### ").split()
        if words == line.split() or len(words) < 7:
            return None
        action, protocol, port, to, source_port, source, *rest = words
        if not rest[0].startswith(("in", "out")):
            # The names of ufw's application profiles for the port and the source port, e.g. "Nginx%20Full -".
            rest = rest[2:]
        direction, *rest = rest or [""]
        anywhere = to in ("0.0.0.0/0", "::/0") and source == to and source_port == "any" and direction == "in"
        comment = next((each.removeprefix("comment=") for each in rest if each.startswith("comment=")), "")
        return cls(action, protocol, port, anywhere, comment == MARK.encode().hex(), source, comment)

    def opens(self, port: str, source: str = "") -> bool:
        """Return whether the rule lets in TCP connections to the port from any address, or from this one."""
        return (
            (self.anywhere or (source != "" and self.source == source))
            and self.action in ("allow", "limit")
            and self.protocol in ("tcp", "any")
            and any(_within(port, each) for each in self.port.split(","))
        )


def _within(port: str, ports: str) -> bool:
    first, _, last = ports.partition(":")
    if not first.isdigit():
        return ports == "any"
    return int(first) <= int(port) <= int(last or first)


class Firewall(Resource):
    """ufw is on and lets in `ports` and the ports of ssh, over IPv4 and IPv6. Rules that Selvedge did not make stay.

    So do the ports of nginx's other sites, and the single addresses that other apps of the server need (firewall_peers).
    app: the name of this app's sites. limit: the template of ufw's before.init; it gets the ports of ssh as `ssh_ports`. inner:
    addresses, each with a port that it reaches, which is closed to others unless it is in `ports`.
    """

    ports: tuple[int, ...]
    limit: Template | None = None
    app: str = ""
    inner: tuple[tuple[str, int], ...] = ()
    guard: Guard = UNDO

    def paths(self) -> tuple[str, ...]:
        return (BEFORE_INIT,)

    def hashed(self) -> tuple[str, ...]:
        return (BEFORE_INIT,)

    def units(self) -> tuple[str, ...]:
        return ("ssh.socket",)

    def probe(self) -> str:
        return f"firewall_fact {words(BEFORE_INIT, self.app)}"

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        ssh = parts.get("ssh", "").split()
        wanted = list(dict.fromkeys([*ssh, *(str(port) for port in self.ports)]))
        rules = [rules_of(parts.get(name, "")) for name in ("rules", "rules6")]
        missing = [port for port in wanted if not all(any(rule.opens(port) for rule in each) for each in rules)]
        kept = {*wanted, *parts.get("sites", "").split()}
        stale = sorted({rule.port for each in rules for rule in each if rule.ours and rule.port not in kept})
        state = set(parts.get("state", "").split())
        if "masked" in state:
            return masked("ufw.service")
        running = state == {"on", "deny", "ipv6", "live"}
        if not ssh:
            problem = "Selvedge could not find out which port sshd listens on, so the firewall was not changed."
            remedy = "Look for errors in its output on the server: `sudo sshd -T`."
            return Change.refused("turn on the firewall", problem, remedy=remedy)
        limit = self._limit(ssh, parts.get("limit", ""))
        others = peers_of(parts.get("peers", ""))
        let_in, shut_out = self._sources([rule for each in rules for rule in each])
        # ufw has one rule for an address and a port, which has the name of the app that needed it first.
        shut_out = [each for each in shut_out if each not in others]
        if running and not missing and not stale and not let_in and not shut_out and limit is None:
            return None
        actions = [f"open port {', '.join(missing)}"] if missing else []
        actions += [f"open port {port} to {source}" for source, port in let_in]
        actions += [f"close port {port} to {source}" for source, port in shut_out]
        actions += [f"close port {', '.join(stale)}"] if stale else []
        actions += [f"limit new connections to port {', '.join(ssh)}"] if limit else []
        actions += [] if running else ["turn it on and block all other incoming connections"]
        shell = [f"firewall_open {words(*missing)}"] if missing else []
        shell += [f"firewall_open_to {words(source, port, self._comment)}" for source, port in let_in]
        shell += [f"firewall_close_to {words(source, port)}" for source, port in shut_out]
        shell += [f"firewall_close {words(*stale)}"] if stale else []
        shell += [limit.shell] if limit else []
        shell += ["firewall_on"] if limit or not running else []
        shown = limit.diff if limit else ""
        return Change(f"change the firewall: {'; '.join(actions)}", "\n".join(shell), diff=shown, guard=self.guard)

    @property
    def _comment(self) -> str:
        return f"{MARK}-{self.app.removesuffix(SUFFIX)}"

    def _sources(self, rules: list[Rule]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the addresses with the port that are to be let in, and those that no longer are."""
        wanted = [(source, str(port)) for source, port in self.inner]
        ours = self._comment.encode().hex()
        found = dict.fromkeys((rule.source, rule.port) for rule in rules if rule.comment == ours and not rule.anywhere)
        opened = [(source, port) for source, port in wanted for rule in rules if rule.source == source and rule.opens(port, source)]
        return [each for each in wanted if each not in opened], [each for each in found if each not in wanted]

    def _limit(self, ssh: list[str], fact: str) -> Change | None:
        if not self.limit:
            return None
        return File(BEFORE_INIT, self.limit.render(ssh_ports=ssh), mode="0750").plan(fact)


def rules_of(text: str) -> list[Rule]:
    """Return the rules in a text with lines of ufw's files."""
    return [rule for line in text.splitlines() if (rule := Rule.parse(line))]


def peers_of(text: str) -> dict[tuple[str, str], str]:
    """Return the addresses with their ports that other apps need, and one of these apps. text: as firewall_peers prints it."""
    return {(address, port): app for address, port, app in map(str.split, text.strip().splitlines())}


class AddressesShutOut(Resource):
    """The firewall has no rule that lets in an address for this app alone: a balancer, a client of its database, a monitor.

    Rules for all addresses stay. One that another app needs, too, gets the name of that app: ufw has one rule for an address and a
    port, with the name of the app that needed it first. app: as of Firewall.
    """

    app: str
    guard: Guard = UNDO

    def probe(self) -> str:
        names = {"rules": "firewall_live_rules", "peers": f"firewall_peers {words(self.app)}", "ssh": "sshd_read\nsshd_ports"}
        return "\n".join(section(name, shell) for name, shell in names.items())

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        needed = peers_of(parts.get("peers", ""))
        ssh = parts.get("ssh", "").split()
        comment = f"{MARK}-{self.app.removesuffix(SUFFIX)}".encode().hex()
        rules = [rule for rule in rules_of(parts.get("rules", "")) if rule.comment == comment and not rule.anywhere]
        found = dict.fromkeys((rule.source, rule.port) for rule in rules if rule.protocol == "tcp" and rule.port not in ssh)
        # Without the ports of ssh, a rule that lets someone log in could be closed.
        if not found or not ssh:
            return None
        actions, shell = [], []
        for source, port in found:
            if app := needed.get((source, port)):
                actions.append(f"keep port {port} open to {source} for {app}")
                shell.append(f"firewall_hand_over {words(source, port, f'{MARK}-{app}')}")
            else:
                actions.append(f"close port {port} to {source}")
                shell.append(f"firewall_close_to {words(source, port)}")
        return Change(f"change the firewall: {'; '.join(actions)}", "\n".join(shell), guard=self.guard)


class PortAllowed(Resource):
    """The firewall lets in connections to a port, if `fab harden` has set it up. The change only fails.

    sources: the addresses that must reach the port; empty for all. who: what is at these. why: what does not work else.
    """

    port: int
    sources: tuple[str, ...] = ()
    who: str = "the balancer"
    why: str = "no one could reach the app there"

    def probe(self) -> str:
        files = "/etc/ufw/user.rules /etc/ufw/user6.rules" if self.sources else "/etc/ufw/user.rules"
        return f"grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf {files} || :"

    def plan(self, fact: str) -> Change | None:
        rules = rules_of(fact)
        is_ours = fact.startswith("ENABLED=yes") and any(rule.ours for rule in rules)
        port = str(self.port)
        shut = [source for source in self.sources or [""] if not any(rule.opens(port, source) for rule in rules)]
        if not is_ours or not shut:
            return None
        who = f" from {self.who} {shut[0]}" if shut[0] else ""
        problem = f"The server's firewall does not let in connections to port {port}{who}, so {self.why}."
        remedy = "Run `fab harden` first: it opens the port. Then run the same command again."
        return Change.refused(f"check that the firewall allows port {self.port}", problem, remedy=remedy)
